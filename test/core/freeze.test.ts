import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Fleet,
  type Freeze,
  isCutOff,
  isSilent,
  isValveOpen,
  leaseEnd,
  nextFreeze,
  tally,
  verdictLimit,
} from "../../lib/core/freeze.ts";
import type { State } from "../../lib/core/run.ts";
import { type Instant, instant, milliseconds, type Span, seconds } from "../../lib/core/time.ts";
import { decide } from "../../lib/core/transitions.ts";
import { at, due, evidence, leaving, queued, running } from "./runs.ts";

const NOW = at("12:30:00");

type Group = { count: number; quiet: Span; lease?: Span; state?: State };

/** A fleet of groups of attempts, each of which beat last so long ago. */
function fleetOf(...groups: readonly Group[]): Fleet {
  const fleet: Fleet = new Map();
  for (const { count, quiet, lease = seconds(120), state = "running" } of groups)
    for (let each = 0; each < count; each += 1) tally(fleet, { state, lease, due: instant(NOW - quiet + lease) }, NOW);
  return fleet;
}

const silent = (...groups: readonly Group[]): boolean => isSilent(fleetOf(...groups));

describe("a fleet is silent at once", () => {
  test("when all of five attempts are", () => {
    expect(silent({ count: 5, quiet: seconds(90) })).toBe(true);
  });

  test("but not of four: that may be chance", () => {
    expect(silent({ count: 4, quiet: seconds(90) })).toBe(false);
  });

  test("when more than half of them are, and not at half", () => {
    expect(silent({ count: 3, quiet: seconds(90) }, { count: 2, quiet: seconds(10) })).toBe(true);
    expect(silent({ count: 3, quiet: seconds(90) }, { count: 3, quiet: seconds(10) })).toBe(false);
  });

  test("from half of the lease on without a beat", () => {
    expect(silent({ count: 5, quiet: seconds(60) })).toBe(true);
    expect(silent({ count: 5, quiet: milliseconds(59_999) })).toBe(false);
  });

  test("per lease class: the short leases feel an outage first, and freeze all", () => {
    const long = { count: 100, quiet: seconds(30), lease: seconds(3600) };
    expect(silent(long, { count: 5, quiet: seconds(30), lease: seconds(30) })).toBe(true);
    expect(silent(long, { count: 4, quiet: seconds(30), lease: seconds(30) })).toBe(false);
  });

  test("where leases of one power of two are one class", () => {
    const one = { count: 3, quiet: seconds(120), lease: seconds(64) };
    expect(silent(one, { count: 2, quiet: seconds(120), lease: milliseconds(127_999) })).toBe(true);
    expect(silent(one, { count: 2, quiet: seconds(120), lease: seconds(128) })).toBe(false);
    expect(silent(one, { count: 2, quiet: seconds(120), lease: milliseconds(63_999) })).toBe(false);
  });

  test.each(["queued", "waiting", "leaving", "canceling", "ended"] as const)(
    "where attempts that are %s say nothing about the front door",
    (state) => {
      expect(silent({ count: 9, quiet: seconds(90), state })).toBe(false);
      expect(silent({ count: 3, quiet: seconds(90) }, { count: 9, quiet: seconds(90), state })).toBe(false);
    },
  );

  test("never when nobody runs", () => {
    expect(isSilent(new Map())).toBe(false);
  });
});

