import { after, type Instant, seconds } from "../core/time.ts";

/** How long what happened to a run can be asked for; then its id may be used again. Design default, 30 days. */
export const RETENTION = seconds(30 * 24 * 3600);

/** When a record of something that happened at `at` may go. */
export const expiryOf = (at: Instant): Instant => after(at, RETENTION);
