import { backoff } from "./backoff.ts";
import { overdrawn } from "./budgets.ts";
import { type Cause, type Charges, chargeOf, recharge } from "./causes.ts";
import { LINGER } from "./ended-run.ts";
import { bounded, type Evidence } from "./evidence.ts";
import {
  type ClaimedRun,
  type Debt,
  type Ended,
  isClaimed,
  type LedgerEnd,
  type LiveRun,
  nextFence,
  type Outcome,
  type Queued,
  type Report,
  type Run,
  type Waiting,
} from "./run.ts";
import { endOfRun, type Registration, startBy } from "./spec.ts";
import { heardAt } from "./stay.ts";
import { after, earlier, type Instant } from "./time.ts";

/**
 * A run ends after this many attempts, whatever they were charged to. An owner's requeues are free, and each leaves a
 * letter on an item that must stay under 1 KB.
 */
export const MOST_ATTEMPTS = 200;

/** How an attempt ended, and what is known about it. `roll` in [0, 1) is for the jitter of the backoff. */
export type End = {
  readonly cause: Cause;
  readonly now: Instant;
  readonly roll: number;
  readonly evidence?: readonly Evidence[];
  readonly report?: Report;
  readonly reportHash?: string;
};

/** The fields that are the same in every state, with `rev` raised by one. */
export const carriedOver = (run: Run): Pick<Run, "run" | "shard" | "lease" | "rev" | "furthest"> => ({
  run: run.run,
  shard: run.shard,
  lease: run.lease,
  rev: run.rev + 1,
  ...(run.furthest !== undefined && { furthest: run.furthest }),
});

/**
 * How much evidence a ledger line keeps: one of each kind that can explain or prove an end. The line is part of the run
 * item until it is settled, and an item must not grow without bound.
 */
const MOST_EVIDENCE = 8;

/** The evidence that a ledger line keeps. */
export const keptOf = (evidence: readonly Evidence[]): readonly Evidence[] => bounded(evidence, MOST_EVIDENCE);

/** The ledger line of the attempt that ends here. */
function ledgerEnd(run: LiveRun, end: End): LedgerEnd {
  return {
    attempt: run.attempt,
    fence: run.fence,
    cause: end.cause,
    endedAt: end.now,
    evidence: keptOf(end.evidence ?? []),
    ...(isClaimed(run) && {
      claimedAt: run.claimedAt,
      lastBeatAt: heardAt(run),
      ...(further(run) !== undefined && { gotFurther: true as const }),
      holder: run.holder,
      ...(run.host !== undefined && { host: run.host }),
      ...(run.reason !== undefined && { leaveReason: run.reason }),
    }),
    ...(end.report !== undefined && { report: end.report }),
    ...(end.reportHash !== undefined && { reportHash: end.reportHash }),
  };
}

/** The outcome of the run if it ends with this attempt; undefined when another attempt may follow. */
function outcomeAfter(
  registration: Registration,
  charges: Charges,
  { cause, now }: Pick<End, "cause" | "now">,
): Outcome | undefined {
  if (cause === "succeeded" || cause === "canceled") return cause;
  const { budgets } = registration.spec;
  if (charges.length >= MOST_ATTEMPTS) return "exhausted";
  const outcome = overdrawn(budgets, charges, cause);
  if (outcome !== undefined) return outcome;
  // After its own deadline a run has no successor, even if its budgets would allow one.
  const end = endOfRun(registration);
  return end === undefined || end > now ? undefined : "exhausted";
}

/** The progress of this attempt, if it is further than that of any attempt before. */
function further(run: LiveRun): number | undefined {
  if (!isClaimed(run) || run.progress === undefined) return undefined;
  const { value } = run.progress;
  return value > (run.furthest ?? 0) ? value : undefined;
}

/**
 * How an interruption is charged. If the attempt got further than any before, the count of interruptions starts again.
 */
export const chargeOfInterruption = (isFurther: boolean): "f" | "i" => (isFurther ? "f" : "i");

/** The charges of the run if this attempt is interrupted now. */
export const handedOver = (run: ClaimedRun): Charges => run.charges + chargeOfInterruption(further(run) !== undefined);

/** Whether another attempt follows if this one is interrupted now. */
export const isFollowed = (run: ClaimedRun, registration: Registration, now: Instant): boolean =>
  outcomeAfter(registration, handedOver(run), { cause: "interrupted", now }) === undefined;

/**
 * The next state of the run when its current attempt ends: ended, waiting for its backoff, or queued for the next
 * attempt. The fence rises, one letter is charged, and the debt (ledger, message or archive) is in the same item.
 */
export function endAttempt(run: LiveRun, registration: Registration, end: End): Queued | Waiting | Ended {
  const furthest = further(run);
  const charge = end.cause === "interrupted" ? chargeOfInterruption(furthest !== undefined) : chargeOf(end.cause);
  const charges = run.charges + charge;
  const debt: Debt = { since: end.now, ledger: ledgerEnd(run, end) };
  const common = { ...carriedOver(run), fence: nextFence(run), charges, ...(furthest !== undefined && { furthest }) };
  const outcome = outcomeAfter(registration, charges, end);
  if (outcome !== undefined)
    return {
      ...common,
      state: "ended",
      attempt: run.attempt,
      outcome,
      cause: end.cause,
      endedByAttempt: run.attempt,
      endedAt: end.now,
      due: after(end.now, LINGER),
      debt: { ...debt, owes: "archive" },
    };
  const attempt = run.attempt + 1;
  const wait = backoff(registration.spec, charges, end.cause, end.roll);
  return wait > 0
    ? { ...common, state: "waiting", attempt, due: earlier(after(end.now, wait), endOfRun(registration)), debt }
    : { ...common, state: "queued", attempt, due: startBy(registration, end.now), debt: { ...debt, owes: "message" } };
}

/**
 * The run after a late success: an attempt that was declared lost reports that it succeeded. The loss was only
 * inferred. A run that had already ended keeps the time of its end, and with it its one place in the list of ended
 * runs.
 */
export function succeedLate(run: Run, attempt: number, line: LedgerEnd, now: Instant): Ended {
  return {
    ...carriedOver(run),
    state: "ended",
    fence: run.state === "ended" ? run.fence : nextFence(run),
    attempt: run.attempt,
    charges: recharge(run.charges, attempt, "+"),
    outcome: "succeeded",
    cause: "succeeded",
    endedByAttempt: attempt,
    endedAt: run.state === "ended" ? run.endedAt : now,
    due: after(now, LINGER),
    debt: { since: now, ledger: line, owes: "archive" },
  };
}
