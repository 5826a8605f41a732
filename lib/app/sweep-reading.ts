import { emptyFleet, type Fleet, tally } from "../core/fleet.ts";
import { isDebtOld } from "../core/settling.ts";
import type { Instant, Span } from "../core/time.ts";
import type { Standing } from "../ports/control.ts";
import type { Sighting } from "../ports/runs.ts";
import type { App } from "./app.ts";
import { Sample } from "./fairness.ts";
import { isSuspect, MOST_SUSPECTS } from "./suspicion.ts";
import type { Counts } from "./sweep-counts.ts";
import { type Failure, visitAll } from "./visit-all.ts";

/** 1,000 items of 128 B are one request of 128 kB, a tenth of what a Query page may hold. */
export const PAGE = 1000;

/** Sightings of 100 B that wait for the end of the pass: a megabyte, and more than a sweep can judge in its time. */
const MOST_SIGHTINGS = 10_000;

/**
 * What a sweep has found: the fleet, the runs that are due, those that missed a beat, and those whose debt or item needs
 * care.
 */
export type Found = {
  readonly fleet: Fleet;
  readonly due: Sample<Sighting>;
  readonly suspects: Sample<Sighting>;
  readonly care: Sample<Sighting>;
};

/** One sweep under way: when it began and has to end, what was known before it, what it counts, and what has failed. */
export type Sweep = {
  readonly began: Instant;
  readonly until: Instant;
  readonly period: Span;
  readonly previous: Instant | undefined;
  readonly standing: Standing;
  readonly counts: Counts;
  readonly failures: Failure<unknown>[];
};

/**
 * Reads every shard, page by page, and writes nothing. A shard that cannot be read fails, and does not delay the
 * others.
 */
export async function readFleet(app: App, { standing: { shards }, until, counts, failures }: Sweep): Promise<Found> {
  const found: Found = {
    fleet: emptyFleet(),
    due: new Sample(MOST_SIGHTINGS, app.dice.roll),
    suspects: new Sample(MOST_SUSPECTS, app.dice.roll),
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
        if (isSuspect(sighting, now)) found.suspects.add(sighting);
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

/** Whole seconds, and never negative, although two clocks may differ. */
const secondsBetween = (from: Instant | undefined, to: Instant): number =>
  from === undefined ? 0 : Math.max(0, Math.round((to - from) / 1000));

const isOwing = ({ owedSince }: Sighting, now: Instant): boolean =>
  owedSince !== undefined && isDebtOld(owedSince, now);

const callsForCare = (sighting: Sighting, now: Instant): boolean =>
  isOwing(sighting, now) || (sighting.state === "ended" && sighting.owedSince === undefined && sighting.due <= now);
