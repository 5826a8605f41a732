import type { Shown } from "../../core/dispatching.ts";
import { after, type Instant, later, seconds } from "../../core/time.ts";
import type { FlowRun } from "../../ports/prefect.ts";

/**
 * A worker that lives reports a crash twice: its runner at once, and the worker itself 2 to 6 s later (measured with
 * Prefect 3.9.1). The second report would overwrite our SCHEDULED, and the run would never start again.
 */
const SECOND_REPORT = seconds(10);

/** What the worker writes when it reports a crash for the second time. Nobody reports it once more. */
const IS_SECOND_REPORT = /^Flow run (infrastructure|process) exited with/;

/**
 * A process, or a pod with its machine and its image, claims before that. A run that is PENDING for longer, and that
 * nobody has claimed, belongs to a process that has died.
 */
const STUCK_IN_PENDING = seconds(900);

/** Its own engine would start it again: no worker takes it. */
export const isOfDeadEngine = ({ state, policy }: FlowRun): boolean =>
  state === "SCHEDULED" && policy["retry_type"] === "in_process";

/**
 * What a flow run shows of an attempt that nobody has claimed yet. Everything in it that runs is of an attempt before:
 * an engine is started by an agent, which claims first.
 */
export function shownOf(flowRun: FlowRun, now: Instant, announcedAt: Instant): Shown {
  const { state, stateName, stateAt, message } = flowRun;
  switch (state) {
    case "COMPLETED":
      return { before: "gone", next: "none", ended: { outcome: "succeeded", note: "Prefect says COMPLETED" } };
    case "CANCELLED":
    case "CANCELLING":
      return { before: "gone", next: "none", ended: { outcome: "canceled", note: `Prefect says ${state}` } };
    case "PAUSED": // a person lets it wait
      return { before: "gone", next: "suspended" };
    case "SCHEDULED":
      // It waits for a worker, a slot, or its time. A new request would not bring it forward.
      return isOfDeadEngine(flowRun) ? { before: "there", next: "none" } : { before: "gone", next: "suspended" };
    case "PENDING":
      return after(stateAt, STUCK_IN_PENDING) > now
        ? { before: "gone", next: "started" }
        : { before: "there", next: "none" };
    case "RUNNING":
      return { before: "there", next: "none" };
    case "FAILED": // what its own work, or a person, has decided
      return { before: "gone", next: "none", ended: { outcome: "canceled", note: "Prefect says FAILED" } };
    case "CRASHED": {
      // A process that was cut off reports after its end: that was when the attempt was announced, or before.
      const reportedBy = after(later(stateAt, announcedAt), SECOND_REPORT);
      const isSettled = IS_SECOND_REPORT.test(message) || reportedBy <= now;
      return { before: isSettled ? "gone" : "ending", next: "none" };
    }
    default:
      throw new Error(`Prefect says ${String(state)} (${stateName}), which this version does not know`);
  }
}
