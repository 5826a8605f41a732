import type { PrefectTarget } from "../../core/spec.ts";
import { after, type Instant, seconds } from "../../core/time.ts";
import { nameUuid } from "../../digest.ts";
import { Busy, Refused, type Requeue, type Starter } from "../../ports/dispatch.ts";
import type { FlowRun, PrefectServer, PrefectTransition } from "../../ports/prefect.ts";
import { isOfDeadEngine, shownOf } from "./shown.ts";

/** What a server of the settings is to us. `onDemand`: job variables for an attempt that may run on no spot machine. */
export type PrefectSettings = {
  readonly name: string;
  readonly onDemand?: Readonly<Record<string, unknown>>;
};

/** A flow run whose retries we have raised has the user's own number here. */
const OWN_RETRIES = "lastbeat.retries";
/** Each entry into RUNNING that ended without the user's doing has a label that begins so. */
const LOST_ENTRY = "lastbeat.lost-";
/** An entry whose own work had failed, and whose engine was lost while it waited for its retry. */
const OWN_ENTRY = "lastbeat.own-";

/** Job variables change while the run is SCHEDULED. No worker takes it before this time: it fetches 10 s ahead. */
const WHILE_CHANGED = seconds(60);

/** Starts attempts by giving a flow run back to the workers of its pool. */
export function prefectStarter(
  server: PrefectServer,
  { name, onDemand }: PrefectSettings,
  { flowRun: id }: PrefectTarget,
  now: () => Instant,
): Starter {
  const transitionId = ({ run, fence }: Requeue, step: string): string => nameUuid(`lastbeat ${run} ${fence} ${step}`);

  const ask = async (to: PrefectTransition): Promise<void> => {
    const { status, reason } = await server.transition(id, to);
    // A refusal means that the run is not in the state any more that was read. The next look finds in which.
    if (status === "WAIT") throw new Busy(`Prefect lets the flow run ${id} wait: ${reason}`);
  };

  const end = (type: "CRASHED" | "CANCELLED", message: string, transitionId: string): Promise<void> =>
    ask({ type, name: type === "CRASHED" ? "Crashed" : "Cancelled", message: `Lastbeat: ${message}`, transitionId });

  const schedule = (requeue: Requeue, step: string, at: Instant): Promise<void> =>
    ask({
      type: "SCHEDULED",
      name: "AwaitingRetry",
      message: `Lastbeat: attempt ${requeue.attempt} of ${requeue.run}`,
      transitionId: transitionId(requeue, step),
      scheduledTime: at,
    });

  /**
   * Prefect counts entries into RUNNING against the user's retries. Each one that was lost is added to them, once: it is
   * known by its number. One whose own work had failed before has used a retry. Without a policy the engine has not begun,
   * and will read the user's number itself.
   */
  const giveBackRetries = async ({ labels, runCount, policy }: FlowRun): Promise<void> => {
    const { retries } = policy;
    if (typeof retries !== "number" || runCount === 0 || labels[`${OWN_ENTRY}${runCount}`] === true) return;
    const known = labels[OWN_RETRIES];
    const own = typeof known === "number" ? known : retries;
    const lost = `${LOST_ENTRY}${runCount}`;
    const before = Object.keys(labels).filter((each) => each.startsWith(LOST_ENTRY) && each !== lost).length;
    // The labels first: a repetition then finds the user's own number in them.
    await server.addLabels(id, { [OWN_RETRIES]: own, [lost]: true });
    await server.setPolicy(id, { ...policy, retries: own + before + 1 });
  };

  /** The flow run, if it is still in the state that was read. Prefect has no compare-and-swap: this is as near as it gets. */
  const isStill = async ({ state, stateAt }: FlowRun): Promise<boolean> => {
    const now = await server.read(id);
    return now?.state === state && now.stateAt === stateAt;
  };

  const isOurs = (flowRun: FlowRun, requeue: Requeue): boolean =>
    flowRun.state === "SCHEDULED" &&
    ["prepare", "requeue"].some((step) => flowRun.transitionId === transitionId(requeue, step));

  return {
    // Prefect takes a COMPLETED of the attempt before, although another one runs by then.
    isEndAwaited: true,
    isGated: false,
    isSeen: true,

    isPatient: true,

    look: async ({ at }) => {
      const flowRun = await server.read(id);
      return flowRun === undefined
        ? { before: "gone", next: "none", ended: { outcome: "canceled", note: `Prefect has no flow run ${id}` } }
        : shownOf(flowRun, now(), at);
    },

    fence: async (requeue) => {
      const flowRun = await server.read(id);
      if (flowRun === undefined || shownOf(flowRun, now(), requeue.at).before !== "there") return;
      // Nobody has claimed an attempt of this run yet: what is at work there was started by somebody else.
      if (requeue.previous === undefined)
        throw new Refused(`the flow run ${id} is at work, and no attempt of ${requeue.run} has begun`, { isOwn: true });
      if (isOfDeadEngine(flowRun)) await server.addLabels(id, { [`${OWN_ENTRY}${flowRun.runCount}`]: true });
      const gone = `attempt ${requeue.attempt - 1} of ${requeue.run} is gone`;
      if (await isStill(flowRun)) await end("CRASHED", gone, transitionId(requeue, "crash"));
    },

    withdraw: async (requeue) => {
      const flowRun = await server.read(id);
      if (flowRun === undefined || !isOurs(flowRun, requeue)) return;
      const why = `nobody waits for attempt ${requeue.attempt} of ${requeue.run} any more`;
      await end("CRASHED", why, transitionId(requeue, "withdraw"));
    },

    nudge: async (requeue) => {
      const flowRun = await server.read(id);
      if (flowRun === undefined) return; // the next look finds that
      const isPrepared = flowRun.transitionId === transitionId(requeue, "prepare");
      const isReady = shownOf(flowRun, now(), requeue.at).before === "gone";
      if (!isReady || (flowRun.state !== "CRASHED" && !isPrepared)) return; // somebody has started it
      if (!flowRun.hasDeployment)
        throw new Refused(`the flow run ${id} has no deployment, so no worker of ${name} can start it again`, {
          isOwn: true,
        });
      if (!isPrepared) await giveBackRetries(flowRun);
      if (!(await isStill(flowRun))) return;
      if (requeue.capacity === "on-demand" && onDemand !== undefined) {
        await schedule(requeue, "prepare", after(now(), WHILE_CHANGED));
        await server.setJobVariables(id, { ...flowRun.jobVariables, ...onDemand });
      }
      // Its own time: a worker takes the earliest first, so it keeps its place before those that came later.
      await schedule(requeue, "requeue", flowRun.expectedStart);
    },

    close: async ({ run, attempt, outcome, cause }) => {
      const flowRun = await server.read(id);
      if (flowRun === undefined) return;
      const isAtWork = ["PENDING", "RUNNING"].includes(flowRun.state) || isOfDeadEngine(flowRun);
      const isGivenBack = flowRun.state === "SCHEDULED" && flowRun.message.includes(` of ${run}`);
      if (!isAtWork && !isGivenBack) return;
      const why = `${run} has ended with attempt ${attempt}: ${outcome} (${cause})`;
      await end(outcome === "canceled" ? "CANCELLED" : "CRASHED", why, nameUuid(`lastbeat ${run} end`));
    },
  };
}
