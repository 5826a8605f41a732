import { type Instant, instant } from "../core/time.ts";

/** RFC 3339 in UTC with milliseconds. */
export const iso = (at: Instant): string => new Date(at).toISOString();

/** The instant that an RFC 3339 text names. The caller has validated it. */
export const fromIso = (text: string): Instant => instant(Date.parse(text));
