import { changesBetween } from "../core/changes.ts";
import { renews } from "../core/lease.ts";
import type { Run, RunKey } from "../core/run.ts";
import type { Runs, Sighting } from "../ports/runs.ts";

/** A field-wise write: what was not named keeps the value it has now. */
function apply(current: Run, seen: Run, next: Run): Run {
  const { set, removed } = changesBetween(seen, next);
  const kept = Object.entries(current).filter(([name]) => !removed.includes(name));
  return Object.fromEntries([...kept, ...Object.entries(set)]) as Run;
}

const sight = ({ run, shard, state, due, lease, debt }: Run): Sighting => ({
  run,
  shard,
  state,
  due,
  lease,
  ...(debt !== undefined && { owedSince: debt.since }),
});

/** The run items in memory. Each call is one atomic step. `items` may be looked at, not changed. */
export function memoryRuns(): Runs & { readonly items: ReadonlyMap<string, Run> } {
  const items = new Map<string, Run>();
  const keyOf = ({ run, shard }: RunKey): string => `${shard}/${run}`;
  const shardOf = (shard: number, limit: number, cursor = ""): { page: Run[]; cursor?: string } => {
    const all = [...items.values()].filter((run) => run.shard === shard && run.run > cursor);
    const page = all.sort((one, other) => (one.run < other.run ? -1 : 1)).slice(0, limit);
    const last = page.at(-1);
    return { page, ...(last !== undefined && all.length > limit && { cursor: last.run }) };
  };
  return {
    items,
    read: async (key) => items.get(keyOf(key)),
    create: async (run) => {
      if (items.has(keyOf(run))) return "stale";
      items.set(keyOf(run), run);
      return "written";
    },
    replace: async (seen, next, due) => {
      const current = items.get(keyOf(seen));
      if (current === undefined || current.rev !== seen.rev) return "stale";
      if (due !== undefined && "is" in due && current.due !== due.is) return "stale";
      if (due !== undefined && "atMost" in due && current.due > due.atMost) return "stale";
      items.set(keyOf(seen), apply(current, seen, next));
      return "written";
    },
    renew: async (key, renewal) => {
      const run = items.get(keyOf(key));
      if (run === undefined || !renews(run, renewal)) return { write: "stale", run };
      const { due, progress } = renewal;
      const renewed = { ...run, due, ...(progress !== undefined && { progress }) } as Run;
      items.set(keyOf(key), renewed);
      return { write: "written", run: renewed };
    },
    remove: async (seen) => {
      const current = items.get(keyOf(seen));
      if (current !== undefined && current.rev !== seen.rev) return "stale";
      items.delete(keyOf(seen));
      return "written";
    },
    page: async (shard, limit, cursor) => {
      const { page, ...rest } = shardOf(shard, limit, cursor);
      return { sightings: page.map(sight), ...rest };
    },
    list: async (shard, limit, cursor) => {
      const { page, ...rest } = shardOf(shard, limit, cursor);
      return { runs: page, ...rest };
    },
  };
}
