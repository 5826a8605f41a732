import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { DueGuard } from "../core/decision.ts";
import type { Run, RunKey } from "../core/run.ts";
import { TABLE } from "../names.ts";
import type { Runs } from "../ports/runs.ts";
import { type Dynamo, guarded, type Item, keyOf, number, text, textOf } from "./dynamo.ts";
import { attributesOf, itemOf, runOf, SIGHTED, shardKey, sightingOf, stateLetter, updateOf } from "./run-item.ts";

/** `renews` of lib/core/lease.ts in DynamoDB's words. */
const RENEWS = "f = :fence AND q IN (:running, :leaving) AND d < :d AND (attribute_not_exists(x) OR x > :now)";

function guardOf(due: DueGuard | undefined): string {
  if (due === undefined) return "";
  return "is" in due ? " AND d = :dueSeen" : " AND d <= :dueSeen";
}

/** The run items in DynamoDB. */
export function dynamoRuns({ client, table }: Dynamo): Runs {
  const itemKey = ({ shard, run }: RunKey): Item => keyOf(shardKey(shard), run);

  const read = async (key: RunKey): Promise<Run | undefined> => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: table, Key: itemKey(key), ConsistentRead: true }),
    );
    return Item === undefined ? undefined : runOf(Item);
  };

  const query = async (
    shard: number,
    limit: number,
    cursor: string | undefined,
    more: Partial<QueryCommandInput>,
  ): Promise<{ items: Item[]; cursor?: string }> => {
    const { Items = [], LastEvaluatedKey } = await client.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: `${TABLE.partitionKey} = :p`,
        ExpressionAttributeValues: { ":p": text(shardKey(shard)) },
        Limit: limit,
        ...(cursor !== undefined && { ExclusiveStartKey: keyOf(shardKey(shard), cursor) }),
        ...more,
      }),
    );
    return {
      items: Items,
      ...(LastEvaluatedKey !== undefined && { cursor: textOf(LastEvaluatedKey, TABLE.sortKey) }),
    };
  };

  return {
    read,
    create: (run) =>
      guarded(() =>
        client.send(
          new PutItemCommand({
            TableName: table,
            Item: itemOf(run),
            ConditionExpression: `attribute_not_exists(${TABLE.partitionKey})`,
          }),
        ),
      ),
    replace: (seen, next, due) => {
      const { expression, values } = updateOf(seen, next);
      return guarded(() =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: itemKey(seen),
            UpdateExpression: expression,
            ConditionExpression: `r = :revSeen${guardOf(due)}`,
            ExpressionAttributeValues: {
              ...values,
              ":revSeen": number(seen.rev),
              ...(due !== undefined && { ":dueSeen": number("is" in due ? due.is : due.atMost) }),
            },
          }),
        ),
      );
    },
    renew: async (key, { fence, now, due, progress }) => {
      const attributes = attributesOf({ due, ...(progress !== undefined && { progress }) });
      const letters = Object.keys(attributes);
      try {
        const { Attributes } = await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: itemKey(key),
            UpdateExpression: `SET ${letters.map((letter) => `${letter} = :${letter}`).join(", ")}`,
            ConditionExpression: RENEWS,
            ExpressionAttributeValues: {
              ...Object.fromEntries(letters.map((letter) => [`:${letter}`, attributes[letter] ?? { NULL: true }])),
              ":fence": number(fence),
              ":now": number(now),
              ":running": stateLetter("running"),
              ":leaving": stateLetter("leaving"),
            },
            ReturnValues: "ALL_NEW",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        );
        return { write: "written", run: runOf(Attributes ?? {}) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        // dynalite does not return the item with the failure; and an absent item has none to return.
        return { write: "stale", run: error.Item === undefined ? await read(key) : runOf(error.Item) };
      }
    },
    remove: (seen) =>
      guarded(() =>
        client.send(
          new DeleteItemCommand({
            TableName: table,
            Key: itemKey(seen),
            ConditionExpression: `attribute_not_exists(${TABLE.partitionKey}) OR r = :revSeen`,
            ExpressionAttributeValues: { ":revSeen": number(seen.rev) },
          }),
        ),
      ),
    page: async (shard, limit, cursor) => {
      const { items, ...rest } = await query(shard, limit, cursor, { ProjectionExpression: SIGHTED });
      return { sightings: items.map(sightingOf), ...rest };
    },
    list: async (shard, limit, cursor) => {
      const { items, ...rest } = await query(shard, limit, cursor, {});
      return { runs: items.map(runOf), ...rest };
    },
  };
}
