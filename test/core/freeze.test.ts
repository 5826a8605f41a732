import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Evidence } from "../../lib/core/evidence.ts";
import { emptyFleet, type Fleet, tally, type Voice } from "../../lib/core/fleet.ts";
import {
  type Canary,
  type Faults,
  type Freeze,
  floorOf,
  isCutOff,
  nextFreeze,
  nobodySeen,
  pauseOf,
  pauseOfFleet,
  type Survey,
  surveyOf,
  verdictLimit,
  waitsFor,
} from "../../lib/core/freeze.ts";
import { paceOf } from "../../lib/core/lease.ts";
import type { State } from "../../lib/core/run.ts";
import {
  earlier,
  type Instant,
  instant,
  milliseconds,
  before as minus,
  after as plus,
  type Span,
  seconds,
} from "../../lib/core/time.ts";
import { decide } from "../../lib/core/transitions.ts";
import { at, due, evidence, leaving, queued, running } from "./runs.ts";

const NOW = at("12:30:00");
const LEASE = seconds(120);
/** The class of leases of 64 to 128 s, and that of 16 to 32 s. */
const LONG = 6;
const SHORT = 4;

/** So many attempts that beat last so long ago, each on a host of its own unless that is named. */
type Group = { count: number; quiet: Span; lease?: Span; state?: State; host?: string };

function fleetOf(...groups: readonly Group[]): Fleet {
  const fleet = emptyFleet();
  for (const [index, { count, quiet, lease = LEASE, state = "running", host }] of groups.entries())
    for (let each = 0; each < count; each += 1) {
      const seen = { state, lease, due: instant(NOW - quiet + lease) };
      tally(fleet, { ...seen, host: host ?? `host-${index}-${each}` }, NOW);
    }
  return fleet;
}

const CONTENT: Canary = { throughAt: minus(NOW, seconds(30)), throughSince: minus(NOW, seconds(3600)) };
const survey = (canary: Canary, ...groups: readonly Group[]): Survey =>
  surveyOf(fleetOf(...groups), { canary, lastSweep: NOW }, NOW);
const silent = (...groups: readonly Group[]): readonly number[] => [...survey({}, ...groups).silent];

