import type { DueGuard } from "../core/decision.ts";
import type { Renewal } from "../core/lease.ts";
import type { Run, RunKey, State } from "../core/run.ts";
import type { Instant, Span } from "../core/time.ts";

/** `stale`: the guard found that things had moved on. Expected; the caller reads again and decides again. */
export type Write = "written" | "stale";

/** What a sweep needs to know of a run; as fresh as an eventually consistent read. */
export type Sighting = RunKey & {
  readonly state: State;
  readonly due: Instant;
  readonly lease: Span;
  /** What a held attempt stands on, if that was said. */
  readonly host?: string;
  /** Since when a debt stands; undefined when nothing is owed. */
  readonly owedSince?: Instant;
};

export type Page = { readonly sightings: readonly Sighting[]; readonly cursor?: string };

/** A beat's one write. When it is refused, `run` is the item as the guard saw it; undefined when there is none. */
export type Renewed =
  | { readonly write: "written"; readonly run: Run }
  | { readonly write: "stale"; readonly run: Run | undefined };

/** The run items: one small item per live run, and every change of a run is one guarded write on it. */
export type Runs = {
  /** Strongly consistent. */
  read(key: RunKey): Promise<Run | undefined>;
  /** Guard: no such item. */
  create(run: Run): Promise<Write>;
  /**
   * Guard: rev is still `seen.rev`, and the due time is still as `due` says. Writes only the fields in which `next` differs
   * from `seen`, and never due in passing: beats move it without moving rev.
   */
  replace(seen: Run, next: Run, due?: DueGuard): Promise<Write>;
  /** Guard: `renews` of lib/core/lease.ts. One request, and nothing else is touched. */
  renew(key: RunKey, renewal: Renewal): Promise<Renewed>;
  /** Guard: rev is still `seen.rev`, or the item is gone already. */
  remove(seen: Run): Promise<Write>;
  /** One page of a shard, eventually consistent; `cursor` is the last page's. `limit` bounds the items per page. */
  page(shard: number, limit: number, cursor?: string): Promise<Page>;
  /** The same for people: whole items. */
  list(shard: number, limit: number, cursor?: string): Promise<{ runs: readonly Run[]; cursor?: string }>;
};
