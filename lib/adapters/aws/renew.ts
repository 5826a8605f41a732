import type { UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";
import type { Run, RunKey } from "../../core/run.ts";
import type { Runs } from "../../ports/runs.ts";
import { type Item, keyOf, number } from "./item.ts";
import { A, assigning, attributesOf, runOf, shardKey, stateLetter } from "./run-item.ts";

/** `renews` of lib/core/lease.ts, as a condition of DynamoDB. */
const RENEWS = [
  `${A.fence} = :fence`,
  `${A.state} IN (:running, :leaving)`,
  `${A.due} < :${A.due}`,
  `(attribute_not_exists(${A.lastRenewable}) OR ${A.lastRenewable} > :now)`,
].join(" AND ");

/** The result of an update. If its own condition refused it, it may bring the item that was there. */
export type Updated =
  | { readonly isRefused: false; readonly item: Item }
  | { readonly isRefused: true; readonly item: Item | undefined };

/** How a beat reaches the table: with the SDK, or with a call that is signed here. */
export type Reach = {
  update(input: UpdateItemCommandInput): Promise<Updated>;
  read(key: RunKey): Promise<Run | undefined>;
};

/** The write of a beat: one update. Everything rests on its guard. */
export function renewing(table: string, { update, read }: Reach): Runs["renew"] {
  return async (key, { fence, now, due, progress }) => {
    const { assignments, values } = assigning(attributesOf({ due, ...(progress !== undefined && { progress }) }));
    const updated = await update({
      TableName: table,
      Key: keyOf(shardKey(key.shard), key.run),
      UpdateExpression: `SET ${assignments}`,
      ConditionExpression: RENEWS,
      ExpressionAttributeValues: {
        ...values,
        ":fence": number(fence),
        ":now": number(now),
        ":running": stateLetter("running"),
        ":leaving": stateLetter("leaving"),
      },
      ReturnValues: "ALL_NEW",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    if (!updated.isRefused) return { write: "written", run: runOf(updated.item) };
    // dynalite does not return the item with the failure, and an absent item has none to return.
    return { write: "stale", run: updated.item === undefined ? await read(key) : runOf(updated.item) };
  };
}