describe("a freeze", () => {
  const first: Freeze = { floor: at("12:30:00"), since: at("12:30:00"), lastBad: at("12:30:00") };

  test("begins with the first bad sweep: every lease counts from there", () => {
    expect(nextFreeze(undefined, at("12:30:00"), true)).toStrictEqual(first);
  });

  test("is none as long as no sweep was bad", () => {
    expect(nextFreeze(undefined, at("12:30:00"), false)).toBeUndefined();
  });

  test("moves its floor with each bad sweep, and remembers when it began", () => {
    expect(nextFreeze(first, at("12:30:10"), true)).toStrictEqual({
      floor: at("12:30:10"),
      since: at("12:30:00"),
      lastBad: at("12:30:10"),
    });
  });

  test("stays as it is after a good sweep: on thaw everybody has a full lease", () => {
    expect(nextFreeze(first, at("12:30:10"), false)).toBe(first);
  });

  test("moves its floor no more once it has lasted 15 minutes: the valve", () => {
    const last = { ...first, floor: at("12:44:50"), lastBad: at("12:44:50") };
    const open = nextFreeze(last, at("12:45:00"), true);
    expect(open).toStrictEqual({ floor: at("12:44:50"), since: at("12:30:00"), lastBad: at("12:45:00") });
    expect(isValveOpen(open, at("12:45:00"))).toBe(true);
  });

  test("still moves its floor a millisecond before", () => {
    const last = { ...first, lastBad: at("12:44:50") };
    const freeze = nextFreeze(last, at("12:44:59.999"), true);
    expect(freeze?.floor).toBe(at("12:44:59.999"));
    expect(isValveOpen(freeze, at("12:44:59.999"))).toBe(false);
  });

  test("cannot begin again while the fleet stays silent, however long", () => {
    const last = { floor: at("12:44:50"), since: at("12:30:00"), lastBad: at("13:59:50") };
    expect(nextFreeze(last, at("14:00:00"), true)).toStrictEqual({ ...last, lastBad: at("14:00:00") });
  });

  test("is re-armed after 15 good minutes, and not a millisecond earlier", () => {
    const last = { floor: at("12:44:50"), since: at("12:30:00"), lastBad: at("12:50:00") };
    expect(nextFreeze(last, at("13:05:00"), true)).toStrictEqual({
      floor: at("13:05:00"),
      since: at("13:05:00"),
      lastBad: at("13:05:00"),
    });
    expect(nextFreeze(last, at("13:04:59.999"), true)).toMatchObject({ since: at("12:30:00"), floor: at("12:44:50") });
  });

  test("has an open valve only in a bad sweep of its own", () => {
    const open = { floor: at("12:44:50"), since: at("12:30:00"), lastBad: at("12:45:00") };
    expect([isValveOpen(open, at("12:45:10")), isValveOpen(undefined, at("12:45:00"))]).toStrictEqual([false, false]);
  });
});

test("the floor never falls, although the clocks of two sweeps differ", () => {
  const ahead = nextFreeze(undefined, at("12:30:01"), true);
  expect(nextFreeze(ahead, at("12:30:00"), true)?.floor).toBe(at("12:30:01"));
});

describe("runners are cut off", () => {
  test.each([
    ["not before the canary has failed", undefined, false],
    ["from the moment that it failed", at("12:30:00"), true],
    ["for 90 s", at("12:28:30.001"), true],
    ["and no longer, unless it fails again", at("12:28:30"), false],
  ])("%s", (_, failedAt, isOff) => {
    expect(isCutOff(failedAt, at("12:30:00"))).toBe(isOff);
  });
});

describe("a lease", () => {
  test("runs out when it is due, where there was no freeze", () => {
    expect(leaseEnd(at("12:03:00"), seconds(120), undefined)).toBe(at("12:03:00"));
  });

  test("counts again from the floor on", () => {
    expect(leaseEnd(at("12:03:00"), seconds(120), at("12:30:00"))).toBe(at("12:32:00"));
  });

  test("that was renewed after the floor is not longer for it", () => {
    expect(leaseEnd(at("12:32:00.001"), seconds(120), at("12:30:00"))).toBe(at("12:32:00.001"));
    expect(leaseEnd(at("12:32:00"), seconds(120), at("12:30:00"))).toBe(at("12:32:00"));
  });
});

test("a sweep may find 5 verdicts by the clock, or one in a hundred of the live runs", () => {
  expect([0, 20, 599, 600, 10_000].map(verdictLimit)).toStrictEqual([5, 5, 5, 6, 100]);
});

