import type { Evidence } from "../core/evidence.ts";
import type { Fence, RunKey } from "../core/run.ts";
import type { Instant } from "../core/time.ts";

/**
 * An attempt that stands or stood on a host. A hint only: a refused claim leaves one too, so whoever follows it checks that
 * the run item names this host, or for an ended attempt that the ledger does.
 */
export type HostEntry = RunKey & { readonly fence: Fence; readonly at: Instant };

/** What stands on a host, and what is known about it. */
export type Hosts = {
  /** An entry that is there keeps its time: a request that comes again much later must not make the attempt look younger. */
  enter(host: string, entry: HostEntry, expiry: Instant): Promise<void>;
  /** Strongly consistent; the newest claim first. */
  entries(host: string): Promise<readonly HostEntry[]>;
  /** Strongly consistent; in order of time. */
  evidence(host: string): Promise<readonly Evidence[]>;
  /** Recording the same evidence again changes nothing. */
  record(host: string, evidence: Evidence, expiry: Instant): Promise<void>;
};
