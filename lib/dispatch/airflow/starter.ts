import type { Shown } from "../../core/dispatching.ts";
import type { AirflowTarget } from "../../core/spec.ts";
import type { AirflowServer, TaskInstance, TaskKey } from "../../ports/airflow.ts";
import { Refused, type Requeue, type Starter } from "../../ports/dispatch.ts";

/** What the agent in a task tells about itself when it claims: the number of its try. */
export const TRY_NUMBER = "airflowTry";

/** States in which a task waits for the scheduler, a slot, an executor or a trigger. */
const WAITS: ReadonlySet<string> = new Set(["scheduled", "queued", "deferred", "up_for_reschedule", "awaiting_input"]);
/** States in which nobody works, and nobody starts it again at once. */
const IDLE: ReadonlySet<string> = new Set(["up_for_retry", "restarting"]);
/** What somebody has decided that does not run. */
const DECIDED: ReadonlySet<string> = new Set(["failed", "skipped", "removed", "upstream_failed"]);

const isWaiting = ({ state }: TaskInstance): boolean => state === undefined || WAITS.has(state);

/** By this note we know what we have cleared ourselves. It stays on all later tries, so it says after which one. */
const noteOf = (run: string, { tryNumber }: TaskInstance): string =>
  `Lastbeat: ${run} is to run again, after try ${tryNumber}`;

/** Whether a task waits because we have cleared it. The try number rises when it is queued. */
function isGivenBack(task: TaskInstance, run: string): boolean {
  const { note, tryNumber } = task;
  return (
    isWaiting(task) && [tryNumber, tryNumber - 1].some((last) => note === noteOf(run, { ...task, tryNumber: last }))
  );
}

/** Its agent has interrupted the task, and Airflow calls that a failure if there are no retries. */
const isFailedByUs = ({ state }: TaskInstance, { previous }: Requeue): boolean =>
  state === "failed" && previous?.isReported === true;

/** Whether what runs is the try of the attempt before. Without a number it counts as that: nobody has claimed since. */
const isTryBefore = (task: TaskInstance, { previous }: Requeue): boolean => isTryUpTo(task, previous?.holder);

function isTryUpTo({ tryNumber }: TaskInstance, holder: Readonly<Record<string, string>> | undefined): boolean {
  const known = Number(holder?.[TRY_NUMBER] ?? Number.NaN);
  return Number.isNaN(known) || tryNumber <= known;
}

/** What a task instance shows of an attempt that nobody has claimed yet. */
function shownOf(task: TaskInstance, requeue: Requeue): Shown {
  const { state } = task;
  if (state === undefined || isWaiting(task)) return { before: "gone", next: "suspended" };
  if (state === "success")
    return { before: "gone", next: "none", ended: { outcome: "succeeded", note: "Airflow says success" } };
  if (state === "running")
    return isTryBefore(task, requeue) ? { before: "there", next: "none" } : { before: "gone", next: "started" };
  if (IDLE.has(state) || isFailedByUs(task, requeue)) return { before: "gone", next: "none" };
  if (DECIDED.has(state))
    return { before: "gone", next: "none", ended: { outcome: "canceled", note: `Airflow says ${state}` } };
  throw new Error(`Airflow says ${state}, which this version does not know`);
}

/** Starts attempts by clearing a task instance: Airflow's scheduler and executor start its next try. */
export function airflowStarter(server: AirflowServer, { dag, dagRun, task, mapIndex = -1 }: AirflowTarget): Starter {
  const key: TaskKey = { dag, dagRun, task, mapIndex };

  return {
    // A process of the attempt before has ended itself by the end of its lease, and Airflow tells another one to end.
    isEndAwaited: true,
    isGated: false,
    isSeen: true,

    isPatient: true,

    look: async (requeue) => {
      const found = await server.read(key);
      return found === undefined
        ? { before: "gone", next: "none", ended: { outcome: "canceled", note: "Airflow has no such task instance" } }
        : shownOf(found, requeue);
    },

    // From now on the supervisor of the try before is told that it is over: the task instance has another id.
    fence: async (requeue) => {
      const found = await server.read(key);
      if (found?.state !== "running" || !isTryBefore(found, requeue)) return;
      // Nobody has claimed an attempt of this run yet: what is at work there was started by somebody else.
      if (requeue.previous === undefined)
        throw new Refused(`${dag}/${task} is at work, and no attempt of ${requeue.run} has begun`, { isOwn: true });
      const note = `Lastbeat: attempt ${requeue.attempt - 1} of ${requeue.run} is gone`;
      await server.clear(key, "running", note);
    },

    withdraw: async (requeue) => {
      const found = await server.read(key);
      if (found === undefined || !isGivenBack(found, requeue.run)) return;
      await server.fail(key, `Lastbeat: nobody waits for attempt ${requeue.attempt} of ${requeue.run} any more`);
    },

    nudge: async (requeue) => {
      const found = await server.read(key);
      if (found?.state === undefined || !isTryBefore(found, requeue)) return;
      const isOurs = isFailedByUs(found, requeue);
      // It runs already if the scheduler was faster: the next look finds that.
      if (isOurs || IDLE.has(found.state))
        await server.clear(key, isOurs ? "failed" : "idle", noteOf(requeue.run, found));
    },

    close: async ({ run, attempt, outcome, cause, holder }) => {
      const found = await server.read(key);
      if (found === undefined) return;
      const isOfHolder = holder?.[TRY_NUMBER] !== undefined && isTryUpTo(found, holder);
      const isAtWork = isOfHolder && found.state === "running";
      // Airflow would start its next try all the same.
      const isToCancel = outcome === "canceled" && isOfHolder && found.state === "up_for_retry";
      // A task whose own work has failed waits for a retry of its user's.
      const isToTakeBack = outcome !== "failed" && isGivenBack(found, run);
      if (isAtWork || isToCancel || isToTakeBack)
        await server.fail(key, `Lastbeat: ${run} has ended with attempt ${attempt}: ${outcome} (${cause})`);
    },
  };
}
