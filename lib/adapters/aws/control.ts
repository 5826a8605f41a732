import { GetItemCommand, type GetItemCommandInput, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { CANARY_BREAK, type Canary, type Freeze, type FrontDoor } from "../../core/freeze.ts";
import { after, before, type Instant, instant } from "../../core/time.ts";
import { CONTROL } from "../../names.ts";
import type { Control, Standing } from "../../ports/control.ts";
import type { Write } from "../../ports/runs.ts";
import { type Dynamo, guarded } from "./dynamo.ts";
import { type Item, json, jsonOf, keyOf, number, numberOf } from "./item.ts";

/** One partition takes 1,000 write units a second. About 250 beats/s for each shard leave room to spare. */
const FIRST_SHARDS = 4;

const KEY = keyOf(CONTROL.partition, CONTROL.sort);

const freezeOf = (item: Item): Freeze | undefined =>
  item[CONTROL.freeze] === undefined ? undefined : (jsonOf(item, CONTROL.freeze) as Freeze);

const shardsOf = (item: Item): number => (item[CONTROL.shards] === undefined ? 0 : numberOf(item, CONTROL.shards));

const instantIn = (item: Item, name: string): Instant | undefined =>
  item[name] === undefined ? undefined : instant(numberOf(item, name));

function canaryOf(item: Item): Canary {
  const failedAt = instantIn(item, CONTROL.canaryFailed);
  const throughAt = instantIn(item, CONTROL.canarySang);
  const throughSince = instantIn(item, CONTROL.canaryOpenSince);
  return {
    ...(failedAt !== undefined && { failedAt }),
    ...(throughAt !== undefined && { throughAt }),
    ...(throughSince !== undefined && { throughSince }),
  };
}

function frontDoorOf(item: Item): FrontDoor {
  const freeze = freezeOf(item);
  return { canary: canaryOf(item), ...(freeze !== undefined && { freeze }) };
}

function standingOf(item: Item, shards: number): Standing {
  const lastSweep = instantIn(item, CONTROL.lastSweep);
  return {
    shards: Math.max(shards, shardsOf(item)),
    ...(lastSweep !== undefined && { lastSweep }),
    ...frontDoorOf(item),
  };
}

/**
 * `wanted`: how many shards the settings ask for. The highest number that was ever used stays, because runs are in
 * those shards.
 */
export function dynamoControl({ client, table }: Dynamo, wanted = FIRST_SHARDS): Control {
  const read = async (more: Partial<GetItemCommandInput> = {}): Promise<Item> =>
    (await client.send(new GetItemCommand({ TableName: table, Key: KEY, ...more }))).Item ?? {};
  const update = (
    names: Readonly<Record<string, string>>,
    values: Item,
    expression: string,
    condition?: string,
  ): Promise<unknown> =>
    client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: KEY,
        UpdateExpression: expression,
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: values,
        ...(condition !== undefined && { ConditionExpression: condition }),
      }),
    );
  /** The higher of two settings stays, in whatever order they are written. */
  const raise = (): Promise<Write> =>
    guarded(() =>
      update({ "#n": CONTROL.shards }, { ":n": number(wanted) }, "SET #n = :n", "attribute_not_exists(#n) OR #n < :n"),
    );
  return {
    shards: async () => {
      const used = shardsOf(await read());
      // A sweep has to find the run, whatever its own settings are. So the number is stored before the run.
      if (used < wanted) await raise();
      return Math.max(used, wanted);
    },
    standing: async () => standingOf(await read(), wanted),
    beginSweep: async (now, unless, period) => {
      const write = await guarded(() =>
        update(
          { "#d": CONTROL.lastSweep },
          { ":now": number(now), ":unless": number(unless), ":ahead": number(after(now, period)) },
          "SET #d = :now",
          "attribute_not_exists(#d) OR #d <= :unless OR #d > :ahead",
        ),
      );
      return write === "written";
    },
    frontDoor: async () => frontDoorOf(await read({ ConsistentRead: true })),
    rememberFreeze: (freeze) =>
      guarded(() =>
        update(
          { "#j": CONTROL.freeze, "#f": CONTROL.freezeFound },
          { ":freeze": json(freeze), ":found": number(freeze.lastBad) },
          "SET #j = :freeze, #f = :found",
          "attribute_not_exists(#f) OR #f <= :found",
        ),
      ),
    canaryFailed: async (at) => {
      await update(
        { "#b": CONTROL.canaryFailed, "#o": CONTROL.canaryOpenSince },
        { ":at": number(at) },
        "SET #b = :at REMOVE #o",
      );
    },
    canarySang: async (at, isUnbroken) => {
      const names = { "#s": CONTROL.canarySang, "#o": CONTROL.canaryOpenSince };
      const begin = (): Promise<unknown> => update(names, { ":at": number(at) }, "SET #s = :at, #o = :at");
      if (!isUnbroken) {
        await begin();
        return;
      }
      // A canary that was silent for longer says nothing about the time between.
      const values = { ":at": number(at), ":break": number(before(at, CANARY_BREAK)) };
      const goesOn = "#s >= :break AND attribute_exists(#o)";
      const write = await guarded(() => update(names, values, "SET #s = :at", goesOn));
      if (write !== "written") await begin();
    },
  };
}
