import type { Cause } from "./causes.ts";
import { type Decision, type DueGuard, refuse } from "./decision.ts";
import { endAttempt } from "./ending.ts";
import { type Evidence, explaining, happenedBy, takes } from "./evidence.ts";
import { type Freeze, type Survey, waitsFor } from "./freeze.ts";
import { paceOf } from "./lease.ts";
import type { HeldRun as Held, Queued, Waiting } from "./run.ts";
import { endOfRun, type Registration } from "./spec.ts";
import { stayOf } from "./stay.ts";
import { after, before, type Instant, later, seconds } from "./time.ts";
import { awake } from "./waking.ts";

/** The clock has reached the run's due time, as far as the sweep could see; or its host is proved to be gone. */
export type Due = {
  readonly kind: "due";
  readonly now: Instant;
  readonly roll: number;
  readonly registration: Registration;
  /** What is known about the host that the attempt stands on; empty when it has none. */
  readonly evidence: readonly Evidence[];
  /** Evidence with a `goneAt`, about the very host that the run item names: the lease is not waited for. */
  readonly proof?: Evidence;
  /** What is remembered of the last time at which the fault was ours. */
  readonly freeze?: Freeze;
  /** Who else was heard, as this sweep has found the fleet. */
  readonly survey?: Survey;
  /** Whether this sweep may still declare somebody lost by the clock alone. */
  readonly isLimited?: boolean;
};

/** A host name may be used again at once; an attempt claimed so shortly before the event may stand on the next host. */
const SKEW = seconds(1);

/** Until when a lease can run whose last beat came before its host was gone. */
const lastDue = ({ lease }: Held, goneAt: Instant): Instant => after(after(goneAt, lease), paceOf(lease).margin);

/** Whether the proof is about this attempt: it stood there when the host went, and has not beaten since. */
function isProved(run: Held, { at, goneAt }: Evidence, now: Instant): boolean {
  if (goneAt === undefined || goneAt > now) return false;
  return run.claimedAt < before(at, SKEW) && run.due <= lastDue(run, goneAt);
}

const isOver = ({ registration, now }: Due): boolean => {
  const end = endOfRun(registration);
  return end !== undefined && end <= now;
};

/** Why a due attempt ended. Positive evidence outranks a deadline, and silence alone is the last explanation. */
function causeOf(run: Queued | Held, due: Due, explained: boolean): Cause {
  switch (run.state) {
    case "queued":
      return isOver(due) ? "overran" : "never-started";
    case "canceling":
      return "canceled";
    case "leaving":
    case "running":
      if (run.state === "leaving" && run.isFree) return "requeued";
      if (explained) return "interrupted";
      return run.lastRenewable !== undefined && run.lastRenewable <= due.now ? "overran" : "lost";
  }
}

/** A message that could not be sent for so long never will be: a start is charged, as for one that nobody heeded. */
const UNDELIVERABLE = seconds(24 * 3600);

const isUndelivered = ({ debt }: Queued, now: Instant): boolean =>
  debt?.owes === "message" && after(debt.since, UNDELIVERABLE) > now;

/** Silence is all there is: no evidence, no deadline, no proof. */
const isByClock = (cause: Cause, due: Due): boolean =>
  due.proof === undefined && (cause === "lost" || cause === "never-started");

/**
 * Whether only silence says that the attempt has ended, whatever says why: a host that drains, or is maintained, may be there
 * yet, and its attempts cut off by us. One that AWS has already taken is not.
 */
const isBySilence = (cause: Cause, due: Due, explained: readonly Evidence[]): boolean =>
  isByClock(cause, due) ||
  (due.proof === undefined &&
    cause === "interrupted" &&
    !explained.some((each) => takes(each) && happenedBy(each) <= due.now));

/**
 * The verdict on an attempt whose due time was seen to pass, or whose host is gone: spared when it moved on, else the
 * instant of its death. The write names the due time that was seen, so a beat that came first makes it stale.
 */
export function judge(run: Queued | Held, due: Due): Decision {
  const { now, proof } = due;
  // Evidence that proves nothing about this attempt must not judge it by the clock either: that is the sweep's, with its bounds.
  const isDead = proof === undefined ? run.due <= now : run.state !== "queued" && isProved(run, proof, now);
  if (!isDead) return refuse({ kind: "spared" });
  if (run.state === "queued" && isUndelivered(run, now) && !isOver(due)) return refuse({ kind: "owing" });
  const evidence = run.state === "queued" ? [] : explaining(due.evidence, stayOf(run, later(now, run.due)));
  const cause = causeOf(run, due, evidence.length > 0);
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

/** A backoff is over: the next attempt is announced, unless the run's own deadline has passed meanwhile. */
export function wake(run: Waiting, due: Due): Decision {
  if (run.due > due.now) return refuse({ kind: "spared" });
  return { write: "replace", next: awake(run, due), due: { is: run.due }, reply: { kind: "reaped" } };
}
