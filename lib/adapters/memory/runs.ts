import { changesBetween } from "../../core/changes.ts";
import { renews } from "../../core/lease.ts";
import { isClaimed, type Run, type RunKey } from "../../core/run.ts";
import type { Runs, Sighting } from "../../ports/runs.ts";

/** A write of single fields. A field that is not named keeps the value that it has now. */
function apply(current: Run, seen: Run, next: Run): Run {
  const { set, removed } = changesBetween(seen, next);
  const kept = Object.entries(current).filter(([name]) => !removed.includes(name));
  return Object.fromEntries([...kept, ...Object.entries(set)]) as Run;
}

const sight = ({ debt, ...run }: Run): Sighting => ({
  run: run.run,
  shard: run.shard,
  state: run.state,
  due: run.due,
  lease: run.lease,
  ...(isClaimed(run) && run.host !== undefined && { host: run.host }),
  ...(isClaimed(run) && run.isWatched === true && { isWatched: true }),
  ...(debt !== undefined && { owedSince: debt.since }),
});

/**
 * One shard: its runs, and their ids in the order in which a query returns them. The ids are sorted again after a run
 * came or went.
 */
class Shard {
  readonly runs = new Map<string, Run>();
  private sorted: readonly string[] | undefined;

  put(run: Run): void {
    if (!this.runs.has(run.run)) this.sorted = undefined;
    this.runs.set(run.run, run);
  }

  delete(id: string): void {
    if (this.runs.delete(id)) this.sorted = undefined;
  }

  page(limit: number, cursor = ""): { page: Run[]; cursor?: string } {
    this.sorted ??= [...this.runs.keys()].sort();
    const first = firstBeyond(this.sorted, cursor);
    const ids = this.sorted.slice(first, first + limit);
    const last = ids.at(-1);
    const isMore = first + limit < this.sorted.length;
    return {
      page: ids.map((id) => this.runs.get(id) as Run),
      ...(last !== undefined && isMore && { cursor: last }),
    };
  }
}

/** The index of the first id after `cursor`. */
function firstBeyond(sorted: readonly string[], cursor: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) > cursor) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Run items that a test can also look at, without a step in between. */
export type MemoryRuns = Runs & { items(): readonly Run[]; look(key: RunKey): Run | undefined };

/** The run items in memory. Each call is one atomic step. */
export function memoryRuns(): MemoryRuns {
  const shards = new Map<number, Shard>();
  const shardOf = (shard: number): Shard => {
    const found = shards.get(shard) ?? new Shard();
    shards.set(shard, found);
    return found;
  };
  const found = ({ run, shard }: RunKey): Run | undefined => shards.get(shard)?.runs.get(run);
  return {
    items: () => [...shards.values()].flatMap(({ runs }) => [...runs.values()]),
    look: found,
    read: async (key) => found(key),
    create: async (run) => {
      if (found(run) !== undefined) return "stale";
      shardOf(run.shard).put(run);
      return "written";
    },
    replace: async (seen, next, due) => {
      const current = found(seen);
      if (current === undefined || current.rev !== seen.rev) return "stale";
      if (due !== undefined && "is" in due && current.due !== due.is) return "stale";
      if (due !== undefined && "atMost" in due && current.due > due.atMost) return "stale";
      shardOf(seen.shard).put(apply(current, seen, next));
      return "written";
    },
    renew: async (key, renewal) => {
      const run = found(key);
      if (run === undefined || !renews(run, renewal)) return { write: "stale", run };
      const { due, progress } = renewal;
      const renewed = { ...run, due, ...(progress !== undefined && { progress }) } as Run;
      shardOf(key.shard).put(renewed);
      return { write: "written", run: renewed };
    },
    remove: async (seen) => {
      const current = found(seen);
      if (current !== undefined && current.rev !== seen.rev) return "stale";
      shardOf(seen.shard).delete(seen.run);
      return "written";
    },
    page: async (shard, limit, cursor) => {
      const { page, ...rest } = shardOf(shard).page(limit, cursor);
      return { sightings: page.map(sight), ...rest };
    },
    list: async (shard, limit, cursor) => {
      const { page, ...rest } = shardOf(shard).page(limit, cursor);
      return { runs: page, ...rest };
    },
  };
}
