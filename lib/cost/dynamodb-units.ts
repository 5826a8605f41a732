/**
 * What DynamoDB bills for a request. The rules are from its developer guide: "Item sizes and formats", "Read and write
 * requests" and "Global secondary indexes". Where the guide is vague, they are from captures of real tables (Parity's
 * suite, eu-west-2, 2026-08-12; the changelog of dynoxide). test/cost/dynamodb-units.test.ts checks these facts.
 */

/** An attribute value in the wire format of DynamoDB. Bytes may also be a byte array. */
export type Value = {
  readonly S?: string | undefined;
  readonly N?: string | undefined;
  readonly B?: Uint8Array | string | undefined;
  readonly BOOL?: boolean | undefined;
  readonly NULL?: boolean | undefined;
  readonly L?: readonly Value[] | undefined;
  readonly M?: Readonly<Record<string, Value>> | undefined;
  readonly SS?: readonly string[] | undefined;
  readonly NS?: readonly string[] | undefined;
};

export type MeteredItem = Readonly<Record<string, Value>>;

const utf8 = new TextEncoder();
const textBytes = (text: string): number => utf8.encode(text).length;

/** The digits in pairs, counted from the point. */
const pairs = (digits: number): number => Math.ceil(digits / 2);

/** One byte, one more for a minus, and one for each pair of digits, without leading and trailing pairs of zeros. */
function numberBytes(value: string): number {
  const [, minus, before = "", behind = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(value) ?? [];
  if (minus === undefined) throw new Error(`${value} is not a number`);
  // JavaScript writes very large and very small numbers with an exponent, which moves the point.
  const digits = before + behind;
  const point = before.length + Number(exponent);
  const whole = digits.slice(0, Math.max(0, point)).padEnd(point, "0").replace(/^0+/, "");
  const fraction = ("0".repeat(Math.max(0, -point)) + digits.slice(Math.max(0, point))).replace(/0+$/, "");
  const left = fraction === "" ? whole.replace(/(00)+$/, "") : whole;
  const right = whole === "" ? fraction.replace(/^(00)+/, "") : fraction;
  return 1 + minus.length + pairs(left.length) + pairs(right.length);
}

const sum = <T>(all: readonly T[], bytes: (one: T) => number): number =>
  all.reduce((total, one) => total + bytes(one), 0);

/** A list or a map costs 3 bytes, and each of its elements one more. */
const STRUCTURE = 3;
const ELEMENT = 1;

function valueBytes(value: Value): number {
  if (value.S !== undefined) return textBytes(value.S);
  if (value.N !== undefined) return numberBytes(value.N);
  if (value.B !== undefined)
    return typeof value.B === "string" ? Math.floor((value.B.replace(/=+$/, "").length * 3) / 4) : value.B.length;
  if (value.BOOL !== undefined || value.NULL !== undefined) return 1;
  if (value.SS !== undefined) return sum(value.SS, textBytes);
  if (value.NS !== undefined) return sum(value.NS, numberBytes);
  if (value.L !== undefined) return STRUCTURE + sum(value.L, (one) => ELEMENT + valueBytes(one));
  if (value.M !== undefined)
    return STRUCTURE + sum(Object.entries(value.M), ([name, one]) => ELEMENT + textBytes(name) + valueBytes(one));
  throw new Error(`no rule for ${JSON.stringify(value)}`);
}

/** The billed size of an item in bytes: names count like values. */
export const itemBytes = (item: MeteredItem): number =>
  sum(Object.entries(item), ([name, value]) => textBytes(name) + valueBytes(value));

const WRITE_BYTES = 1024;
const READ_BYTES = 4096;

const inKilobytes = (bytes: number): number => Math.max(1, Math.ceil(bytes / WRITE_BYTES));

/** WRU of a write. The larger of the item before and the item after counts, in bytes; 0 if there is no item. */
export const writeUnits = (before: number, after: number): number => inKilobytes(Math.max(before, after));

/** WRU of a write that its condition refused: for the size of the existing item, or 1 if there is none. */
export const refusedWriteUnits = (existing: number): number => inKilobytes(existing);

/** RRU of a read of this many bytes: one item, or all items that a query read, before its filter and its projection. */
export const readUnits = (bytes: number, isConsistent: boolean): number =>
  Math.max(1, Math.ceil(bytes / READ_BYTES)) * (isConsistent ? 1 : 0.5);

/** An entry in an index: the bytes of its key and of its projected attributes, with their names. */
export type IndexEntry = { readonly key: string; readonly projected: string; readonly bytes: number };

/** WRU of a write in one index, in addition to the table. */
export function indexUnits(before: IndexEntry | undefined, after: IndexEntry | undefined): number {
  if (before === undefined) return after === undefined ? 0 : inKilobytes(after.bytes);
  if (after === undefined) return inKilobytes(before.bytes);
  if (before.key !== after.key) return inKilobytes(before.bytes) + inKilobytes(after.bytes);
  return before.projected === after.projected ? 0 : inKilobytes(Math.max(before.bytes, after.bytes));
}

/** WRU of a transaction: twice for the table, once for indexes. */
export const transactionUnits = (table: readonly number[], indexes: readonly number[]): number =>
  2 * sum(table, (units) => units) + sum(indexes, (units) => units);
