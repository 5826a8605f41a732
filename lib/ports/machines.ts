import type { Notice } from "../core/evidence.ts";
import type { Instant } from "../core/time.ts";

/** The machines that hosts stand on, as their cloud shows them. A cloud that does not answer throws. */
export type Machines = {
  /**
   * What is known of those of the hosts that have ended, or are about to, seen at `now`. A host that the cloud does not know
   * is not in the answer: it may be of another account, or have ended long ago.
   */
  ending(hosts: readonly string[], now: Instant): Promise<readonly Notice[]>;
};
