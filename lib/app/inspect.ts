import type { Result, Run } from "../core/run.ts";
import type { Registration } from "../core/spec.ts";
import { before, type Instant } from "../core/time.ts";
import type { EndedRun, LedgerLine } from "../ports/records.ts";
import type { App } from "./app.ts";

/** All that is known of one run. Exactly one of `run` (its item) and `result` (what stays when the item is gone). */
export type Inspection = {
  readonly registration: Registration;
  readonly current: Run | Result;
  readonly lines: readonly LedgerLine[];
};

export async function inspect(app: App, run: string): Promise<Inspection | undefined> {
  const now = app.clock.now();
  const registration = await app.specs.read(run, now);
  if (registration === undefined) return undefined;
  const current = (await app.runs.read(registration)) ?? (await app.results.read(run, now));
  if (current === undefined) return undefined;
  const lines = await app.ledger.list(run, registration.fence);
  return { registration, current, lines: withOwed(lines, current) };
}

/** A ledger line that is still owed is as true as a written one. */
function withOwed(lines: readonly LedgerLine[], current: Run | Result): readonly LedgerLine[] {
  const owed = "debt" in current ? current.debt?.ledger : undefined;
  if (owed === undefined) return lines;
  const charge = current.charges[owed.attempt - 1] ?? "-";
  const others = lines.filter(({ fence }) => fence !== owed.fence);
  const known = lines.find(({ fence }) => fence === owed.fence);
  const line: LedgerLine = { ...known, fence: owed.fence, end: { ...owed, charge } };
  return [...others, line].sort((one, other) => one.fence - other.fence);
}

export type Listing<T> = { readonly runs: readonly T[]; readonly cursor?: string };

/** Live runs, shard by shard, in the order of their ids there. The cursor is `<shard>.<run>`. */
export async function listLive(app: App, limit: number, cursor?: string): Promise<Listing<Run>> {
  const shards = await app.control.shards();
  const [from = "0", ...rest] = (cursor ?? "0").split(".");
  const runs: Run[] = [];
  let after = rest.join(".") || undefined;
  for (let shard = Number(from); shard < shards; shard += 1) {
    do {
      const page = await app.runs.list(shard, limit - runs.length, after);
      runs.push(...page.runs.filter(({ state }) => state !== "ended"));
      after = page.cursor;
      if (runs.length >= limit) return { runs, ...next(shard, after, shards) };
    } while (after !== undefined);
  }
  return { runs };
}

function next(shard: number, after: string | undefined, shards: number): { cursor?: string } {
  if (after !== undefined) return { cursor: `${shard}.${after}` };
  return shard + 1 < shards ? { cursor: `${shard + 1}.` } : {};
}

/** Ended runs, the newest first, back to the end of their retention. */
export const listEnded = (
  app: App,
  limit: number,
  since: Instant | undefined,
  cursor?: string,
): Promise<Listing<EndedRun>> => {
  const now = app.clock.now();
  return app.endedRuns.list(now, since ?? before(now, app.retention), limit, cursor);
};
