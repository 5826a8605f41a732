import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Item } from "../../lib/aws/item.ts";

const bytes = (text: string): number => Buffer.byteLength(text);

/** The digits in pairs, counted from the point. */
const pairs = (digits: number): number => Math.ceil(digits / 2);

/** One byte, one more for a minus, and one per pair of digits; pairs of zeros in front and behind are not kept. */
function numberSize(value: string): number {
  const [, minus, whole = "", fraction = ""] = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(value) ?? [];
  if (minus === undefined) throw new Error(`${value} is not written as a number of ours is`);
  const kept = fraction === "" ? whole.replace(/(00)+$/, "") : whole;
  return 1 + minus.length + pairs(kept.length) + pairs(fraction.length);
}

function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return bytes(value.S);
  if (value.N !== undefined) return numberSize(value.N);
  if (value.B !== undefined) return value.B.byteLength;
  if (value.BOOL !== undefined) return 1;
  throw new Error(`no item of ours has a value like ${JSON.stringify(value)}`);
}

/**
 * The bytes by which DynamoDB meters an item: the names count as the values do. Source: "DynamoDB item sizes and formats"
 * in its developer guide, which leaves the numbers vague; their rule here is what DynamoDB Local was seen to do.
 */
export const itemSize = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + bytes(name) + valueSize(value), 0);
