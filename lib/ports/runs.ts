import type { DueGuard } from "../core/decision.ts";
import type { Renewal } from "../core/lease.ts";
import type { Run, RunKey, State } from "../core/run.ts";
import type { Instant, Span } from "../core/time.ts";

/** `stale`: the guard found that the run had moved on. That is expected: the caller reads again and decides again. */
export type Write = "written" | "stale";

/** What a sweep needs to know of a run. It is as fresh as an eventually consistent read. */
export type Sighting = RunKey & {
  readonly state: State;
  readonly due: Instant;
  readonly lease: Span;
  /** The host of a held attempt, if it was named. */
  readonly host?: string;
  readonly isWatched?: true;
  /** Since when a debt stands; undefined if nothing is owed. */
  readonly owedSince?: Instant;
};

export type Page = { readonly sightings: readonly Sighting[]; readonly cursor?: string };

/** A beat's one write. If it is refused, `run` is the item that the guard saw; undefined if there is none. */
export type Renewed =
  | { readonly write: "written"; readonly run: Run }
  | { readonly write: "stale"; readonly run: Run | undefined };

/** The run items: one small item per live run. Every change of a run is one guarded write on it. */
export type Runs = {
  /** Strongly consistent. */
  read(key: RunKey): Promise<Run | undefined>;
  /** Guard: no such item. */
  create(run: Run): Promise<Write>;
  /**
   * Guard: rev is still `seen.rev`, and the due time is still as `due` says. It writes only the fields in which `next`
   * differs from `seen`. It never writes due in passing, because beats move it without moving rev.
   */
  replace(seen: Run, next: Run, due?: DueGuard): Promise<Write>;
  /** Guard: `renews` of lib/core/lease.ts. One request, and nothing else is touched. */
  renew(key: RunKey, renewal: Renewal): Promise<Renewed>;
  /** Guard: rev is still `seen.rev`, or the item is gone already. */
  remove(seen: Run): Promise<Write>;
  /**
   * One page of a shard, eventually consistent. `cursor` is that of the page before. `limit` bounds the items per page.
   */
  page(shard: number, limit: number, cursor?: string): Promise<Page>;
  /** The same for people, with whole items. */
  list(shard: number, limit: number, cursor?: string): Promise<{ runs: readonly Run[]; cursor?: string }>;
};
