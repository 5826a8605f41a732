import type { Fence, Progress, Run } from "./run.ts";
import { after, type Instant, milliseconds, type Span, seconds } from "./time.ts";

/** The times that follow from a lease. 3 x interval + grace + margin never exceeds the lease. */
export type Pace = { readonly interval: Span; readonly timeout: Span; readonly grace: Span; readonly margin: Span };

/**
 * Interval: a quarter of the lease, so that two beats in a row may fail. With a lease of 120 s a spot notice that comes
 * with a reply leaves 90 s of its two minutes; with a longer lease a notice has to come in another way
 * (docs/decisions/0029-a-long-lease-beats-rarely.md). It is at most five minutes, because a cancellation comes with a
 * reply, too. Timeout: how long a beat waits for its answer. Grace: the time that a child gets
 * between TERM and KILL. Margin: the time between our KILL and the end of the lease. It covers twice the clock skew
 * between Lambdas, plus the time that a kill takes.
 */
export const paceOf = (lease: Span): Pace => ({
  interval: milliseconds(Math.min(seconds(300), lease / 4)),
  timeout: milliseconds(Math.min(seconds(30), lease / 4)),
  grace: milliseconds(Math.min(seconds(20), lease / 6)),
  margin: milliseconds(Math.min(seconds(5), lease / 12)),
});

/** A beat, as the write sees it. */
export type Renewal = {
  readonly fence: Fence;
  readonly now: Instant;
  readonly due: Instant;
  readonly progress?: Progress;
};

export const renewal = (fence: Fence, now: Instant, lease: Span): Renewal => ({ fence, now, due: after(now, lease) });

/** Whether the lease may still be moved forward: no stop was asked for, and no deadline has passed. */
export const isRenewable = (run: Run, now: Instant): boolean =>
  (run.state === "running" || run.state === "leaving") && (run.lastRenewable === undefined || run.lastRenewable > now);

/**
 * The guard of a beat's one write. It never shortens a lease: a late retry of an older beat finds a later `due`.
 * Adapters express the same condition in the language of their store.
 */
export const renews = (run: Run, { fence, now, due }: Renewal): boolean =>
  run.fence === fence && isRenewable(run, now) && run.due < due;
