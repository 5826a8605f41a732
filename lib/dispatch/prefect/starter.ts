import type { PrefectTarget } from "../../core/spec.ts";
import { after, type Instant, seconds } from "../../core/time.ts";
import { nameUuid } from "../../digest.ts";
import { Busy, Refused, type Requeue, type Starter } from "../../ports/dispatch.ts";
import type { FlowRun, PrefectServer, PrefectTransition } from "../../ports/prefect.ts";
import { isToCrash, shownOf } from "./shown.ts";

/** What a server of the settings is to us. `onDemand`: job variables for an attempt that may run on no spot machine. */
export type PrefectSettings = {
  readonly name: string;
  readonly onDemand?: Readonly<Record<string, unknown>>;
};

/** A flow run whose retries we have raised has the user's own number here. */
const OWN_RETRIES = "lastbeat.retries";
/** Each entry into RUNNING that ended without the user's doing has a label that begins so. */
const LOST_ENTRY = "lastbeat.lost-";

/** Job variables change while the run is SCHEDULED. No worker takes it before this time: it fetches 10 s ahead. */
const WHILE_CHANGED = seconds(60);

const retriesOf = ({ policy }: FlowRun): number => {
  const { retries } = policy;
  return typeof retries === "number" ? retries : 0;
};

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
    if (status === "ACCEPT" || status === "REJECT" || status === "ABORT") return;
    throw new Busy(`Prefect lets the flow run ${id} wait: ${reason}`);
  };

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
   * known by its number.
   */
  const giveBackRetries = async (flowRun: FlowRun): Promise<void> => {
    const { labels, runCount, policy } = flowRun;
    const own = labels[OWN_RETRIES];
    const retries = typeof own === "number" ? own : retriesOf(flowRun);
    const lost = `${LOST_ENTRY}${runCount}`;
    const before = Object.keys(labels).filter((each) => each.startsWith(LOST_ENTRY) && each !== lost).length;
    // The labels first: a repetition then finds the user's own number in them.
    await server.addLabels(id, { [OWN_RETRIES]: retries, [lost]: true });
    await server.setPolicy(id, { ...policy, retries: retries + before + 1 });
  };

  const isOurs = (flowRun: FlowRun, requeue: Requeue): boolean =>
    flowRun.state === "SCHEDULED" &&
    ["prepare", "requeue"].some((step) => flowRun.transitionId === transitionId(requeue, step));

  return {
    // Prefect takes a COMPLETED of the attempt before, although another one runs by then.
    isEndAwaited: true,
    isGated: false,
    isSeen: true,

    look: async () => {
      const flowRun = await server.read(id);
      return flowRun === undefined
        ? { before: "gone", next: "none", ended: { outcome: "canceled", note: `Prefect has no flow run ${id}` } }
        : shownOf(flowRun, now());
    },

    fence: async (requeue) => {
      const flowRun = await server.read(id);
      if (flowRun === undefined || !isToCrash(flowRun, now())) return;
      await ask({
        type: "CRASHED",
        name: "Crashed",
        message: `Lastbeat: attempt ${requeue.attempt - 1} of ${requeue.run} is gone`,
        transitionId: transitionId(requeue, "crash"),
      });
    },

    withdraw: async (requeue) => {
      const flowRun = await server.read(id);
      if (flowRun === undefined || !isOurs(flowRun, requeue)) return;
      await ask({
        type: "CRASHED",
        name: "Crashed",
        message: `Lastbeat: nobody waits for attempt ${requeue.attempt} of ${requeue.run} any more`,
        transitionId: transitionId(requeue, "withdraw"),
      });
    },

    nudge: async (requeue) => {
      const flowRun = await server.read(id);
      if (flowRun === undefined) return; // the next look finds that
      if (!flowRun.hasDeployment)
        throw new Refused(`the flow run ${id} has no deployment, so no worker of ${name} can start it again`, {
          isOwn: true,
        });
      const isPrepared = flowRun.transitionId === transitionId(requeue, "prepare");
      if (shownOf(flowRun, now()).before !== "gone") return;
      if (flowRun.state !== "CRASHED" && flowRun.state !== "FAILED" && !isPrepared) return; // somebody has started it
      if (flowRun.state === "CRASHED") await giveBackRetries(flowRun); // a FAILED one has used a retry of the user's
      if (requeue.capacity === "on-demand" && onDemand !== undefined) {
        await schedule(requeue, "prepare", after(now(), WHILE_CHANGED));
        await server.setJobVariables(id, { ...flowRun.jobVariables, ...onDemand });
      }
      // Its own time: a worker takes the earliest first, so it keeps its place before those that came later.
      await schedule(requeue, "requeue", flowRun.expectedStart);
    },
  };
}
