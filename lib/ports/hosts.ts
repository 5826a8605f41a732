import type { Evidence } from "../core/evidence.ts";
import type { Fence, RunKey } from "../core/run.ts";
import type { Instant, Span } from "../core/time.ts";

/**
 * An attempt that stands on a host, or that ended there for a reason that late evidence may still change. A hint only: a reader
 * checks that the run item names this host, or for an ended attempt that the ledger does.
 */
export type HostEntry = RunKey & {
  readonly fence: Fence;
  /** When it was claimed, or at least when its claim began. */
  readonly at: Instant;
  /** When it had ended at the latest; absent while it stands there. */
  readonly endedBy?: Instant;
};

type Ended = HostEntry & { readonly endedBy: Instant };

/** The attempts on a host, and what is known about it. */
export type Hosts = {
  /** An entry that is there keeps its time: a request that comes again much later must not make the attempt look younger. */
  enter(host: string, entry: HostEntry, expiry: Instant): Promise<void>;
  /** The attempt stands there no more. A claim's write that lands later enters it again: a hint that leads nowhere. */
  leave(host: string, entry: Pick<HostEntry, "run" | "fence">): Promise<void>;
  /** The same, but late evidence may still be about it: it is listed by its end, until `expiry`. */
  leaveTrace(host: string, entry: Ended, expiry: Instant): Promise<void>;
  /** The attempts there, and those that have ended there at `since` or later. Strongly consistent; the newest claim first. */
  entries(host: string, since: Instant): Promise<readonly HostEntry[]>;
  /** Strongly consistent; no more than `remembered` of lib/core/evidence.ts keeps. */
  evidence(host: string): Promise<readonly Evidence[]>;
  /**
   * Adds a word, as `remembered` says, and answers what is known by that id from then on: the word itself, or what was said
   * after it. All of them are kept for so long after the last of them has happened.
   */
  record(host: string, evidence: Evidence, now: Instant, kept: Span): Promise<Evidence>;
};
