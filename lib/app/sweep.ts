import type { RunKey } from "../core/run.ts";
import { type Instant, instant, type Span } from "../core/time.ts";
import type { Standing } from "../ports/control.ts";
import type { Sighting } from "../ports/runs.ts";
import type { App } from "./app.ts";
import { shuffled } from "./fairness.ts";
import { type Places, reap } from "./reap.ts";
import { settle } from "./settle.ts";
import { type Asking, lookUp } from "./suspicion.ts";
import { type Counts, noCounts, SWEPT, type SweepCounts } from "./sweep-counts.ts";
import { readFleet, type Sweep } from "./sweep-reading.ts";
import { beginToJudge, freezeAfter, type Judging, notAfter } from "./sweep-restraint.ts";
import { throwIfAny, tryTo, visitAll } from "./visit-all.ts";

/** The bounds of a sweep. The next sweep finds what this one does not reach. */
export type SweepBounds = {
  /** A sweep that would begin less than half a period after the last one is skipped. */
  readonly period: Span;
  /** No page, verdict or debt is begun after this instant. */
  readonly until: Instant;
  /** When this process last ended a sweep, if it has. The table is less exact: it stores one sweep a minute. */
  readonly previous?: Instant | undefined;
};

/**
 * Each verdict is about six requests of 5 ms: 32 at once are about 1,000 a second, which one shard's writes can take.
 */
const AT_ONCE = 32;

/**
 * One pass over all run items. Then the verdicts on the runs that are due, now that it is known which hosts were heard.
 * Then the debts that have stood for too long, and the items that have lingered. Last, the
 * attempts that missed a beat are looked up: nothing else waits for the answers. Returns undefined if another sweep has just begun. A run
 * that fails does not delay the others: it is logged, and found again.
 */
export async function sweep(
  app: App,
  { period, until, previous }: SweepBounds,
  asking?: Asking,
): Promise<SweepCounts | undefined> {
  const began = app.clock.now();
  const standing = dated(await app.control.standing(), began, period);
  const { lastSweep = instant(0) } = standing;
  if (lastSweep > notAfter(began, period)) return undefined;
  const under: Sweep = { began, until, period, previous, standing, counts: noCounts(), failures: [] };
  const { counts, failures } = under;
  const found = await readFleet(app, under);
  const judging = await beginToJudge(app, under, found);
  if (judging !== "another sweep judges") await judgeDue(app, under, judging);
  const isInTime = (): boolean => app.clock.now() < until;
  await careFor(app, found.care.all, counts, isInTime);
  app.log.write({ decision: SWEPT, counts });
  if (asking !== undefined) await lookUp(app, asking, found.suspects.all, isInTime);
  throwIfAny(failures, standing.shards + 2, "parts of a sweep"); // the shards, and two writes on the control item
  return counts;
}

/** What is known. If a wrong clock has dated the last sweep more than a period ahead, it counts as long ago. */
const dated = (standing: Standing, now: Instant, period: Span): Standing =>
  standing.lastSweep === undefined || standing.lastSweep <= now + period
    ? standing
    : { ...standing, lastSweep: instant(0) };

/**
 * Finds the verdicts in half of the time that is left, so that the debts get the other half. If some wait for a witness
 * although no fault was found, that is stored, because people may ask why.
 */
async function judgeDue(app: App, { until, counts, failures }: Sweep, judging: Judging): Promise<void> {
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
