import { isOverdue } from "../core/ending.ts";
import { type Fleet, isCutOff, isSilent, isValveOpen, nextFreeze, tally, verdictLimit } from "../core/freeze.ts";
import type { RunKey } from "../core/run.ts";
import { before, type Instant, instant, milliseconds, type Span, seconds } from "../core/time.ts";
import type { Sighting } from "../ports/runs.ts";
import type { LogLine } from "../ports/surroundings.ts";
import type { App } from "./app.ts";
import { atOnce } from "./at-once.ts";
import { reap } from "./reap.ts";
import { settle } from "./settle.ts";

export type SweepCounts = {
  readonly live: number;
  readonly reaped: number;
  readonly spared: number;
  /** Due, but the fleet is silent at once. */
  readonly frozen: number;
  /** Due, but this sweep has declared as many lost as one may. */
  readonly limited: number;
  readonly settled: number;
  readonly removed: number;
  readonly failed: number;
  /** 1 when the fleet was found silent at once. */
  readonly silent: number;
  /** 1 when the canary could not reach the front door, or nothing behind it. */
  readonly canary: number;
  /** 1 when a freeze has lasted so long that verdicts go on although the fleet is silent. */
  readonly valve: number;
  /** Seconds that the oldest debt has been standing; 0 where nothing is owed. */
  readonly debtAge: number;
};

/** What a sweep says of the fleet as it is, and of itself. */
const STANDING: ReadonlySet<string> = new Set(["live", "debtAge"] satisfies (keyof SweepCounts)[]);

/** Whether a line is worth reading: a sweep that found nothing to do is no news. */
export const isNews = ({ counts }: LogLine): boolean =>
  counts === undefined || Object.entries(counts).some(([name, count]) => !STANDING.has(name) && count > 0);

/** How a sweep is bounded. What it does not reach is found again by the next one. */
export type SweepBounds = {
  /** A sweep that would begin less than half a period after the last one is skipped. */
  readonly period: Span;
  /** No further page and no further verdict after this instant. */
  readonly until: Instant;
};

/** 1,000 items of 128 B are one request of 128 kB, a tenth of what a Query page may hold. */
const PAGE = 1000;

/** Whoever looks for the last sweep finds one that began in the last minute or so. */
const SIGN_OF_LIFE = seconds(60);

/** Each verdict is about six requests of 5 ms: 32 at once are about 1,000 a second, which one shard's writes can take. */
const AT_ONCE = 32;

/** Sightings of 100 B that wait for the end of the pass: a megabyte, and more than a sweep can judge in its time. */
const MOST_DUE = 10_000;

/** Whole seconds, and never less than none: two clocks may differ. */
const secondsBetween = (from: Instant | undefined, to: Instant): number =>
  from === undefined ? 0 : Math.max(0, Math.round((to - from) / 1000));

type Counts = { -readonly [K in keyof SweepCounts]: number };

/**
 * One pass over all run items: settles what has owed for too long, removes what has lingered, and then, knowing how much of
 * the fleet is silent, reaps what is due. Answers undefined when another sweep has just begun. A run that fails does not
 * keep the others waiting: it is logged, and found again.
 */
export async function sweep(app: App, { period, until }: SweepBounds): Promise<SweepCounts | undefined> {
  const now = app.clock.now();
  const unless = before(now, milliseconds(period / 2));
  const standing = await app.control.standing();
  const { lastSweep = instant(0) } = standing;
  if (lastSweep > unless) return undefined;
  const counts: Counts = {
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
  };
  const goesOn = (): boolean => app.clock.now() < until;
  const { fleet, due } = await pass(app, standing.shards, counts, goesOn);
  counts.silent = isSilent(fleet) ? 1 : 0;
  counts.canary = isCutOff(standing.canaryFailedAt, now) ? 1 : 0;
  const isBad = counts.silent + counts.canary > 0;
  // A backoff that is over is no verdict by the clock: whoever sees it queues the run.
  const isByClock = isBad || due.some(({ state }) => state !== "waiting");
  // A sweep that finds nothing due writes nothing, but for a sign of life once a minute. Of two at once, one judges.
  const isFirst = (isByClock || lastSweep <= before(now, SIGN_OF_LIFE)) && (await app.control.beginSweep(now, unless));
  if (!isByClock) await judge(app, due, { most: 0 }, counts, goesOn);
  else if (isFirst) {
    const floor = await floorOf(app, isBad, now, counts);
    await judge(app, due, { most: verdictLimit(counts.live), ...(floor !== undefined && { floor }) }, counts, goesOn);
  }
  app.log.write({ decision: "swept", counts });
  return counts;
}

