import type { Evidence } from "../core/evidence.ts";
import type { Fence, RunKey } from "../core/run.ts";
import type { Instant, Span } from "../core/time.ts";

/**
 * An attempt that is on a host, or that ended there for a reason that late evidence may still change. It is only a
 * hint. A reader checks that the run item names this host or, for an ended attempt, that the ledger does.
 */
export type HostEntry = RunKey & {
  readonly fence: Fence;
  /** When it was claimed, or at least when its claim began. */
  readonly at: Instant;
  /** When it had ended at the latest; absent while it is on the host. */
  readonly endedBy?: Instant;
};

type Ended = HostEntry & { readonly endedBy: Instant };

/** The attempts on a host, and what is known about it. */
export type Hosts = {
  /** An existing entry keeps its time. A request that is repeated much later must not make the attempt look younger. */
  enter(host: string, entry: HostEntry, expiry: Instant): Promise<void>;
  /**
   * The attempt is no longer on the host. A claim's write that lands later enters it again: a hint that leads nowhere.
   */
  leave(host: string, entry: Pick<HostEntry, "run" | "fence">): Promise<void>;
  /** Like `leave`, but late evidence may still be about the attempt. It is listed by its end, until `expiry`. */
  leaveTrace(host: string, entry: Ended, expiry: Instant): Promise<void>;
  /**
   * The attempts on the host, and those that ended there at `since` or later. Strongly consistent; the newest claim
   * first.
   */
  entries(host: string, since: Instant): Promise<readonly HostEntry[]>;
  /** Strongly consistent. It has no more than `remembered` of lib/core/evidence.ts keeps. */
  evidence(host: string): Promise<readonly Evidence[]>;
  /**
   * Adds evidence, as `remembered` does, and returns what is known by that id from then on: this evidence, or what was
   * said after it. All evidence about the host is kept for `kept` after the last of it has happened.
   */
  record(host: string, evidence: Evidence, now: Instant, kept: Span): Promise<Evidence>;
};
