import { isGap } from "../core/fleet.ts";
import { type Faults, type Freeze, isCutOff, nextFreeze, type Survey, surveyOf, verdictLimit } from "../core/freeze.ts";
import { after, before, type Instant, instant, later, milliseconds, type Span, seconds } from "../core/time.ts";
import { valveOpens } from "../core/valve.ts";
import type { Sighting } from "../ports/runs.ts";
import type { App } from "./app.ts";
import { inTurns } from "./fairness.ts";
import type { Restraint } from "./reap.ts";
import type { Found, Sweep } from "./sweep-reading.ts";
import { tryTo } from "./visit-all.ts";

/** A sweep that finds nothing due is stored once in this time. So a reader finds a sweep of the last minute or so. */
const SIGN_OF_LIFE = seconds(60);

/** If the last sweep began after this, it has just looked at everything. */
export const notAfter = (began: Instant, period: Span): Instant => before(began, milliseconds(period / 2));

/** The runs to judge, and what holds verdicts back. */
export type Judging = {
  readonly due: readonly Sighting[];
  readonly restraint: Omit<Restraint, "places">;
  /** The most verdicts by the clock alone. */
  readonly most: number;
  readonly faults: Faults;
  /** When the first verdict that a fault of ours holds back goes on anyway. */
  readonly valveOpens: Instant | undefined;
  readonly isFault: boolean;
};

/** Finds out whether the fault is ours, and writes down that this sweep judges, unless another one does. */
export async function beginToJudge(app: App, under: Sweep, found: Found): Promise<Judging | "another sweep judges"> {
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

/** When a sweep last looked: exactly, if this process did; otherwise within the minute that the table tells. */
const lastLook = (lastSweep: Instant, previous: Instant | undefined): Instant =>
  previous === undefined ? after(lastSweep, SIGN_OF_LIFE) : later(previous, lastSweep);

/**
 * The freeze after this sweep. If it is new, it is stored before any verdict that it holds back. With `isWaiting`,
 * verdicts wait for a witness although no fault was found; it is stored because people may ask why.
 */
export async function freezeAfter(
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
