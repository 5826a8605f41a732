import { after, type Instant, seconds } from "../core/time.ts";
import type { App } from "./app.ts";

/** How long what happened to a run can be asked for, unless the settings say otherwise. Design default, 30 days. */
export const RETENTION = seconds(30 * 24 * 3600);

/** When a record of something that happened at `at` may go. */
export const expiryOf = ({ retention }: Pick<App, "retention">, at: Instant): Instant => after(at, retention);

/** A run may live for a year, its longest deadline, and its first attempts are asked for when it has ended. */
const LONGEST_LIFE = seconds(365 * 24 * 3600);

/** When the ledger line of an attempt that ended at `at` may go. */
export const lineExpiryOf = (app: Pick<App, "retention">, at: Instant): Instant =>
  after(expiryOf(app, at), LONGEST_LIFE);
