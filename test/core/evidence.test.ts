import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EvidenceKind } from "../../lib/core/evidence.ts";
import { drains, explaining, explains, isAbout, isWithin } from "../../lib/core/evidence.ts";
import { instant } from "../../lib/core/time.ts";
import { at, evidence } from "./runs.ts";

const START = at("12:01:00");
const END = at("12:03:00");

describe("evidence", () => {
  test.each<EvidenceKind>([
    "spot-interruption",
    "capacity-reservation",
    "evicted",
    "scale-in",
    "maintenance",
    "drain",
    "sigterm",
  ])("of a %s explains the end of an attempt", (kind) => {
    const told = evidence(kind, at("12:02:00"));
    expect(explaining([told], START, END)).toStrictEqual([told]);
  });

  test("of a rebalance recommendation neither explains nor drains: it is advice", () => {
    const advice = evidence("rebalance", at("12:02:00"));
    expect([explaining([advice], START, END), explains(advice), drains(advice)]).toStrictEqual([[], false, false]);
  });

  test.each<EvidenceKind>(["stopping", "terminated"])(
    "of a state change to %s drains and explains nothing: it says that a host goes, not why",
    (kind) => {
      const told = evidence(kind, at("12:02:00"));
      expect([explaining([told], START, END), drains(told)]).toStrictEqual([[], true]);
    },
  );

  test.each<EvidenceKind>(["spot-interruption", "capacity-reservation", "evicted", "scale-in", "drain", "sigterm"])(
    "of a %s drains: what stands on the host should leave it",
    (kind) => {
      expect(drains(evidence(kind, at("12:02:00")))).toBe(true);
    },
  );

  test("of a maintenance drains nothing: it is days away", () => {
    expect(drains(evidence("maintenance", at("12:02:00")))).toBe(false);
  });

  test("counts from 60 s before the attempt stood on the host", () => {
    const told = ["11:59:59.999", "12:00:00"].map((clock) => evidence("evicted", at(clock)));
    expect(explaining(told, START, END)).toStrictEqual(told.slice(1));
  });

  test("counts until 60 s after the attempt's end", () => {
    const told = ["12:04:00", "12:04:00.001"].map((clock) => evidence("evicted", at(clock)));
    expect(explaining(told, START, END)).toStrictEqual(told.slice(0, 1));
  });

  test("counts for an attempt when it falls into its time on the host, 60 s either side", () => {
    fc.assert(
      fc.property(fc.integer({ min: -600_000, max: 600_000 }), (offset) => {
        const told = evidence("spot-interruption", instant(START + offset));
        expect(explaining([told], START, END).length === 1).toBe(offset >= -60_000 && offset <= 180_000);
        expect(isWithin(told.at, START, END)).toBe(offset >= -60_000 && offset <= 180_000);
      }),
    );
  });
});

describe("whoever claims stands on a host that is there", () => {
  const gone = evidence("terminated", at("12:00:00"), { goneAt: at("12:00:15") });

  test("so a host that was gone before was another one of the same name", () => {
    expect(isAbout(gone, at("12:00:15"))).toBe(false);
    expect(isAbout(gone, at("12:00:30"))).toBe(false);
  });

  test("and one that goes after the claim is its own", () => {
    expect(isAbout(gone, at("12:00:14"))).toBe(true);
    expect(isAbout(evidence("spot-interruption", at("12:00:00")), at("12:00:30"))).toBe(true);
  });
});
