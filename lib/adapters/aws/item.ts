import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Instant } from "../../core/time.ts";
import { TABLE } from "../../names.ts";

/** An item as DynamoDB sends it. */
export type Item = Record<string, AttributeValue>;

export const keyOf = (partition: string, sort: string): Item => ({
  [TABLE.partitionKey]: { S: partition },
  [TABLE.sortKey]: { S: sort },
});

export const text = (value: string): AttributeValue => ({ S: value });
export const number = (value: number): AttributeValue => ({ N: String(value) });
export const json = (value: unknown): AttributeValue => ({ S: JSON.stringify(value) });

/** The attribute, or an error that names it. An item that we wrote has it. */
function attribute(item: Item, name: string): AttributeValue {
  const value = item[name];
  if (value === undefined) throw new Error(`the item ${JSON.stringify(item)} has no attribute ${name}`);
  return value;
}

export const textOf = (item: Item, name: string): string => String(attribute(item, name).S);
export const numberOf = (item: Item, name: string): number => Number(attribute(item, name).N);
export const jsonOf = (item: Item, name: string): unknown => JSON.parse(textOf(item, name));

/** The TTL attribute: Unix seconds, rounded up, so that nothing expires early. */
export const ttl = (expiry: Instant): AttributeValue => number(Math.ceil(expiry / 1000));

/** Whether the item is past its TTL. DynamoDB deletes it days later, so a reader has to check. */
export const isExpired = (item: Item, now: Instant): boolean =>
  item[TABLE.ttl] !== undefined && numberOf(item, TABLE.ttl) * 1000 <= now;
