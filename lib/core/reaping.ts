import type { Cause } from "./causes.ts";
import { type Decision, refuse } from "./decision.ts";
import { endAttempt, queueUp } from "./ending.ts";
import { type Evidence, explaining } from "./evidence.ts";
import type { Canceling, Leaving, Queued, Running, Waiting } from "./run.ts";
import { endOfRun, type Registration } from "./spec.ts";
import type { Instant } from "./time.ts";

/** The clock has reached the run's due time, as far as the sweep could see. */
export type Due = {
  readonly kind: "due";
  readonly now: Instant;
  readonly roll: number;
  readonly registration: Registration;
  /** What is known about the host that the attempt stands on; empty when it has none. */
  readonly evidence: readonly Evidence[];
};

const isOver = ({ registration, now }: Due): boolean => {
  const end = endOfRun(registration);
  return end !== undefined && end <= now;
};

/** Why a due attempt ended. Positive evidence outranks a deadline, and silence alone is the last explanation. */
function causeOf(run: Queued | Running | Leaving | Canceling, due: Due, explained: boolean): Cause {
  switch (run.state) {
    case "queued":
      return isOver(due) ? "overran" : "never-started";
    case "canceling":
      return "canceled";
    case "leaving":
      return run.free ? "requeued" : "interrupted";
    case "running":
      if (explained) return "interrupted";
      return run.lastRenewable !== undefined && run.lastRenewable <= due.now ? "overran" : "lost";
  }
}

/**
 * The verdict on an attempt whose due time was seen to pass: spared when it moved on, else the instant of its death. The
 * write names the due time that was seen, so a beat that came first makes it stale.
 */
export function reap(run: Queued | Running | Leaving | Canceling, due: Due): Decision {
  if (run.due > due.now) return refuse({ kind: "spared" });
  if (run.state === "queued" && run.debt?.owes === "message" && !isOver(due)) return refuse({ kind: "owing" });
  const evidence = run.state === "queued" ? [] : explaining(due.evidence, run.claimedAt, due.now);
  const cause = causeOf(run, due, evidence.length > 0);
  const next = endAttempt(run, due.registration, { cause, now: due.now, roll: due.roll, evidence });
  return { write: "replace", next, dueSeen: run.due, reply: { kind: "reaped" } };
}

/** A backoff is over: the next attempt is announced, unless the run's own deadline has passed meanwhile. */
export function wake(run: Waiting, due: Due): Decision {
  if (run.due > due.now) return refuse({ kind: "spared" });
  const next = isOver(due)
    ? endAttempt(run, due.registration, { cause: "overran", now: due.now, roll: due.roll })
    : queueUp(run, due.registration, due.now);
  return { write: "replace", next, dueSeen: run.due, reply: { kind: "reaped" } };
}