describe("a lease class is silent", () => {
  test("when none of five hosts was heard within half of its lease", () => {
    expect(silent({ count: 5, quiet: seconds(60) })).toStrictEqual([LONG]);
    expect(silent({ count: 4, quiet: milliseconds(59_999) }, { count: 1, quiet: seconds(10) })).toStrictEqual([]);
  });

  test.each([
    [120, 35],
    [64, 21],
    [3600, 305],
  ])("with a lease of %i s when the beat of each host is late: %i s after the last one", (lease, late) => {
    const five = { count: 5, lease: seconds(lease) };
    const one = { count: 1, lease: seconds(lease), quiet: milliseconds(late * 1000 - 1) };
    expect(silent({ ...five, quiet: seconds(late) })).toStrictEqual([Math.floor(Math.log2(lease))]);
    expect(silent({ ...five, quiet: seconds(late) }, one)).toStrictEqual([]);
    expect([...survey(CONTENT, { ...five, quiet: seconds(late) }, one).silent]).toStrictEqual([]);
  });

  test("but not of four: that may be chance", () => {
    expect(silent({ count: 4, quiet: seconds(90) })).toStrictEqual([]);
    expect([...survey({}, { count: 4, quiet: seconds(90) }).few]).toStrictEqual([LONG]);
  });

  test("by a share of a hundred thousand attempts without hosts, as by all of them", () => {
    const fleet = emptyFleet();
    for (let run = 0; run < 100_000; run += 1) {
      const quiet = run % 100 < 49 ? 10_000 : 90_000;
      tally(fleet, { state: "running", lease: LEASE, due: instant(NOW - quiet + LEASE) }, NOW);
    }
    expect(fleet.alone.voices.length).toBeLessThan(8192);
    const { silent: all } = surveyOf(fleet, { canary: {}, lastSweep: NOW }, NOW);
    expect([...all]).toStrictEqual([LONG]);
    expect([...surveyOf(fleet, { canary: CONTENT, lastSweep: NOW }, NOW).silent]).toStrictEqual([]);
  });

  test("when fewer than half of them were heard, and not at half", () => {
    expect(silent({ count: 4, quiet: seconds(90) }, { count: 3, quiet: seconds(10) })).toStrictEqual([LONG]);
    expect(silent({ count: 3, quiet: seconds(90) }, { count: 3, quiet: seconds(10) })).toStrictEqual([]);
  });

  test("when most were last heard half of its lease ago, to the millisecond: that is not within it", () => {
    const others = { count: 4, quiet: seconds(10) };
    expect(silent({ count: 5, quiet: seconds(60) }, others)).toStrictEqual([LONG]);
    expect(silent({ count: 5, quiet: milliseconds(59_999) }, others)).toStrictEqual([]);
  });

  test("by attempts without hosts, each of which counts for as many as it stands for", () => {
    const mute = (): Voice => ({
      heardAt: minus(NOW, seconds(90)),
      ago: seconds(90),
      interval: seconds(30),
      longest: LEASE,
    });
    const heard = fleetOf({ count: 10, quiet: seconds(10) });
    const fleet = (oneOf: number): Fleet => ({
      ...heard,
      alone: { voices: [mute(), mute(), mute()], oneOf, seen: 12 },
    });
    const silentOf = (oneOf: number) => [...surveyOf(fleet(oneOf), { canary: {}, lastSweep: NOW }, NOW).silent];
    expect([silentOf(1), silentOf(2), silentOf(4)]).toStrictEqual([[], [], [LONG]]);
  });

  test("or it is heard, and then nobody asks when each host was; where hosts are few, that is asked", () => {
    expect(survey({}, { count: 5, quiet: seconds(10) })).toStrictEqual({
      silent: new Set(),
      few: new Set(),
      heard: [],
      canary: {},
    });
    const last = minus(NOW, seconds(10));
    expect(survey(CONTENT, { count: 2, quiet: seconds(10) })).toStrictEqual({
      silent: new Set(),
      few: new Set([LONG]),
      heard: [last, last],
      canary: CONTENT,
    });
  });

  test("while the canary gets through, when nobody is heard, or fewer than a quarter and more than ten are not", () => {
    const of = (quiet: number, heard: number) => [
      ...survey(CONTENT, { count: quiet, quiet: seconds(90) }, { count: heard, quiet: seconds(10) }).silent,
    ];
    expect([of(5, 0), of(5, 1), of(10, 1), of(11, 1)]).toStrictEqual([[LONG], [], [], [LONG]]);
    expect([of(75, 25), of(76, 24)]).toStrictEqual([[], [LONG]]);
  });

  test("by hosts and not by runs: twenty runs on one dead node are one silent host", () => {
    const node = { count: 20, quiet: seconds(90), host: "node-1" };
    expect(silent(node, { count: 5, quiet: seconds(10) })).toStrictEqual([]);
    expect([...survey({}, node).few]).toStrictEqual([LONG]);
  });

  test.each([
    [30, 300],
    [300, 30],
  ])(
    "by the most frequent beats of a host, which is gone when its longest lease is over (%i s, %i s)",
    (one, other) => {
      const names = Array.from({ length: 9 }, (_, index) => `host-${index}`);
      const on = (lease: number): Group[] =>
        names.map((host) => ({ count: 1, quiet: seconds(100), lease: seconds(lease), host }));
      expect(silent(...on(one), ...on(other))).toContain(SHORT);
      expect(silent(...on(30))).toStrictEqual([]);
    },
  );

  test("not when one of the runs on a host is heard: the door is open there", () => {
    const on = (host: string): Group[] => [
      { count: 3, quiet: seconds(90), host },
      { count: 1, quiet: seconds(5), host },
    ];
    expect(silent(...["a", "b", "c", "d", "e"].flatMap(on))).toStrictEqual([]);
  });

  test("by what all of the fleet says: five test runs that die are theirs while 200 others are heard", () => {
    const others = { count: 200, quiet: seconds(7) };
    expect(silent(others, { count: 8, quiet: seconds(25), lease: seconds(30) })).toStrictEqual([]);
  });

  test("before the others when the door has closed: a short lease feels it first, and freezes itself alone", () => {
    const others = { count: 200, quiet: seconds(16) };
    expect(silent(others, { count: 8, quiet: seconds(16), lease: seconds(30) })).toStrictEqual([SHORT]);
  });

  test("not by hosts that beat less often, and perhaps in step: their silence says nothing, and their beats do", () => {
    const others = (quiet: number): Group => ({ count: 12, quiet: seconds(quiet) });
    const of = (count: number, quiet: number): Group => ({ count, quiet: seconds(quiet), lease: seconds(30) });
    expect(silent(others(20), of(4, 31))).toStrictEqual([]);
    expect([...survey({}, others(20), of(4, 31)).few]).toStrictEqual([SHORT]);
    expect([silent(others(20), of(5, 31)), silent(others(20), of(5, 5)), silent(others(5), of(5, 31))]).toStrictEqual([
      [SHORT],
      [],
      [],
    ]);
  });

  test("not by hosts that have been silent for a quarter of an hour while others were heard: they are gone", () => {
    const lately = { count: 1, quiet: seconds(130) };
    const lastSweep = minus(NOW, seconds(1000)); // no sweep has found them overdue
    const seen = (quiet: number): Survey =>
      surveyOf(fleetOf({ count: 9, quiet: seconds(quiet) }, lately), { canary: {}, lastSweep }, NOW);
    expect([...seen(1029).silent]).toContain(LONG);
    expect([...seen(1030).few]).toContain(LONG);
  });

  test("not by hosts that have been overdue for two sweeps without a freeze: their verdicts are on their way", () => {
    const dead = { count: 9, quiet: seconds(150) };
    expect(silent({ ...dead, quiet: milliseconds(149_999) })).toStrictEqual([LONG]);
    expect(silent(dead)).toStrictEqual([]);
    const frozen = (ago: number): readonly number[] => {
      const floor = minus(NOW, milliseconds(ago));
      const freeze = { since: floor, lastBad: floor, floors: { [LONG]: floor } };
      return [...surveyOf(fleetOf(dead), { canary: {}, freeze, lastSweep: NOW }, NOW).silent];
    };
    // A lease after the fault was ours the verdicts go on.
    expect([frozen(10_000), frozen(119_999), frozen(120_000)]).toStrictEqual([[LONG], [LONG], []]);
  });

  test("by hosts that no sweep has judged since they were due: the sweeps were away with the front door", () => {
    const dead = { count: 9, quiet: seconds(600) };
    const lastSweep = minus(NOW, seconds(590));
    expect([...surveyOf(fleetOf(dead), { canary: {}, lastSweep }, NOW).silent]).toStrictEqual([LONG]);
  });

  test("where it has no attempts but a queued one, too: nobody could claim it", () => {
    const others = { count: 5, quiet: seconds(32), lease: seconds(120) };
    const unclaimed = { count: 1, quiet: seconds(0), lease: seconds(60), state: "queued" as const };
    expect(silent(others)).toStrictEqual([]);
    expect(silent(others, unclaimed)).toStrictEqual([5]);
  });

  test("not by attempts that leave and are silent, as was said; those that leave and beat are heard", () => {
    expect(survey({}, { count: 9, quiet: seconds(90), state: "leaving" }).heard).toStrictEqual([]);
    const half = { count: 10, quiet: seconds(90) };
    expect(silent(half, { count: 10, quiet: seconds(5), state: "leaving" })).toStrictEqual([]);
  });

  test.each<State>(["queued", "waiting", "canceling", "ended"])("not by attempts in state %s", (state) => {
    expect(silent({ count: 9, quiet: seconds(90), state })).toStrictEqual([]);
  });
});

