import { type Pause, pauseOf, pauseOfFleet } from "../core/freeze.ts";
import type { LiveRun, Result, Run } from "../core/run.ts";
import type { Registration } from "../core/spec.ts";
import { before, type Instant, later } from "../core/time.ts";
import type { EndedRun, LedgerLine } from "../ports/records.ts";
import type { App } from "./app.ts";

/** All that is known of one run. `current` is its item, or its result if the item is gone. */
export type Inspection = {
  readonly registration: Registration;
  readonly current: Run | Result;
  readonly lines: readonly LedgerLine[];
  /** What holds back a verdict by the clock on it now. */
  readonly hold?: Pause;
};

/** A run that changes between two reads is read again. One that keeps changing is shown as it was last seen. */
const TRIES = 4;

export async function inspect(app: App, run: string): Promise<Inspection | undefined> {
  const now = app.clock.now();
  const registration = await app.specs.read(run, now);
  if (registration === undefined) return undefined;
  const read = async (): Promise<Run | Result | undefined> =>
    (await app.runs.read(registration)) ?? (await app.results.read(run, now));
  let current = await read();
  for (let tried = 1; current !== undefined; tried += 1) {
    const lines = await app.ledger.list(run, registration.fence);
    const again = await read();
    if (again === undefined || again.rev === current.rev || tried === TRIES) {
      const hold = isLive(current) ? pauseOf(current, (await app.control.frontDoor()).freeze, now) : undefined;
      return { registration, current, lines: withOwed(lines, current), ...(hold !== undefined && { hold }) };
    }
    current = again;
  }
  return undefined;
}

/** Whether the clock may still judge it. The end of a backoff is not a verdict. */
const isLive = (current: Run | Result): current is LiveRun =>
  "state" in current && current.state !== "ended" && current.state !== "waiting";

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

/** The least number of items on a first page, 13 kB. Further pages follow many ended runs, so they are larger. */
const FIRST_PAGE = 100;
const FURTHER_PAGE = 500;
/** The most pages in one call: 0.2 s, for 20,000 runs that ended in the last minute. The cursor reaches the rest. */
const MOST_PAGES = 40;

/**
 * Live runs, shard by shard, in the order of their ids. The cursor is `<shard>.<run>`. If many ended runs come first, a
 * call may return few live runs, or none, and a cursor.
 */
export async function listLive(app: App, limit: number, cursor?: string): Promise<Listing<Run>> {
  const shards = await app.control.shards();
  const [from = "0", ...rest] = (cursor ?? "0").split(".");
  const runs: Run[] = [];
  let after = rest.join(".") || undefined;
  let pages = 0;
  for (let shard = Number(from); shard < shards; shard += 1) {
    do {
      const page = await app.runs.list(shard, Math.max(pages === 0 ? FIRST_PAGE : FURTHER_PAGE, limit), after);
      pages += 1;
      const live = page.runs.filter(({ state }) => state !== "ended");
      runs.push(...live.slice(0, limit - runs.length));
      const isCut = runs.at(-1) !== live.at(-1) && live.length > 0;
      after = isCut ? runs.at(-1)?.run : page.cursor;
      if (runs.length >= limit || pages >= MOST_PAGES) return { runs, ...next(shard, after, shards) };
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
  const oldest = before(now, app.retention);
  return app.endedRuns.list(now, since === undefined ? oldest : later(since, oldest), limit, cursor);
};

/** What holds back verdicts by the clock on the whole fleet now. */
export const pauseNow = async (app: App): Promise<Pause | undefined> =>
  pauseOfFleet((await app.control.frontDoor()).freeze, app.clock.now());
