import { after, type Instant, seconds } from "../core/time.ts";

/** How long what happened to a run can be asked for; then its id may be used again. Design default, 30 days. */
export const RETENTION = seconds(30 * 24 * 3600);

/** When a record of something that happened at `at` may go. */
export const expiryOf = (at: Instant): Instant => after(at, RETENTION);

/** A run may live for a year, its longest deadline, and its first attempts are asked for when it has ended. */
const LONGEST_LIFE = seconds(365 * 24 * 3600);

/** When the ledger line of an attempt that ended at `at` may go. */
export const lineExpiryOf = (at: Instant): Instant => after(expiryOf(at), LONGEST_LIFE);
