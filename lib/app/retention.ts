import { after, type Instant, seconds } from "../core/time.ts";
import type { App } from "./app.ts";

/**
 * How long the record of a run can be read, unless the settings say otherwise. 30 days is the default of the design.
 */
export const RETENTION = seconds(30 * 24 * 3600);

/** When the record of something that happened at `at` may expire. */
export const expiryOf = ({ retention }: Pick<App, "retention">, at: Instant): Instant => after(at, retention);

/** A run may live for a year, its longest deadline. Its first attempts are still asked for after it has ended. */
const LONGEST_LIFE = seconds(365 * 24 * 3600);

/** When the ledger line of an attempt that ended at `at` may expire. */
export const lineExpiryOf = (app: Pick<App, "retention">, at: Instant): Instant =>
  after(expiryOf(app, at), LONGEST_LIFE);
