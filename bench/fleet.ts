import { memoryRuns } from "../lib/adapters/memory/runs.ts";
import { renews } from "../lib/core/lease.ts";
import { asFence, type Run, type RunKey, type Running } from "../lib/core/run.ts";
import { after, type Instant, instant, type Span, seconds } from "../lib/core/time.ts";
import type { Runs, Sighting } from "../lib/ports/runs.ts";
import type { Claims } from "../lib/wire/credentials.ts";

type Fleet = {
  readonly runs: number;
  readonly shards: number;
  readonly lease: Span;
  readonly start: Instant;
  /** Their first beats are spread over this many seconds. */
  readonly spread: number;
};

/**
 * The run items of a large fleet, all of which have begun alike. Each of r0, r1, and so on is one number, until
 * something other than a beat happens to it. From then on it is an item in memory. A million objects that are replaced
 * once a minute would measure the garbage collector.
 */
export function fleetRuns({ runs, shards, lease, start, spread }: Fleet): Runs & {
  token(number: number): Claims;
  shardOf(run: string): number;
} {
  const due = new Float64Array(runs);
  for (let n = 0; n < runs; n += 1) due[n] = after(after(start, lease), seconds(n % spread));
  const moved = memoryRuns();
  const hasMoved = new Uint8Array(runs);
  const numberOf = (run: string): number => Number(run.slice(1));
  const shardOf = (run: string): number => numberOf(run) % shards;

  const itemOf = (number: number): Running => ({
    run: `r${number}`,
    shard: number % shards,
    state: "running",
    attempt: 1,
    fence: asFence(1),
    rev: 1,
    charges: "",
    due: instant(due[number] as number),
    lease,
    holder: "00112233445566778899aabbccddeeff",
    claimedAt: start,
  });
  const isFirst = ({ run }: RunKey): boolean => hasMoved[numberOf(run)] === 0;
  /** From now on it is an item like any other. */
  const move = async (run: Run): Promise<void> => {
    await moved.create(itemOf(numberOf(run.run)));
    hasMoved[numberOf(run.run)] = 1;
  };

  return {
    shardOf,
    token: (number) => ({ run: `r${number}`, shard: number % shards, attempt: 1, fence: asFence(1), lease }),
    read: async (key) => (isFirst(key) ? itemOf(numberOf(key.run)) : moved.read(key)),
    create: moved.create,
    replace: async (seen, next, guard) => {
      if (isFirst(seen)) await move(seen);
      return moved.replace(seen, next, guard);
    },
    renew: async (key, renewal) => {
      if (!isFirst(key)) return moved.renew(key, renewal);
      const number = numberOf(key.run);
      const run = itemOf(number);
      if (!renews(run, renewal)) return { write: "stale", run };
      due[number] = renewal.due;
      return { write: "written", run: { ...run, due: renewal.due } };
    },
    remove: moved.remove,
    page: async (shard, limit, cursor) => {
      const sightings: Sighting[] = [];
      let number = cursor === undefined ? shard : numberOf(cursor) + shards;
      for (; number < runs && sightings.length < limit; number += shards)
        if (hasMoved[number] === 0)
          sightings.push({ run: `r${number}`, shard, state: "running", due: instant(due[number] as number), lease });
      if (number < runs) return { sightings, cursor: `r${number - shards}` };
      // After the runs that are numbers come those that have moved. They are few, and all on the last page.
      const { sightings: others } = await moved.page(shard, runs);
      return { sightings: [...sightings, ...others] };
    },
    list: moved.list,
  };
}
