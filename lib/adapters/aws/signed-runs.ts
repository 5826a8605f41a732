import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Runs } from "../../ports/runs.ts";
import { type Item, keyOf } from "./item.ts";
import { renewing } from "./renew.ts";
import { runOf, shardKey } from "./run-item.ts";
import { Refused, type SignedCall } from "./signed-call.ts";

/** An item in JSON, where bytes are base64. */
type WireItem = Readonly<Record<string, { readonly B?: string }>>;
type Answer = { readonly Attributes?: WireItem; readonly Item?: WireItem };

const itemFrom = (wire: WireItem): Item =>
  Object.fromEntries(
    Object.entries(wire).map(([name, value]) => [
      name,
      (value.B === undefined ? value : { B: Buffer.from(value.B, "base64") }) as AttributeValue,
    ]),
  );

/** The part of the run items that a beat needs, without the SDK. `call` goes to DynamoDB. */
export const signedRuns = (call: SignedCall, table: string): Pick<Runs, "renew"> => ({
  renew: renewing(table, {
    update: async (input) => {
      try {
        const { Attributes = {} } = (await call("UpdateItem", input)) as Answer;
        return { isRefused: false, item: itemFrom(Attributes) };
      } catch (error) {
        if (!(error instanceof Refused) || error.kind !== "ConditionalCheckFailedException") throw error;
        const { Item } = error.body as Answer;
        return { isRefused: true, item: Item === undefined ? undefined : itemFrom(Item) };
      }
    },
    read: async ({ shard, run }) => {
      const input = { TableName: table, Key: keyOf(shardKey(shard), run), ConsistentRead: true };
      const { Item } = (await call("GetItem", input)) as Answer;
      return Item === undefined ? undefined : runOf(itemFrom(Item));
    },
  }),
});
