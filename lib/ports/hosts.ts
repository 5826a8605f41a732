import type { Evidence } from "../core/evidence.ts";
import type { Fence } from "../core/run.ts";
import type { Instant } from "../core/time.ts";

/**
 * What stands on a host, and what is known about it. An entry is a hint only: a refused claim leaves one too, so whoever
 * follows it checks that the run item names this host.
 */
export type Hosts = {
  enter(host: string, entry: { run: string; fence: Fence; at: Instant }, expiry: Instant): Promise<void>;
  /** Strongly consistent. */
  evidence(host: string): Promise<readonly Evidence[]>;
  /** Recording the same evidence again changes nothing. */
  record(host: string, evidence: Evidence, expiry: Instant): Promise<void>;
};
