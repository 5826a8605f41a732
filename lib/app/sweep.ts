import { isOverdue } from "../core/ending.ts";
import { before, type Instant, milliseconds, type Span } from "../core/time.ts";
import type { Sighting } from "../ports/runs.ts";
import type { App } from "./app.ts";
import { reap } from "./reap.ts";
import { settle } from "./settle.ts";

export type SweepCounts = {
  readonly live: number;
  readonly reaped: number;
  readonly spared: number;
  readonly settled: number;
  readonly removed: number;
  readonly failed: number;
};

/** How a sweep is bounded. What it does not reach is found again by the next one. */
export type SweepBounds = {
  /** A sweep that would begin less than half a period after the last one is skipped. */
  readonly period: Span;
  /** No further page and no further verdict after this instant. */
  readonly until: Instant;
};

/** 1,000 items of 128 B are one request of 128 kB, a tenth of what a Query page may hold. */
const PAGE = 1000;

/** Each verdict is about six requests of 5 ms: 32 at once are about 1,000 a second, which one shard's writes can take. */
const AT_ONCE = 32;

/**
 * One pass over all run items: reaps what is due, settles what has owed for too long, removes what has lingered. Answers
 * undefined when another sweep has just begun. A run that fails does not keep the others waiting: it is logged, and
 * found again.
 */
export async function sweep(app: App, { period, until }: SweepBounds): Promise<SweepCounts | undefined> {
  const now = app.clock.now();
  if (!(await app.control.beginSweep(now, before(now, milliseconds(period / 2))))) return undefined;
  const counts = { live: 0, reaped: 0, spared: 0, settled: 0, removed: 0, failed: 0 };
  const visit = async (sighting: Sighting): Promise<void> => {
    try {
      const fate = await visitOne(app, sighting, app.clock.now());
      if (fate !== undefined) counts[fate] += 1;
    } catch (error) {
      counts.failed += 1;
      app.log.write({ decision: "sweep-failed", run: sighting.run, error: String(error) });
    }
  };
  const shards = await app.control.shards();
  for (let shard = 0; shard < shards; shard += 1) {
    let cursor: string | undefined;
    do {
      const page = await app.runs.page(shard, PAGE, cursor);
      counts.live += page.sightings.filter(({ state }) => state !== "ended").length;
      await atOnce(page.sightings, visit, () => app.clock.now() < until);
      cursor = page.cursor;
    } while (cursor !== undefined && app.clock.now() < until);
  }
  app.log.write({ decision: "swept", counts });
  return counts;
}

/** What this sighting calls for, if anything. The sighting may be old: whoever acts reads the run item first. */
async function visitOne(
  app: App,
  { run, shard, state, due, owedSince }: Sighting,
  now: Instant,
): Promise<"reaped" | "spared" | "settled" | "removed" | undefined> {
  const key = { run, shard };
  let fate: "settled" | undefined;
  if (owedSince !== undefined && isOverdue(owedSince, now)) {
    await settle(app, key);
    fate = "settled";
  }
  if (due > now) return fate;
  if (state === "ended") return owedSince === undefined ? removeEnded(app, key, now) : fate;
  return (await reap(app, key)).kind === "reaped" ? "reaped" : "spared";
}

async function removeEnded(app: App, key: { run: string; shard: number }, now: Instant): Promise<"removed" | "spared"> {
  const run = await app.runs.read(key);
  if (run === undefined) return "removed";
  if (run.state !== "ended" || run.debt !== undefined || run.due > now) return "spared";
  return (await app.runs.remove(run)) === "written" ? "removed" : "spared";
}

/** Visits all of them, a bounded number at once, until it is told to stop. */
async function atOnce<T>(all: readonly T[], visit: (one: T) => Promise<void>, goesOn: () => boolean): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let one = all[next++]; one !== undefined && goesOn(); one = all[next++]) await visit(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
