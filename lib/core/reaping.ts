import type { Cause } from "./causes.ts";
import { type Decision, type DueGuard, refuse } from "./decision.ts";
import { endAttempt } from "./ending.ts";
import { type Evidence, explaining, happenedBy, takes } from "./evidence.ts";
import { type Freeze, type Survey, waitsFor } from "./freeze.ts";
import { paceOf } from "./lease.ts";
import type { Fence, ClaimedRun as Held, Queued, Waiting } from "./run.ts";
import { endOfRun, type Registration } from "./spec.ts";
import { stayOf } from "./stay.ts";
import { after, before, type Instant, later, seconds } from "./time.ts";
import { wakeUp } from "./waking.ts";

/** The clock has reached the run's due time, as far as the sweep could see, or its host is proved gone. */
export type Due = {
  readonly kind: "due";
  readonly now: Instant;
  readonly roll: number;
  readonly registration: Registration;
  /** What is known about the attempt, and about its host if it has one. */
  readonly evidence: readonly Evidence[];
  /**
   * Evidence with a `goneAt`, about the host that the run item names, or about the pod of this attempt. The verdict then
   * does not wait for the lease.
   */
  readonly proof?: Evidence;
  /**
   * The attempt with this fence, which nobody has claimed, cannot start any more: its pod has ended, or can never begin.
   * `proof` says what was seen.
   */
  readonly failedStart?: FailedStart;
  /** What is remembered of the last time at which the fault was ours. */
  readonly freeze?: Freeze;
  /** Which others were heard, according to this sweep's view of the fleet. */
  readonly survey?: Survey;
  /** Whether this sweep may no longer declare an attempt lost by the clock alone. */
  readonly isLimited?: boolean;
};

/** Why an attempt will not be claimed: `unstartable` as it is described, or `never-started` through no fault of its own. */
export type FailedStart = { readonly fence: Fence; readonly cause: "unstartable" | "never-started" };

/**
 * A host name may be used again at once. An attempt that was claimed this shortly before the event may be on the next
 * host.
 */
const SKEW = seconds(1);

/** The latest due time of a lease whose last beat came before its host was gone. */
const lastDue = ({ lease }: Held, goneAt: Instant): Instant => after(after(goneAt, lease), paceOf(lease).margin);

/** Whether the proof is about this attempt: it was on the host when the host went, and has not beaten since. */
function isProved(run: Held, { at, goneAt }: Evidence, now: Instant): boolean {
  if (goneAt === undefined || goneAt > now) return false;
  return run.claimedAt < before(at, SKEW) && run.due <= lastDue(run, goneAt);
}

const isOver = ({ registration, now }: Due): boolean => {
  const end = endOfRun(registration);
  return end !== undefined && end <= now;
};

/** Why a due attempt ended. Positive evidence outranks a deadline. Silence alone is the last explanation. */
function causeOf(run: Queued | Held, due: Due, explained: boolean): Cause {
  switch (run.state) {
    case "queued":
      return isOver(due) ? "overran" : (due.failedStart?.cause ?? "never-started");
    case "canceling":
      return "canceled";
    case "leaving":
    case "running":
      if (run.state === "leaving" && run.isFree) return "requeued";
      if (explained) return "interrupted";
      return run.lastRenewable !== undefined && run.lastRenewable <= due.now ? "overran" : "lost";
  }
}

/**
 * A message that could not be sent for this long will never be sent. Then a start is charged, as for an unanswered
 * message.
 */
const UNDELIVERABLE = seconds(24 * 3600);

const isUndelivered = ({ debt }: Queued, now: Instant): boolean =>
  debt?.owes === "message" && after(debt.since, UNDELIVERABLE) > now;

/** Only silence says that the attempt has ended: there is no evidence, no deadline and no proof. */
const isByClock = (cause: Cause, due: Due): boolean =>
  due.proof === undefined && (cause === "lost" || cause === "never-started");

/**
 * Whether only silence says that the attempt has ended, even if evidence says why. A host that drains or is maintained
 * may still be there, and we may have cut off its attempts. A host that AWS has already taken is not there.
 */
const isBySilence = (cause: Cause, due: Due, explained: readonly Evidence[]): boolean =>
  isByClock(cause, due) ||
  (due.proof === undefined &&
    cause === "interrupted" &&
    !explained.some((each) => takes(each) && happenedBy(each) <= due.now));

/**
 * Silence says nothing about an attempt without an agent: its cluster, or our look at it, is what was not heard. It would
 * also run on, because nobody stops it from within. Only what is seen ends it.
 */
const isUnseen = (run: Queued | Held, cause: Cause, { proof }: Due): boolean =>
  run.state !== "queued" &&
  run.isWatched === true &&
  proof === undefined &&
  (cause === "lost" || cause === "interrupted");

/**
 * Whether it is over, by its due time or by a proof. Proof that a host is gone says nothing about an attempt that nobody
 * has claimed.
 */
function isDead(run: Queued | Held, { now, proof, failedStart }: Due): boolean {
  if (proof === undefined) return run.due <= now;
  return run.state === "queued" ? failedStart?.fence === run.fence : isProved(run, proof, now);
}

/**
 * The verdict on an attempt whose due time was seen to pass, or whose host is gone. It is spared if it has moved on;
 * otherwise this is the instant of its death. The write names the due time that was seen, so a beat that came first
 * makes it stale.
 */
export function judge(run: Queued | Held, due: Due): Decision {
  const { now, proof } = due;
  // Evidence that proves nothing about this attempt must not judge it by the clock either. Only a sweep may, within its
  // bounds.
  if (!isDead(run, due)) return refuse({ kind: "spared" });
  if (run.state === "queued" && isUndelivered(run, now) && !isOver(due)) return refuse({ kind: "owing" });
  const evidence = run.state === "queued" ? due.evidence : explaining(due.evidence, stayOf(run, later(now, run.due)));
  const cause = causeOf(run, due, evidence.length > 0);
  if (isUnseen(run, cause, due)) return refuse({ kind: "spared" });
  const byClock = isByClock(cause, due);
  const awaited = isBySilence(cause, due, evidence) ? waitsFor(run, now, due) : undefined;
  if (awaited !== undefined) return refuse({ kind: "frozen", awaited });
  if (byClock && due.isLimited === true) return refuse({ kind: "limited" });
  const known = proof === undefined || evidence.some(({ id }) => id === proof.id) ? evidence : [...evidence, proof];
  const next = endAttempt(run, due.registration, { cause, now, roll: due.roll, evidence: known });
  return {
    write: "replace",
    next,
    due: guardOf(run, due),
    reply: { kind: "reaped", ...(byClock && { isByClock: true }) },
  };
}

const guardOf = (run: Queued | Held, { proof }: Due): DueGuard =>
  proof?.goneAt === undefined || run.state === "queued" ? { is: run.due } : { atMost: lastDue(run, proof.goneAt) };

/** A backoff is over. The next attempt is announced, unless the run's own deadline has passed meanwhile. */
export function wake(run: Waiting, due: Due): Decision {
  if (run.due > due.now) return refuse({ kind: "spared" });
  return { write: "replace", next: wakeUp(run, due), due: { is: run.due }, reply: { kind: "reaped" } };
}
