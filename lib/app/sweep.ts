import { emptyFleet, type Fleet, isGap, tally } from "../core/fleet.ts";
import { type Faults, type Freeze, isCutOff, nextFreeze, type Survey, surveyOf, verdictLimit } from "../core/freeze.ts";
import type { RunKey } from "../core/run.ts";
import { isDebtOld } from "../core/settling.ts";
import { after, before, type Instant, instant, later, milliseconds, type Span, seconds } from "../core/time.ts";
import { valveOpens } from "../core/valve.ts";
import type { Standing } from "../ports/control.ts";
import type { LogLine } from "../ports/environment.ts";
import type { Sighting } from "../ports/runs.ts";
import type { App } from "./app.ts";
import { inTurns, Sample, shuffled } from "./fairness.ts";
import { type Places, type Restraint, reap } from "./reap.ts";
import { settle } from "./settle.ts";
import { type Failure, throwIfAny, tryTo, visitAll } from "./visit-all.ts";

export type SweepCounts = {
  readonly live: number;
  readonly reaped: number;
  readonly spared: number;
  /** Due, but the fault may be ours. */
  readonly frozen: number;
  /** Due, but this sweep has already declared as many lost as it may. */
  readonly limited: number;
  readonly settled: number;
  readonly removed: number;
  readonly failed: number;
  /** 1 if the whole fleet, or a whole lease class, was found silent at once. */
  readonly silent: number;
  /** 1 if the canary could not reach the front door, or not get through it. */
  readonly canary: number;
  /** 1 if that has lasted so long that the first verdicts go on anyway. */
  readonly valve: number;
  /** The age of the oldest debt in seconds; 0 if nothing is owed. */
  readonly debtAge: number;
};

/** Counts that describe the fleet, and not what the sweep has done. */
const GAUGES: ReadonlySet<string> = new Set(["live", "debtAge"] satisfies (keyof SweepCounts)[]);

/** Whether a line is worth reading. A sweep that found nothing to do is not news. */
export const isNews = ({ counts }: LogLine): boolean =>
  counts === undefined || Object.entries(counts).some(([name, count]) => !GAUGES.has(name) && count > 0);

/** The bounds of a sweep. The next sweep finds what this one does not reach. */
export type SweepBounds = {
  /** A sweep that would begin less than half a period after the last one is skipped. */
  readonly period: Span;
  /** No page, verdict or debt is begun after this instant. */
  readonly until: Instant;
  /** When this process last ended a sweep, if it has. The table is less exact: it stores one sweep a minute. */
  readonly previous?: Instant | undefined;
};

/** 1,000 items of 128 B are one request of 128 kB, a tenth of what a Query page may hold. */
export const PAGE = 1000;

/** A sweep that finds nothing due is stored once in this time. So a reader finds a sweep of the last minute or so. */
const SIGN_OF_LIFE = seconds(60);

/**
 * Each verdict is about six requests of 5 ms: 32 at once are about 1,000 a second, which one shard's writes can take.
 */
const AT_ONCE = 32;

/** Sightings of 100 B that wait for the end of the pass: a megabyte, and more than a sweep can judge in its time. */
const MOST_SIGHTINGS = 10_000;

/** Whole seconds, and never negative, although two clocks may differ. */
const secondsBetween = (from: Instant | undefined, to: Instant): number =>
  from === undefined ? 0 : Math.max(0, Math.round((to - from) / 1000));

type Counts = { -readonly [K in keyof SweepCounts]: number };

/** What a sweep has found: the fleet, the runs that are due, and the runs whose debt or item needs care. */
type Found = { readonly fleet: Fleet; readonly due: Sample<Sighting>; readonly care: Sample<Sighting> };

/** One sweep under way: when it began and has to end, what was known before it, what it counts, and what has failed. */
type Sweep = {
  readonly began: Instant;
  readonly until: Instant;
  readonly period: Span;
  readonly previous: Instant | undefined;
  readonly standing: Standing;
  readonly counts: Counts;
  readonly failures: Failure<unknown>[];
};

