import { describe, expect, test } from "vitest";
import {
  type IndexEntry,
  indexUnits,
  itemBytes,
  readUnits,
  refusedWriteUnits,
  transactionUnits,
  type Value,
  writeUnits,
} from "../../lib/cost/dynamodb-units.ts";

const KB = 1024;

describe("the size of a value, beside the byte of its name", () => {
  // "DynamoDB item sizes and formats"; numbers as captured byte by byte (dynoxide's changelog).
  test.each<readonly [Value, number]>([
    [{ S: "plain" }, 5],
    [{ S: "ü" }, 2],
    [{ S: "\u{1f4a4}" }, 4],
    [{ S: "" }, 0],
    [{ N: "0" }, 1],
    [{ N: "7" }, 2],
    [{ N: "42" }, 2],
    [{ N: "100" }, 2],
    [{ N: "123" }, 3],
    [{ N: "-12" }, 3],
    [{ N: "1.5" }, 3],
    [{ N: "10.05" }, 3],
    [{ N: "0.5" }, 2],
    [{ N: "0.001" }, 2],
    [{ N: "0.0000123" }, 3],
    [{ N: "1.001" }, 4],
    [{ N: "1795348801" }, 6],
    [{ N: "1795349700123" }, 8],
    [{ B: new Uint8Array(16) }, 16],
    [{ B: "AAECAw==" }, 4],
    [{ BOOL: true }, 1],
    [{ NULL: true }, 1],
    [{ SS: ["ab", "c"] }, 3],
    [{ NS: ["42", "7"] }, 4],
    [{ L: [] }, 3],
    [{ L: [{ S: "ab" }, { BOOL: true }] }, 8],
    [{ M: { ab: { S: "cd" } } }, 8],
  ])("%j: %i", (value, bytes) => {
    expect(itemBytes({ a: value })).toBe(1 + bytes);
  });

  test.each([
    ["1e-7", "0.0000001"],
    ["-2.5e-7", "-0.00000025"],
    ["1e21", "1000000000000000000000"],
    ["1.25E+1", "12.5"],
  ])("a number takes as much with an exponent (%s) as without (%s)", (short, long) => {
    expect(itemBytes({ a: { N: short } })).toBe(itemBytes({ a: { N: long } }));
  });

  test.each(["", "one", "1e", "--1", "."])("%j is no number, and has none", (text) => {
    expect(() => itemBytes({ a: { N: text } })).toThrow("is not a number");
  });
});

describe("a write", () => {
  test.each([
    [0, 1, 1],
    [0, KB, 1],
    [0, KB + 1, 2],
    [10 * KB, 20, 10],
    [20, 10 * KB, 10],
    [KB + 1, 0, 2],
    [0, 0, 1],
  ])(
    "that finds %i bytes and leaves %i takes %i: the whole item counts, not what has changed",
    (before, after, units) => {
      expect(writeUnits(before, after)).toBe(units);
    },
  );

  test.each([
    [0, 1],
    [45, 1],
    [KB, 1],
    [KB + 1, 2],
    [10 * KB, 10],
  ])("that its condition refuses before %i bytes takes %i", (existing, units) => {
    expect(refusedWriteUnits(existing)).toBe(units);
  });
});

describe("a read", () => {
  test.each([
    [0, true, 1],
    [0, false, 0.5],
    [4 * KB, true, 1],
    [4 * KB, false, 0.5],
    [4 * KB + 1, true, 2],
    [4 * KB + 1, false, 1],
    [10 * KB, true, 3],
    [KB * KB, false, 128],
    // 91 leases of 45 bytes fit one page of 4 KB.
    [91 * 45, false, 0.5],
    [92 * 45, false, 1],
  ])("of %i bytes, consistent %s, takes %d: a query rounds once, and not by item", (bytes, isConsistent, units) => {
    expect(readUnits(bytes, isConsistent)).toBe(units);
  });
});

describe("an index beside the table", () => {
  const entry = (key: string, projected = "p", bytes = 60): IndexEntry => ({ key, projected, bytes });

  // "characterised against real DynamoDB eu-west-2 2026-08-12" (Parity's putItem/indexConsumedCapacity)
  test.each<readonly [string, IndexEntry | undefined, IndexEntry | undefined, number]>([
    ["is not touched by an item that is not in it", undefined, undefined, 0],
    ["gets a new entry", undefined, entry("a"), 1],
    ["gets a large one", undefined, entry("a", "p", 10 * KB), 10],
    ["loses an entry", entry("a"), undefined, 1],
    ["loses a large one", entry("a", "p", 10 * KB), undefined, 10],
    ["is not touched by what is not projected", entry("a"), entry("a"), 0],
    ["follows what is projected, by the larger of both", entry("a", "p", 3 * KB), entry("a", "q", KB), 3],
    ["moves an entry: one goes, one comes", entry("a"), entry("b"), 2],
    ["moves large ones", entry("a", "p", 3 * KB), entry("b", "p", 2 * KB), 5],
  ])("%s", (_, before, after, units) => {
    expect(indexUnits(before, after)).toBe(units);
  });

  test("makes a beat that moves its due time through it three units, where ours takes one", () => {
    expect(writeUnits(60, 60) + indexUnits(entry("12:00:00"), entry("12:01:00"))).toBe(3);
    expect(writeUnits(60, 60)).toBe(1);
  });
});

test("a transaction takes twice for the table, and once for indexes", () => {
  expect(transactionUnits([1, 1], [1, 1])).toBe(6); // two items, each with an entry: where DynamoDB Local says 16
});
