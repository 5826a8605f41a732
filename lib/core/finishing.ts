import { type Cause, chargeAt } from "./causes.ts";
import { type Decision, refuse, superseded } from "./decision.ts";
import { endAttempt, succeedLate } from "./ending.ts";
import { type Evidence, explaining } from "./evidence.ts";
import { type FrontDoor, wasCutOff } from "./freeze.ts";
import type { Canceling, ClaimedRun, Fence, Leaving, LedgerEnd, Outcome, Report, Run, Running, State } from "./run.ts";
import type { Registration } from "./spec.ts";
import { stayOf } from "./stay.ts";
import type { Instant } from "./time.ts";

export type Finish = {
  readonly kind: "finish";
  readonly attempt: number;
  readonly fence: Fence;
  readonly report: Report;
  /** Hash of the report. The agent may send the same report again. */
  readonly reportHash: string;
  readonly now: Instant;
  readonly roll: number;
  readonly registration: Registration;
  /**
   * What is known about the attempt's host. It is needed only if the report itself does not say why the attempt ended.
   */
  readonly evidence: readonly Evidence[];
  /** What is known of the front door. It is read only when the agent reports that it has fenced itself. */
  readonly frontDoor?: FrontDoor;
  /** The end of this attempt in the ledger, if it is already written. */
  readonly line?: LedgerEnd;
};

/** What the agent itself has seen of the end, where an exit code or a signal does not tell it. */
const SEEN = ["stalled", "out-of-memory", "unstartable"] as const;

const seen = ({ outcome, reason }: Report): (typeof SEEN)[number] | undefined =>
  outcome === "failed" ? SEEN.find((each) => each === reason) : undefined;

const hasOwnExitCode = ({ outcome, exitCode, signal }: Report): boolean =>
  outcome === "failed" && exitCode !== undefined && signal === undefined;

/** Whether the report itself says why the attempt ended. If so, evidence about its host does not change that. */
export const saysWhy = (report: Report): boolean =>
  report.outcome === "succeeded" ||
  report.outcome === "canceled" ||
  seen(report) !== undefined ||
  hasOwnExitCode(report);

/** Why the attempt ended, from the agent's report and what is known of its host. */
function causeOf(run: ClaimedRun, event: Finish): Cause {
  const { report, now, evidence } = event;
  if (run.state === "canceling") return "canceled";
  if (report.outcome === "succeeded" || report.outcome === "canceled") return report.outcome;
  if (run.state === "leaving" && run.isFree) return "requeued";
  const what = seen(report);
  if (what !== undefined) return what;
  if (hasOwnExitCode(report)) return overran(run, now) ?? "crashed";
  // This comes before any evidence. An end that we caused costs nothing, whatever happens to the host, and whenever we
  // are told.
  if (isCutOff(run, event)) return "cut-off";
  if (explaining(evidence, stayOf(run, now)).length > 0) return "interrupted";
  if (overran(run, now) !== undefined) return "overran";
  if (report.outcome === "failed") return "crashed";
  return report.reason === SELF_FENCED ? "lost" : "interrupted";
}

/** Whether the agent stopped its child because it could not reach us, through our fault and before its deadline. */
const isCutOff = (run: ClaimedRun, { report, now, frontDoor }: Finish): boolean =>
  report.outcome === "interrupted" &&
  report.reason === SELF_FENCED &&
  overran(run, now) === undefined &&
  frontDoor !== undefined &&
  wasCutOff(run, now, frontDoor);

/** The reason that an agent reports after it stopped its child because no beat was acknowledged in time. */
export const SELF_FENCED = "self-fenced";

const overran = (run: ClaimedRun, now: Instant): Cause | undefined =>
  run.lastRenewable !== undefined && run.lastRenewable <= now ? "overran" : undefined;

/** The holder of the attempt reports its end. */
export function finish(run: Running | Leaving | Canceling, event: Finish): Decision {
  if (run.fence !== event.fence) return finishLate(run, event);
  const { now, roll, report, reportHash } = event;
  const cause = causeOf(run, event);
  const evidence = explaining(event.evidence, stayOf(run, now));
  const next = endAttempt(run, event.registration, { cause, now, roll, evidence, report, reportHash });
  return { write: "replace", next, reply: finished(next) };
}

/** A report of an attempt that has already ended: it was sent twice, or the attempt was declared lost meanwhile. */
export function finishLate(run: Run, event: Finish): Decision {
  const line = run.debt?.ledger?.fence === event.fence ? run.debt.ledger : event.line;
  if (line?.reportHash !== undefined)
    return refuse(line.reportHash === event.reportHash ? finished(run) : { kind: "finished-otherwise" });
  if (line !== undefined && isLateSuccess(run, event)) {
    const { now, report, reportHash } = event;
    const late: LedgerEnd = { ...line, cause: "succeeded", reportedAt: now, report, reportHash };
    const next = succeedLate(run, event.attempt, late, now);
    return { write: "replace", next, reply: finished(next) };
  }
  return refuse(run.state === "ended" ? { kind: "ended" } : superseded(run));
}

/**
 * Whether a late success still counts. The attempt was declared lost, which was only inferred. No later attempt was
 * ever claimed, so nobody else has done the work or is doing it.
 */
function isLateSuccess(run: Run, event: Finish): boolean {
  const open =
    run.state === "queued" ||
    run.state === "waiting" ||
    (run.state === "ended" &&
      run.outcome === "exhausted" &&
      ["lost", "interrupted", "never-started"].includes(run.cause));
  const declared = chargeAt(run.charges, event.attempt);
  const unclaimed = [...run.charges.slice(event.attempt)].every((letter) => letter === "s");
  return (
    open &&
    event.report.outcome === "succeeded" &&
    (declared === "l" || declared === "i" || declared === "f") &&
    unclaimed
  );
}

const finished = (run: Run): { kind: "finished"; state: State; outcome?: Outcome } => ({
  kind: "finished",
  state: run.state,
  ...(run.state === "ended" && { outcome: run.outcome }),
});