/**
 * One pass over all run items. Then the verdicts on the runs that are due, now that it is known which hosts were heard.
 * Then the debts that have stood for too long, and the items that have lingered. Returns undefined if another sweep has
 * just begun. A run that fails does not delay the others: it is logged, and found again.
 */
export async function sweep(app: App, { period, until, previous }: SweepBounds): Promise<SweepCounts | undefined> {
  const began = app.clock.now();
  const standing = dated(await app.control.standing(), began, period);
  const { lastSweep = instant(0) } = standing;
  if (lastSweep > notAfter(began, period)) return undefined;
  const under: Sweep = { began, until, period, previous, standing, counts: noCounts(), failures: [] };
  const { counts, failures } = under;
  const found = await readFleet(app, under);
  const judging = await beginToJudge(app, under, found);
  if (judging !== "another sweep judges") await judge(app, under, judging);
  await careFor(app, found.care.all, counts, () => app.clock.now() < until);
  app.log.write({ decision: "swept", counts });
  throwIfAny(failures, standing.shards + 2, "parts of a sweep"); // the shards, and two writes on the control item
  return counts;
}

/** If the last sweep began after this, it has just looked at everything. */
const notAfter = (began: Instant, period: Span): Instant => before(began, milliseconds(period / 2));

const noCounts = (): Counts => ({
  live: 0,
  reaped: 0,
  spared: 0,
  frozen: 0,
  limited: 0,
  settled: 0,
  removed: 0,
  failed: 0,
  silent: 0,
  canary: 0,
  valve: 0,
  debtAge: 0,
});

/** The runs to judge, and what holds verdicts back. */
type Judging = {
  readonly due: readonly Sighting[];
  readonly restraint: Omit<Restraint, "places">;
  /** The most verdicts by the clock alone. */
  readonly most: number;
  readonly faults: Faults;
  /** When the first verdict that a fault of ours holds back goes on anyway. */
  readonly valveOpens: Instant | undefined;
  readonly isFault: boolean;
};

/** What is our fault, as far as the fleet and the canary tell. */
function faultsIn(
  { fleet }: Found,
  { began, period, previous, standing }: Sweep,
  survey: Survey,
  now: Instant,
): Faults {
  const { lastSweep } = standing;
  return {
    isCutOff: isCutOff(standing.canary, now),
    isGap: lastSweep !== undefined && isGap(fleet, lastLook(lastSweep, previous), period, began),
    silent: survey.silent,
  };
}

/** Finds out whether the fault is ours, and writes down that this sweep judges, unless another one does. */
async function beginToJudge(app: App, under: Sweep, found: Found): Promise<Judging | "another sweep judges"> {
  const { began, standing, counts } = under;
  const { lastSweep = instant(0) } = standing;
  const { valveOpens: opens } = found.fleet;
  const now = app.clock.now();
  const survey = surveyOf(found.fleet, standing, now);
  const faults = faultsIn(found, under, survey, now);
  const isFault = faults.isCutOff || faults.isGap || faults.silent.size > 0;
  const due = inTurns(
    app.dice.roll,
    found.due.all.filter((sighting) => sighting.due > lastSweep).sort(byDue),
    found.due.all.filter((sighting) => sighting.due <= lastSweep),
  );
  counts.silent = faults.silent.size > 0 ? 1 : 0;
  counts.canary = faults.isCutOff ? 1 : 0;
  counts.valve = isFault && due.some((run) => run.state !== "waiting" && valveOpens(run) <= now) ? 1 : 0;
  const judging = (most: number, freeze: Freeze | undefined): Judging => ({
    ...{ due, faults, isFault, valveOpens: opens, most },
    restraint: { survey, ...(freeze !== undefined && { freeze }) },
  });
  const most = verdictLimit(counts.live);
  // The end of a backoff is not a verdict: each sweep that sees it queues the run.
  const isVerdict = isFault || due.some(({ state }) => state !== "waiting");
  // A sweep that finds nothing due writes nothing, but for a sign of life once a minute.
  if (!isVerdict && lastSweep > before(began, SIGN_OF_LIFE)) return judging(most, undefined);
  const begun = await begin(app, under, isVerdict ? faults : undefined, opens);
  if (!isVerdict) return judging(most, undefined);
  switch (begun.kind) {
    case "first":
      return judging(most, begun.freeze);
    case "another":
      return "another sweep judges";
    case "failed": // Nobody knows whose fault it is then: silence ends no attempt, and evidence does.
      return judging(0, { since: now, lastBad: now, floor: now });
  }
}