describe("the canary", () => {
  const failedAt = at("12:30:00");
  test("cuts off for 90 s from its failure, or until it sings", () => {
    expect(isCutOff({}, NOW)).toBe(false);
    expect([isCutOff({ failedAt }, at("12:31:29.999")), isCutOff({ failedAt }, at("12:31:30"))]).toStrictEqual([
      true,
      false,
    ]);
    expect(isCutOff({ failedAt, throughAt: at("12:29:59") }, at("12:30:30"))).toBe(true);
    expect(isCutOff({ failedAt, throughAt: failedAt }, at("12:30:30"))).toBe(true);
    expect(isCutOff({ failedAt, throughAt: at("12:30:20") }, at("12:30:30"))).toBe(false);
  });
});

describe("a verdict among few hosts", () => {
  /** A run that was heard last so many seconds ago, alone, as this canary stands. */
  const waits = (quiet: number, canary: Canary, lease = LEASE, ...others: readonly Group[]): boolean =>
    waitsFor({ due: instant(NOW - quiet * 1000 + lease), lease }, NOW, {
      survey: survey(canary, { count: 1, quiet: seconds(quiet), lease }, ...others),
    }) === "witness";

  test("is found at once where there is no canary: there is nobody to ask", () => {
    expect(waits(121, {})).toBe(false);
    expect(waits(121, { throughAt: minus(NOW, seconds(24 * 3600)) })).toBe(false);
  });

  test("rests on the canary alone where nothing is seen of the fleet", () => {
    expect(nobodySeen({ lease: LEASE }, CONTENT)).toStrictEqual({
      silent: new Set(),
      few: new Set([LONG]),
      heard: [],
      canary: CONTENT,
    });
  });

  test("is one among many with the fifth host: then the crowd has spoken, and no witness is asked for", () => {
    const canary = { throughAt: minus(NOW, seconds(5)) };
    const others = (count: number): Group => ({ count, quiet: seconds(10) });
    expect([waits(121, canary, LEASE, others(3)), waits(121, canary, LEASE, others(4))]).toStrictEqual([true, false]);
  });

  test("waits for a canary that has fallen mute: it may be cut off too", () => {
    expect(waits(121, { throughAt: minus(NOW, seconds(600)) })).toBe(true);
  });

  test("of a long lease is found when all beats of the canary got through since its own last one", () => {
    const throughAt = minus(NOW, seconds(5));
    expect(waits(121, { throughAt, throughSince: minus(NOW, seconds(121)) })).toBe(false);
    expect(waits(121, { throughAt, throughSince: instant(NOW - 120_999) })).toBe(true);
    expect(waits(121, { throughAt })).toBe(true);
    const open = (ago: number): Canary => ({
      throughAt: instant(NOW - ago),
      throughSince: minus(NOW, seconds(999)),
    });
    expect([waits(121, open(89_999)), waits(121, open(90_000))]).toStrictEqual([false, true]);
  });

  test("of a short lease waits for a canary that sang when it should have been heard, and time to come back", () => {
    // Its beat was due after 7.5 s, may have hung for as long, and the next try comes 5 s later; then the same again.
    const sang = (ago: number) => waits(36, { throughAt: minus(NOW, seconds(ago)) }, seconds(30));
    expect([sang(16.001), sang(16), sang(12.5), sang(12.499)]).toStrictEqual([true, false, false, true]);
  });

  test("of a short lease waits however long the canary has got through: an outage between two of its beats may cost it", () => {
    const canary = { throughAt: minus(NOW, seconds(5)), throughSince: minus(NOW, seconds(999)) };
    expect([waits(121, canary, milliseconds(119_999)), waits(121, canary, seconds(120))]).toStrictEqual([true, false]);
  });

  test("of a short lease may rest on another host that was heard in that time", () => {
    const canary = { throughAt: minus(NOW, seconds(60)) };
    const other = (ago: number) => waits(36, canary, seconds(30), { count: 1, quiet: seconds(ago) });
    expect([other(25), other(16.001), other(16)]).toStrictEqual([true, true, false]);
    expect([other(12.5), other(12.499), other(5)]).toStrictEqual([false, true, true]);
  });

  test("waits no longer than a quarter of an hour beyond the lease", () => {
    const throughAt = minus(NOW, seconds(5));
    const waited = (beyond: number) => waits(120 + beyond, { throughAt });
    expect([waited(899.999), waited(900)]).toStrictEqual([true, false]);
  });
});

