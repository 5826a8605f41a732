import { GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import type { Freeze } from "../core/freeze.ts";
import { instant } from "../core/time.ts";
import { CONTROL } from "../names.ts";
import type { Control, Standing } from "../ports/control.ts";
import { type Dynamo, guarded } from "./dynamo.ts";
import { type Item, json, jsonOf, keyOf, number, numberOf } from "./item.ts";

/** One partition takes 1,000 write units a second; a beat a second and room to spare: about 250 beats/s a shard. */
const FIRST_SHARDS = 4;

const KEY = keyOf(CONTROL.partition, CONTROL.sort);

const freezeOf = (item: Item): Freeze | undefined =>
  item[CONTROL.freeze] === undefined ? undefined : (jsonOf(item, CONTROL.freeze) as Freeze);

const shardsOf = (item: Item): number => (item[CONTROL.shards] === undefined ? 0 : numberOf(item, CONTROL.shards));

const standingOf = (item: Item, shards: number): Standing => ({
  shards: Math.max(shards, shardsOf(item)),
  ...(item[CONTROL.lastSweep] !== undefined && { lastSweep: instant(numberOf(item, CONTROL.lastSweep)) }),
  ...(item[CONTROL.canaryFailed] !== undefined && { canaryFailedAt: instant(numberOf(item, CONTROL.canaryFailed)) }),
});

/** `wanted`: how many shards the settings ask for. The number that was used once stays, because runs are in those shards. */
export function dynamoControl({ client, table }: Dynamo, wanted = FIRST_SHARDS): Control {
  const read = async (): Promise<Item> =>
    (await client.send(new GetItemCommand({ TableName: table, Key: KEY }))).Item ?? {};
  const set = async (name: string, value: Item[string], only = {}): Promise<void> => {
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: KEY,
        UpdateExpression: "SET #name = :value",
        ExpressionAttributeNames: { "#name": name },
        ExpressionAttributeValues: { ":value": value },
        ...only,
      }),
    );
  };
  /** Of two settings the higher one stays, whoever writes last. */
  const raise = (): Promise<unknown> =>
    guarded(() =>
      set(CONTROL.shards, number(wanted), { ConditionExpression: "attribute_not_exists(#name) OR #name < :value" }),
    );
  return {
    shards: async () => {
      const used = shardsOf(await read());
      // A sweep has to find the run whatever its own settings are, so the number goes before the run.
      if (used < wanted) await raise();
      return Math.max(used, wanted);
    },
    standing: async () => standingOf(await read(), wanted),
    beginSweep: async (now, unless) => {
      const write = await guarded(() =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: KEY,
            UpdateExpression: "SET #d = :now",
            ConditionExpression: "attribute_not_exists(#d) OR #d <= :unless",
            ExpressionAttributeNames: { "#d": CONTROL.lastSweep },
            ExpressionAttributeValues: { ":now": number(now), ":unless": number(unless) },
          }),
        ),
      );
      return write === "written";
    },
    freeze: async () => freezeOf(await read()),
    rememberFreeze: (freeze) => set(CONTROL.freeze, json(freeze)),
    canaryFailed: (at) => set(CONTROL.canaryFailed, number(at)),
  };
}