/** Reads every shard, page by page, and sees to what needs no verdict on the way. */
async function pass(
  app: App,
  shards: number,
  counts: Counts,
  goesOn: () => boolean,
): Promise<{ fleet: Fleet; due: Sighting[] }> {
  const fleet: Fleet = new Map();
  const due: Sighting[] = [];
  // Every sweep begins elsewhere, so that what lies behind a crowd is reached some time, whatever bounds cut it short.
  const first = Math.floor(app.dice.roll() * shards);
  for (let turn = 0; turn < shards && goesOn(); turn += 1) {
    const shard = (first + turn) % shards;
    let cursor: string | undefined;
    do {
      const page = await app.runs.page(shard, PAGE, cursor);
      const now = app.clock.now();
      for (const sighting of page.sightings) {
        if (sighting.state !== "ended") counts.live += 1;
        tally(fleet, sighting, now);
        counts.debtAge = Math.max(counts.debtAge, secondsBetween(sighting.owedSince, now));
        if (sighting.state !== "ended" && sighting.due <= now && due.length < MOST_DUE) due.push(sighting);
      }
      const owing = page.sightings.filter((sighting) => callsForCare(sighting, now));
      await atOnce(owing, AT_ONCE, (sighting) => logged(app, sighting, counts, () => care(app, sighting)), goesOn);
      cursor = page.cursor;
    } while (cursor !== undefined && goesOn());
  }
  return { fleet, due };
}

/** The floor is written before any verdict that it holds back. */
async function floorOf(app: App, isBad: boolean, now: Instant, counts: Counts): Promise<Instant | undefined> {
  const freeze = nextFreeze(await app.control.freeze(), now, isBad);
  if (isBad && freeze !== undefined) await app.control.rememberFreeze(freeze);
  counts.valve = isBad && isValveOpen(freeze, now) ? 1 : 0;
  return freeze?.floor;
}

/** The verdicts: the longest overdue first, those by the clock alone `most` at most. */
async function judge(
  app: App,
  due: Sighting[],
  { most, floor }: { readonly most: number; readonly floor?: Instant },
  counts: Counts,
  goesOn: () => boolean,
): Promise<void> {
  let left = most;
  const ordered = due.sort((one, other) => one.due - other.due);
  await atOnce(
    ordered,
    AT_ONCE,
    (sighting) =>
      logged(app, sighting, counts, async () => {
        // A place is taken before the verdict is known, and given back when it did not rest on the clock alone.
        const isLimited = left <= 0;
        left -= 1;
        const reply = await reap(app, sighting, undefined, { isLimited, ...(floor !== undefined && { floor }) });
        if (reply.kind !== "reaped" || reply.isByClock !== true) left += 1;
        if (reply.kind === "reaped" || reply.kind === "frozen" || reply.kind === "limited") return reply.kind;
        return "spared";
      }),
    goesOn,
  );
}

async function logged(
  app: App,
  { run }: Sighting,
  counts: Counts,
  visit: () => Promise<keyof SweepCounts>,
): Promise<void> {
  try {
    counts[await visit()] += 1;
  } catch (error) {
    counts.failed += 1;
    app.log.write({ decision: "sweep-failed", run, error: String(error) });
  }
}

const isOwing = ({ owedSince }: Sighting, now: Instant): boolean =>
  owedSince !== undefined && isOverdue(owedSince, now);

const callsForCare = (sighting: Sighting, now: Instant): boolean =>
  isOwing(sighting, now) || (sighting.state === "ended" && sighting.owedSince === undefined && sighting.due <= now);

/** Settles or removes. The sighting may be old: whoever acts reads the run item first. */
async function care(app: App, sighting: Sighting): Promise<"settled" | "removed" | "spared"> {
  if (sighting.owedSince === undefined) return removeEnded(app, sighting, app.clock.now());
  await settle(app, sighting);
  return "settled";
}

async function removeEnded(app: App, key: RunKey, now: Instant): Promise<"removed" | "spared"> {
  const run = await app.runs.read(key);
  if (run === undefined) return "removed";
  if (run.state !== "ended" || run.debt !== undefined || run.due > now) return "spared";
  return (await app.runs.remove(run)) === "written" ? "removed" : "spared";
}
