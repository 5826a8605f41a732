import { type Decision, refuse, superseded } from "./decision.ts";
import { endAttempt } from "./ending.ts";
import type { Canceling, Ended, Leaving, Queued, Running, Waiting } from "./run.ts";
import { type Registration, startBy } from "./spec.ts";
import { earlier, type Instant, later } from "./time.ts";
import { wakeUp } from "./waking.ts";

export type Cancel = {
  readonly kind: "cancel";
  readonly now: Instant;
  readonly registration: Registration;
  readonly reason?: string;
};

export type Requeue = {
  readonly kind: "requeue";
  readonly now: Instant;
  readonly registration: Registration;
  readonly reason?: string;
  /** The attempt that the owner wants to replace. A repeated request does not requeue twice. */
  readonly attempt?: number;
};

/** Nobody holds the run, so it ends at once. */
export function cancelIdle(run: Queued | Waiting, { now, registration }: Cancel): Decision {
  const next = endAttempt(run, registration, { cause: "canceled", now, roll: 0 });
  return { write: "replace", next, reply: { kind: "accepted", state: next.state } };
}

/** Already canceled: the reply to the first request may have been lost. Any other end is not undone. */
export const cancelEnded = (run: Pick<Ended, "outcome">): Decision =>
  refuse(run.outcome === "canceled" ? { kind: "accepted", state: "ended" } : { kind: "ended" });

/** The holder is told to stop, and its lease is no longer renewed. */
export function cancelHeld(run: Running | Leaving, { now, reason }: Cancel): Decision {
  const {
    run: id,
    shard,
    fence,
    attempt,
    due,
    lease,
    charges,
    furthest,
    holder,
    host,
    isWatched,
    claimedAt,
    progress,
  } = run;
  const next: Canceling = {
    run: id,
    shard,
    fence,
    attempt,
    due,
    lease,
    charges,
    holder,
    claimedAt,
    ...(furthest !== undefined && { furthest }),
    ...(host !== undefined && { host }),
    ...(isWatched === true && { isWatched }),
    ...(progress !== undefined && { progress }),
    rev: run.rev + 1,
    state: "canceling",
    lastRenewable: earlier(now, run.lastRenewable), // a deadline that has passed must not move forward
    reason: reason ?? "canceled",
  };
  return { write: "replace", next, reply: { kind: "accepted", state: "canceling" } };
}

const isOther = (run: { attempt: number }, { attempt }: Requeue): boolean =>
  attempt !== undefined && attempt !== run.attempt;

/** Announces the same attempt again, with its full time to start. Its consumer may have lost the message. */
export function announceAgain(run: Queued, requeue: Requeue): Decision {
  if (isOther(run, requeue)) return refuse(superseded(run));
  const { now, registration } = requeue;
  const due = later(startBy(registration, now), run.due);
  const next: Queued = { ...run, rev: run.rev + 1, due, debt: { ...run.debt, since: now, owes: "message" } };
  return { write: "replace", next, reply: { kind: "accepted", state: "queued" } };
}

/** The backoff is cut short. */
export function wakeNow(run: Waiting, requeue: Requeue): Decision {
  if (isOther(run, requeue)) return refuse(superseded(run));
  const next = wakeUp(run, { ...requeue, roll: 0 });
  return { write: "replace", next, reply: { kind: "accepted", state: next.state } };
}

/**
 * The holder is told to stop. Its end is charged to nothing, whatever it is. Only after that end the message goes out.
 */
export function release(run: Running | Leaving, requeue: Requeue): Decision {
  if (isOther(run, requeue)) return refuse(superseded(run));
  if (run.state === "leaving" && run.isFree) return refuse({ kind: "accepted", state: "leaving" });
  const next: Leaving = {
    ...run,
    rev: run.rev + 1,
    state: "leaving",
    directive: "stop",
    isFree: true,
    lastRenewable: earlier(requeue.now, run.lastRenewable),
    reason: requeue.reason ?? "requeued",
  };
  return { write: "replace", next, reply: { kind: "accepted", state: "leaving" } };
}