describe("a verdict by the clock alone", () => {
  test.each([running(), queued({ due: at("12:03:00") })])("waits for the thaw in state $state", (run) => {
    const floor = at("12:03:00");
    expect(decide(run, due(at("12:04:59.999"), { floor }))).toStrictEqual({ write: "none", reply: { kind: "frozen" } });
    expect(decide(run, due(at("12:05:00"), { floor })).reply).toStrictEqual({ kind: "reaped", isByClock: true });
  });

  test.each([running(), queued({ due: at("12:03:00") })])("waits for the next sweep past the limit ($state)", (run) => {
    expect(decide(run, due(at("12:05:00"), { isLimited: true }))).toStrictEqual({
      write: "none",
      reply: { kind: "limited" },
    });
    expect(decide(run, due(at("12:05:00"), { isLimited: false })).reply.kind).toBe("reaped");
  });

  test("is found frozen before it is found limited, so that it takes no place", () => {
    expect(decide(running(), due(NOW, { floor: NOW, isLimited: true })).reply.kind).toBe("frozen");
  });

  test("is not what ends an attempt with evidence, with a deadline, or that leaves", () => {
    const restraint = { floor: NOW, isLimited: true };
    const told = [evidence("evicted", at("12:02:00"))];
    expect([
      decide(running(), due(NOW, { ...restraint, evidence: told })).reply,
      decide(running({ lastRenewable: at("12:02:00") }), due(NOW, restraint)).reply,
      decide(leaving(), due(NOW, restraint)).reply,
    ]).toStrictEqual([{ kind: "reaped" }, { kind: "reaped" }, { kind: "reaped" }]);
  });

  test("is never found at the very floor", () => {
    const spans = fc.integer({ min: 5000, max: 3_600_000 });
    fc.assert(
      fc.property(spans, fc.integer({ min: 0, max: 86_400_000 }), (lease, ago) => {
        const run = running({ lease: milliseconds(lease), due: instant(NOW - ago) });
        expect(decide(run, due(NOW, { floor: NOW })).reply.kind).toBe("frozen");
      }),
    );
  });
});

type Sweep = { readonly now: Instant; readonly isBad: boolean; readonly freeze: Freeze | undefined };

/** Sweeps at rising times, good and bad, with what each of them remembers. */
const sweeps: fc.Arbitrary<readonly Sweep[]> = fc
  .array(
    fc.record({ gap: fc.oneof(fc.constant(10_000), fc.integer({ min: 1, max: 1_200_000 })), isBad: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 200,
      size: "max",
    },
  )
  .map((all) => {
    let now = at("00:00:00");
    let freeze: Freeze | undefined;
    return all.map(({ gap, isBad }) => {
      now = instant(now + gap);
      freeze = nextFreeze(freeze, now, isBad);
      return { now, isBad, freeze };
    });
  });

const VALVE = seconds(900);

describe("in every outage", () => {
  test("the floor never falls, and never lies ahead", () => {
    fc.assert(
      fc.property(sweeps, (all) => {
        let floor = instant(0);
        for (const { now, freeze } of all) {
          if (freeze === undefined) continue;
          expect(freeze.floor).toBeGreaterThanOrEqual(floor);
          expect(freeze.floor).toBeLessThanOrEqual(now);
          floor = freeze.floor;
        }
      }),
    );
  });

  test("a good sweep moves no floor", () => {
    fc.assert(
      fc.property(sweeps, (all) => {
        for (const [index, { isBad, freeze }] of all.entries()) if (!isBad) expect(freeze).toBe(all[index - 1]?.freeze);
      }),
    );
  });

  test("nothing is frozen for longer than the valve, and one that went on for as long may not begin again at once", () => {
    fc.assert(
      fc.property(sweeps, (all) => {
        const moved = all.filter(({ now, freeze }) => freeze?.floor === now).map(({ now }) => now);
        for (const now of moved) {
          // Every floor lies within the valve from the first bad sweep after 15 minutes without one.
          const bad = all.filter((each) => each.isBad && each.now <= now).map((each) => each.now);
          const starts = bad.filter((each, index) => index === 0 || each - (bad[index - 1] ?? each) >= VALVE);
          expect(now).toBeLessThan((starts.at(-1) ?? now) + VALVE);
        }
      }),
    );
  });

  test("who is silent throughout is declared lost within the valve and one lease of the first bad sweep", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5000, max: 3_600_000 }), (length) => {
        const lease = milliseconds(length);
        const began = at("12:00:00");
        const run = running({ lease, due: began });
        let freeze: Freeze | undefined;
        let now = began;
        const isReaped = (): boolean => {
          freeze = nextFreeze(freeze, now, true);
          return decide(run, due(now, freeze === undefined ? {} : { floor: freeze.floor })).reply.kind === "reaped";
        };
        while (!isReaped()) now = instant(now + 10_000);
        const waited = now - began;
        expect(waited >= VALVE - 10_000 && waited <= VALVE + lease + 10_000).toBe(true);
      }),
    );
  });
});
