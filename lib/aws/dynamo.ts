import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  type DynamoDBClientConfig,
} from "@aws-sdk/client-dynamodb";
import type { Instant } from "../core/time.ts";
import { TABLE } from "../names.ts";
import type { Write } from "../ports/runs.ts";

export type Item = Record<string, AttributeValue>;

/** One table, and the client that reaches it. */
export type Dynamo = { readonly client: DynamoDBClient; readonly table: string };

/**
 * A beat is answered in a few milliseconds or has failed: two tries of 1 s are over long before an agent with the default
 * lease gives up waiting (30 s). 256 sockets, so that a sweep that settles many runs at once does not wait for its own client.
 */
export const dynamoClient = (config: DynamoDBClientConfig = {}): DynamoDBClient =>
  new DynamoDBClient({
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: 1000,
      requestTimeout: 1000,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 256 },
      httpsAgent: { keepAlive: true, maxSockets: 256 },
    },
    ...config,
  });

export const keyOf = (partition: string, sort: string): Item => ({
  [TABLE.partitionKey]: { S: partition },
  [TABLE.sortKey]: { S: sort },
});

export const text = (value: string): AttributeValue => ({ S: value });
export const number = (value: number): AttributeValue => ({ N: String(value) });
export const json = (value: unknown): AttributeValue => ({ S: JSON.stringify(value) });

/** The attribute, or an error that names it: an item that we wrote has it. */
function attribute(item: Item, name: string): AttributeValue {
  const value = item[name];
  if (value === undefined) throw new Error(`the item ${JSON.stringify(item)} has no attribute ${name}`);
  return value;
}

export const textOf = (item: Item, name: string): string => String(attribute(item, name).S);
export const numberOf = (item: Item, name: string): number => Number(attribute(item, name).N);
export const jsonOf = (item: Item, name: string): unknown => JSON.parse(textOf(item, name));

/** `written`, or `stale` when the write's own guard refused it; every other failure is thrown. */
export async function guarded(write: () => Promise<unknown>): Promise<Write> {
  try {
    await write();
    return "written";
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return "stale";
    throw error;
  }
}

/** The TTL attribute: Unix seconds, rounded up, so that nothing goes before its time. */
export const ttl = (expiry: Instant): AttributeValue => number(Math.ceil(expiry / 1000));

/** Whether the item is past its TTL. DynamoDB deletes it days later, so a reader has to look. */
export const isExpired = (item: Item, now: Instant): boolean =>
  item[TABLE.ttl] !== undefined && numberOf(item, TABLE.ttl) * 1000 <= now;