const bad = (...classes: readonly number[]): Faults => ({ silent: new Set(classes), isCutOff: false, isGap: false });
const cutOff: Faults = { ...bad(), isCutOff: true };

describe("what is remembered of a freeze", () => {
  const first: Freeze = { since: NOW, lastBad: NOW, why: "silence", floors: { [LONG]: NOW } };

  test("begins with the first sweep that finds the fault ours", () => {
    expect(nextFreeze(undefined, bad(LONG), NOW)).toStrictEqual(first);
    expect(nextFreeze(undefined, bad(), NOW)).toBeUndefined();
  });

  test("of a canary that fails is for the whole fleet", () => {
    expect(nextFreeze(undefined, cutOff, NOW)).toStrictEqual({
      since: NOW,
      lastBad: NOW,
      why: "canary",
      floor: NOW,
      floors: {},
    });
  });

  test("of sweeps that were away is for the whole fleet too; a class that is silent tells more", () => {
    const gap: Faults = { ...bad(), isGap: true };
    expect(nextFreeze(undefined, gap, NOW)).toStrictEqual({
      since: NOW,
      lastBad: NOW,
      why: "sweeps",
      floor: NOW,
      floors: {},
    });
    expect(nextFreeze(undefined, { ...bad(LONG), isGap: true }, NOW)).toStrictEqual({ ...first, floor: NOW });
  });

  test("says when the first verdict goes on that was held back, where that is known", () => {
    const until = at("12:44:00");
    const known = nextFreeze(undefined, bad(LONG), NOW, { until });
    expect(known).toStrictEqual({ ...first, until });
    expect(pauseOfFleet(known, NOW)).toStrictEqual({ since: NOW, until, why: "silence" });
  });

  test("goes on with the next bad sweep, and stays as it is with a good one", () => {
    const next = at("12:30:10");
    expect(nextFreeze(first, bad(LONG), next)).toStrictEqual({ ...first, lastBad: next, floors: { [LONG]: next } });
    expect(nextFreeze(first, bad(), next)).toBe(first);
  });

  test("keeps the floors of other classes", () => {
    expect(nextFreeze(first, bad(SHORT), at("12:30:10"))?.floors).toStrictEqual({
      [LONG]: NOW,
      [SHORT]: at("12:30:10"),
    });
  });

  test("begins anew after a minute without a bad sweep: the next outage has its own quarter of an hour", () => {
    expect(nextFreeze(first, bad(LONG), at("12:30:59.999"))?.since).toBe(NOW);
    expect(nextFreeze(first, bad(LONG), at("12:31:00"))?.since).toBe(at("12:31:00"));
  });

  test("is told of the fleet for a minute after the last bad sweep, with when the first verdicts go on", () => {
    const told = { since: NOW, until: at("12:45:00"), why: "silence" };
    expect(pauseOfFleet(first, at("12:30:59.999"))).toStrictEqual(told);
    expect([pauseOfFleet(first, at("12:31:00")), pauseOfFleet(undefined, NOW)]).toStrictEqual([undefined, undefined]);
    const { why: _, ...of010 } = first; // 0.1.0 did not keep that
    expect(pauseOfFleet(of010, NOW)).toStrictEqual(told);
  });

  test("is told of a run with when its own verdict goes on: 15 minutes beyond its lease, or a lease after the last fault", () => {
    const run = { lease: LEASE, due: at("12:30:10") };
    const hold = (now: Instant, freeze: Freeze = first) => pauseOf(run, freeze, now)?.until;
    expect([hold(NOW), hold(at("12:30:59.999"))]).toStrictEqual([at("12:45:10"), at("12:45:10")]);
    expect([hold(at("12:31:00")), hold(at("12:31:59.999")), hold(at("12:32:00"))]).toStrictEqual([
      at("12:32:00"),
      at("12:32:00"),
      undefined,
    ]);
    expect(hold(at("12:45:10"), { ...first, lastBad: at("12:45:10"), floors: { [LONG]: at("12:45:10") } })).toBe(
      undefined,
    );
    const short = { ...run, lease: seconds(30) };
    expect([pauseOf(run, undefined, NOW), pauseOf(short, first, NOW), pauseOf(short, first, run.due)]).toStrictEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("is told of a run that is due while verdicts wait for a witness", () => {
    const waiting = nextFreeze(undefined, bad(), NOW, { isWaiting: true });
    expect(waiting).toStrictEqual({ since: NOW, lastBad: NOW, why: "witness", floors: {} });
    const hold = (due: Instant) => pauseOf({ lease: LEASE, due }, waiting, NOW);
    expect(hold(NOW)).toStrictEqual({ since: NOW, until: at("12:45:00"), why: "witness" });
    expect(hold(at("12:30:00.001"))).toBe(undefined);
  });

  test("of 0.1.0, which knew one floor for all, still holds", () => {
    expect(floorOf({ since: NOW, lastBad: NOW, floor: NOW }, LEASE)).toBe(NOW);
  });

  test("never lets a floor fall, whoever writes late", () => {
    const ahead = nextFreeze(undefined, bad(LONG), at("12:30:01"));
    const late = nextFreeze(ahead, bad(LONG), NOW);
    expect([floorOf(late, LEASE), late?.lastBad]).toStrictEqual([at("12:30:01"), at("12:30:01")]);
  });
});

test("a sweep may find 5 verdicts by the clock, or one in a hundred of the live runs", () => {
  expect([0, 20, 599, 600, 10_000].map(verdictLimit)).toStrictEqual([5, 5, 5, 6, 100]);
});

describe("a verdict by the clock alone", () => {
  const frozenAt = (floor: Instant): { freeze: Freeze } => ({ freeze: { since: floor, lastBad: floor, floor } });

  test.each([running(), queued({ due: at("12:03:00") })])("waits for a lease after the thaw in state $state", (run) => {
    const floor = at("12:03:00");
    expect(decide(run, due(at("12:04:59.999"), frozenAt(floor)))).toStrictEqual({
      write: "none",
      reply: { kind: "frozen", awaited: "thaw" },
    });
    expect(decide(run, due(at("12:05:00"), frozenAt(floor))).reply).toStrictEqual({ kind: "reaped", isByClock: true });
  });

  test("does not wait for the thaw of another lease class", () => {
    const floor = at("12:03:00");
    const freeze = { since: floor, lastBad: floor, floors: { [SHORT]: floor } };
    expect(decide(running(), due(at("12:03:10"), { freeze })).reply.kind).toBe("reaped");
  });

  test.each([running(), queued({ due: at("12:03:00") })])("waits for the next sweep past the limit ($state)", (run) => {
    expect(decide(run, due(at("12:05:00"), { isLimited: true }))).toStrictEqual({
      write: "none",
      reply: { kind: "limited" },
    });
    expect(decide(run, due(at("12:05:00"), { isLimited: false })).reply.kind).toBe("reaped");
  });

  test("is found frozen before it is found limited, so that it takes no place", () => {
    const now = at("12:05:00");
    expect(decide(running(), due(now, { ...frozenAt(now), isLimited: true })).reply.kind).toBe("frozen");
  });

  test("is not what ends an attempt with evidence or with a deadline", () => {
    const now = at("12:05:00");
    const restraint = { ...frozenAt(now), isLimited: true };
    const told = { ...restraint, evidence: [evidence("evicted", at("12:02:00"))] };
    expect([
      decide(running(), due(now, told)).reply,
      decide(leaving(), due(now, told)).reply,
      decide(running({ lastRenewable: at("12:02:00") }), due(now, restraint)).reply,
    ]).toStrictEqual([{ kind: "reaped" }, { kind: "reaped" }, { kind: "reaped" }]);
    expect(decide(leaving(), due(now, restraint)).reply.kind).toBe("frozen");
  });

  test("is found as long as evidence leaves room for a fault of ours: one word that the host was taken is enough", () => {
    const now = at("12:05:00");
    const reply = (...told: readonly Evidence[]) =>
      decide(running(), due(now, { ...frozenAt(now), evidence: told })).reply;
    const [drain, evicted] = [evidence("drain", at("12:02:00")), evidence("evicted", at("12:02:00"))];
    expect([reply(drain).kind, reply({ ...evicted, withdrawn: true }).kind]).toStrictEqual(["frozen", "frozen"]);
    expect([reply(drain, evicted), reply(evicted, drain)]).toStrictEqual([{ kind: "reaped" }, { kind: "reaped" }]);
    const soon = (deadline: string) => reply(drain, { ...evicted, deadline: at(deadline) }).kind;
    expect([soon("12:05:00"), soon("12:05:00.001")]).toStrictEqual(["reaped", "frozen"]);
  });

  test("is never found at the very floor, but beyond a quarter of an hour after the lease", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5000, max: 3_600_000 }), fc.integer({ min: 0, max: 1_800_000 }), (lease, ago) => {
        const run = running({ lease: milliseconds(lease), due: instant(NOW - ago) });
        const { kind } = decide(run, due(NOW, frozenAt(NOW))).reply;
        expect(kind).toBe(ago < 900_000 ? "frozen" : "reaped");
      }),
    );
  });
});

