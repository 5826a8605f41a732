import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EvidenceKind } from "../../lib/core/evidence.ts";
import { explaining } from "../../lib/core/evidence.ts";
import { instant } from "../../lib/core/time.ts";
import { at, evidence } from "./runs.ts";

const START = at("12:01:00");
const END = at("12:03:00");

describe("evidence", () => {
  test.each<EvidenceKind>([
    "spot-interruption",
    "stopping",
    "terminated",
    "scale-in",
    "maintenance",
    "drain",
    "sigterm",
  ])("of a %s explains the end of an attempt", (kind) => {
    const told = evidence(kind, at("12:02:00"));
    expect(explaining([told], START, END)).toEqual([told]);
  });

  test("of a rebalance recommendation explains nothing: it is advice", () => {
    expect(explaining([evidence("rebalance", at("12:02:00"))], START, END)).toEqual([]);
  });

  test("counts from 60 s before the attempt stood on the host", () => {
    const told = ["11:59:59.999", "12:00:00"].map((clock) => evidence("terminated", at(clock)));
    expect(explaining(told, START, END)).toEqual(told.slice(1));
  });

  test("counts until 60 s after the attempt's end", () => {
    const told = ["12:04:00", "12:04:00.001"].map((clock) => evidence("terminated", at(clock)));
    expect(explaining(told, START, END)).toEqual(told.slice(0, 1));
  });

  test("counts for an attempt when it falls into its time on the host, 60 s either side", () => {
    fc.assert(
      fc.property(fc.integer({ min: -600_000, max: 600_000 }), (offset) => {
        const told = evidence("spot-interruption", instant(START + offset));
        expect(explaining([told], START, END).length === 1).toBe(offset >= -60_000 && offset <= 180_000);
      }),
    );
  });
});
