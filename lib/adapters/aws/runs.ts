import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import type { DueGuard } from "../../core/decision.ts";
import type { Run, RunKey } from "../../core/run.ts";
import { TABLE } from "../../names.ts";
import type { Runs } from "../../ports/runs.ts";
import { type Dynamo, guarded } from "./dynamo.ts";
import { type Item, keyOf, number, text, textOf } from "./item.ts";
import { renewing, type Updated } from "./renew.ts";
import { A, itemOf, runOf, SIGHTED, shardKey, sightingOf, updateOf } from "./run-item.ts";

function guardOf(due: DueGuard | undefined): string {
  if (due === undefined) return "";
  return "is" in due ? ` AND ${A.due} = :dueSeen` : ` AND ${A.due} <= :dueSeen`;
}

/** Sends the update of a beat with the SDK. */
async function updateBySdk(client: DynamoDBClient, input: UpdateItemCommandInput): Promise<Updated> {
  try {
    const { Attributes = {} } = await client.send(new UpdateItemCommand(input));
    return { isRefused: false, item: Attributes };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return { isRefused: true, item: error.Item };
  }
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
            ConditionExpression: `${A.rev} = :revSeen${guardOf(due)}`,
            ExpressionAttributeValues: {
              ...values,
              ":revSeen": number(seen.rev),
              ...(due !== undefined && { ":dueSeen": number("is" in due ? due.is : due.atMost) }),
            },
          }),
        ),
      );
    },
    renew: renewing(table, { read, update: (input) => updateBySdk(client, input) }),
    remove: (seen) =>
      guarded(() =>
        client.send(
          new DeleteItemCommand({
            TableName: table,
            Key: itemKey(seen),
            ConditionExpression: `attribute_not_exists(${TABLE.partitionKey}) OR ${A.rev} = :revSeen`,
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