type Begun =
  | { readonly kind: "first"; readonly freeze: Freeze | undefined }
  | { readonly kind: "another" }
  /** The control item could not be written. */
  | { readonly kind: "failed" };

/** Writes down that this sweep has begun: of two at once, one is the first. With `faults` it goes on to judge, and a freeze is news. */
async function begin(
  app: App,
  { began, period, failures }: Sweep,
  faults: Faults | undefined,
  opens: Instant | undefined,
): Promise<Begun> {
  const begun = await tryTo(failures, async (): Promise<Begun> => {
    const isFirst = await app.control.beginSweep(began, notAfter(began, period), milliseconds(period));
    if (!isFirst) return { kind: "another" };
    return { kind: "first", freeze: faults === undefined ? undefined : await freezeAfter(app, faults, opens) };
  });
  return begun ?? { kind: "failed" };
}

const byDue = (one: Sighting, other: Sighting): number => one.due - other.due;

/**
 * Reads every shard, page by page, and writes nothing. A shard that cannot be read fails, and does not delay the
 * others.
 */
async function readFleet(app: App, { standing: { shards }, until, counts, failures }: Sweep): Promise<Found> {
  const found: Found = {
    fleet: emptyFleet(),
    due: new Sample(MOST_SIGHTINGS, app.dice.roll),
    care: new Sample(MOST_SIGHTINGS, app.dice.roll),
  };
  const isInTime = (): boolean => app.clock.now() < until;
  // Every sweep begins at a random shard, so no run is always behind the others when a bound cuts the sweep short.
  const first = Math.floor(app.dice.roll() * shards);
  const turns = Array.from({ length: shards }, (_, turn) => (first + turn) % shards);
  const read = async (shard: number): Promise<void> => {
    let cursor: string | undefined;
    do {
      const page = await app.runs.page(shard, PAGE, cursor);
      const now = app.clock.now();
      for (const sighting of page.sightings) {
        if (sighting.state !== "ended") counts.live += 1;
        tally(found.fleet, sighting, now);
        counts.debtAge = Math.max(counts.debtAge, secondsBetween(sighting.owedSince, now));
        if (sighting.state !== "ended" && sighting.due <= now) found.due.add(sighting);
        if (callsForCare(sighting, now)) found.care.add(sighting);
      }
      cursor = page.cursor;
    } while (cursor !== undefined && isInTime());
  };
  // One shard after the other, because a sweep holds only one page in memory. Runs are in shards by chance, so the part
  // that can be read is a fair sample of the fleet.
  failures.push(...(await visitAll(turns, 1, read, isInTime)));
  return found;
}

/** What is known. If a wrong clock has dated the last sweep more than a period ahead, it counts as long ago. */
const dated = (standing: Standing, now: Instant, period: Span): Standing =>
  standing.lastSweep === undefined || standing.lastSweep <= now + period
    ? standing
    : { ...standing, lastSweep: instant(0) };

/** When a sweep last looked: exactly, if this process did; otherwise within the minute that the table tells. */
const lastLook = (lastSweep: Instant, previous: Instant | undefined): Instant =>
  previous === undefined ? after(lastSweep, SIGN_OF_LIFE) : later(previous, lastSweep);

/**
 * The freeze after this sweep. If it is new, it is stored before any verdict that it holds back. With `isWaiting`,
 * verdicts wait for a witness although no fault was found; it is stored because people may ask why.
 */
async function freezeAfter(
  app: App,
  faults: Faults,
  until: Instant | undefined,
  isWaiting = false,
): Promise<Freeze | undefined> {
  const { freeze: last } = await app.control.frontDoor();
  const freeze = nextFreeze(last, faults, app.clock.now(), { isWaiting, until });
  if (freeze !== undefined && freeze !== last) await app.control.rememberFreeze(freeze);
  return freeze;
}