describe("in every sequence of outages", () => {
  const PERIOD = seconds(10);
  type Outage = { readonly gap: number; readonly length: number };
  const outages = fc.array(
    fc.record({ gap: fc.integer({ min: 60, max: 1800 }), length: fc.integer({ min: 1, max: 900 }) }),
    {
      minLength: 1,
      maxLength: 6,
    },
  );

  /**
   * Whether a run is lost that has the worst luck: its last beat before each outage came an interval before it, all others beat
   * at its very beginning, and the run is heard again when a request has hung for an interval, and the next try has come.
   */
  function isLost(lease: Span, all: readonly Outage[]): boolean {
    const { interval } = paceOf(lease);
    const late = milliseconds(Math.min(lease / 2, interval + seconds(5)));
    let heard = at("00:00:00");
    let now = heard;
    let freeze: Freeze | undefined;
    for (const { gap, length } of all) {
      const begins = plus(now, seconds(gap));
      const ends = plus(begins, seconds(length));
      const back = plus(plus(ends, interval), seconds(5));
      for (; now < back; now = plus(now, PERIOD)) {
        if (now < begins) heard = earlier(now, minus(begins, interval));
        const isBad = now >= plus(begins, late) && now < ends;
        freeze = nextFreeze(freeze, isBad ? cutOff : bad(), now);
        const run = { due: plus(heard, lease), lease };
        if (run.due <= now && waitsFor(run, now, freeze === undefined ? {} : { freeze }) === undefined) return true;
      }
      heard = now;
    }
    return false;
  }

  // With a lease under 80 s an outage that costs the lease, from lease/2 - 5 s on, may fall between two sweeps that would see it.
  test("of 15 minutes each, with a minute or more between them, no healthy run is lost", () => {
    fc.assert(
      fc.property(fc.integer({ min: 80, max: 3600 }), outages, (lease, all) => {
        expect(isLost(seconds(lease), all)).toBe(false);
      }),
    );
  });

  test("who is silent throughout is declared lost a quarter of an hour after its lease, and one sweep, at the latest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5000, max: 3_600_000 }), (length) => {
        const lease = milliseconds(length);
        const run = running({ lease, due: at("12:00:00") });
        let freeze: Freeze | undefined;
        let now = at("12:00:00");
        const isReaped = (): boolean => {
          freeze = nextFreeze(freeze, bad(Math.floor(Math.log2(length / 1000))), now);
          return decide(run, due(now, freeze === undefined ? {} : { freeze })).reply.kind === "reaped";
        };
        while (!isReaped()) now = plus(now, PERIOD);
        expect(now).toBe(at("12:15:00"));
      }),
    );
  });
});