/**
 * Finds the verdicts in half of the time that is left, so that the debts get the other half. If some wait for a witness
 * although no fault was found, that is stored, because people may ask why.
 */
async function judge(app: App, { until, counts, failures }: Sweep, judging: Judging): Promise<void> {
  const half = instant((app.clock.now() + until) / 2);
  const isWaiting = await judgeAll(app, judging, counts, () => app.clock.now() < half);
  if (isWaiting && !judging.isFault)
    await tryTo(failures, () => freezeAfter(app, judging.faults, judging.valveOpens, true));
}

/**
 * Finds as many verdicts by the clock alone as one sweep may. A verdict takes a place when it is about to be written,
 * and frees it if that fails. A run that found no free place is tried again while there is one. Returns whether any run
 * waits for a witness.
 */
async function judgeAll(
  app: App,
  { due, restraint, most }: Judging,
  counts: Counts,
  goesOn: () => boolean,
): Promise<boolean> {
  const places = placesFor(most);
  let isWaiting = false;
  let undecided = due;
  for (;;) {
    const limited: Sighting[] = [];
    await visit(app, undecided, counts, goesOn, async (sighting) => {
      const reply = await reap(app, sighting, undefined, { ...restraint, places });
      if (reply.kind === "frozen" && reply.awaited === "witness") isWaiting = true;
      if (reply.kind !== "limited") return reply.kind === "reaped" || reply.kind === "frozen" ? reply.kind : "spared";
      limited.push(sighting);
      return undefined;
    });
    if (limited.length === 0 || limited.length === undecided.length || !places.isFree() || !goesOn()) {
      counts.limited += limited.length;
      return isWaiting;
    }
    undecided = limited;
  }
}

/** The places for verdicts by the clock in one sweep. */
function placesFor(most: number): Places & { isFree(): boolean } {
  let free = most;
  return {
    take: () => {
      if (free <= 0) return false;
      free -= 1;
      return true;
    },
    giveBack: () => {
      free += 1;
    },
    isFree: () => free > 0,
  };
}

const isOwing = ({ owedSince }: Sighting, now: Instant): boolean =>
  owedSince !== undefined && isDebtOld(owedSince, now);

const callsForCare = (sighting: Sighting, now: Instant): boolean =>
  isOwing(sighting, now) || (sighting.state === "ended" && sighting.owedSince === undefined && sighting.due <= now);

/** Settles old debts and removes items that have lingered, in random order, so that no item blocks others for long. */
const careFor = (app: App, care: readonly Sighting[], counts: Counts, goesOn: () => boolean): Promise<void> =>
  visit(app, shuffled(app.dice.roll, care), counts, goesOn, async (sighting) => {
    // The sighting may be old, so the run item is read before anything is done.
    if (sighting.owedSince === undefined) return removeEnded(app, sighting, app.clock.now());
    await settle(app, sighting);
    return "settled";
  });

/** Visits all sightings, and counts what became of each. */
async function visit(
  app: App,
  sightings: readonly Sighting[],
  counts: Counts,
  goesOn: () => boolean,
  see: (sighting: Sighting) => Promise<keyof SweepCounts | undefined>,
): Promise<void> {
  const failures = await visitAll(
    sightings,
    AT_ONCE,
    async (sighting) => {
      const became = await see(sighting);
      if (became !== undefined) counts[became] += 1;
    },
    goesOn,
  );
  counts.failed += failures.length;
  for (const { one, error } of failures)
    app.log.write({ decision: "sweep-failed", run: one.run, error: String(error) });
}

async function removeEnded(app: App, key: RunKey, now: Instant): Promise<"removed" | "spared"> {
  const run = await app.runs.read(key);
  if (run === undefined) return "removed";
  if (run.state !== "ended" || run.debt !== undefined || run.due > now) return "spared";
  return (await app.runs.remove(run)) === "written" ? "removed" : "spared";
}
