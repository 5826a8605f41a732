import { type Clue, clue, hint, ofNode, type Points, told } from "./clue.ts";
import type { NodeFacts } from "./facts.ts";
import { meaningOf } from "./meaning.ts";

/** A taint with this effect is a wish and no decision: `DeletionCandidateOfClusterAutoscaler` has it. */
const WISH = "PreferNoSchedule";
/** Taints that announce something that may never come. */
const ADVICE = /rebalance|candidate/i;

/** Taints that an autoscaler, a termination handler or the node controller has put on the node. */
function ofTaints({ taints }: NodeFacts): readonly Clue[] {
  return taints
    .filter(({ key, effect }) => effect !== WISH && !ADVICE.test(key))
    .map(({ key, value }) => {
      const points = pointsOfTaint(key);
      return points && hint(points, "node.spec.taints", told(key, value));
    })
    .filter((each) => each !== undefined);
}

/** A taint that keeps ordinary pods off says nothing: only what an autoscaler or a controller does to a node that goes. */
function pointsOfTaint(key: string): Points | undefined {
  const meant = /spot-?itn/i.test(key) ? "reclaimed" : meaningOf(key);
  if (meant === "reclaimed" || meant === "platform") return meant;
  return /out-of-service|shutdown|asg-lifecycle/i.test(key) ? "reclaimed" : undefined;
}

/** Whether EC2 has taken back a spot instance, by the code of its reason. */
export const isSpotReclaim = (reason: string | undefined): boolean => /^server\.spot/i.test(reason ?? "");

/**
 * Reasons that EC2 gives for the state of an instance. `Server.Spot...`: taken back. `Client...`: a call has ended it,
 * and whether a person, a group or an autoscaler made that call, it does not say.
 */
function ofReason({ stateReason, stateMessage }: NodeFacts): Clue | undefined {
  if (stateReason === undefined) return undefined;
  const where = "instance.stateReason";
  const text = told(stateReason, stateMessage);
  // `Server.ScheduledStop`: a maintenance, of which AWS Health tells as well.
  if (isSpotReclaim(stateReason) || /scheduled/i.test(stateReason)) return clue("reclaimed", where, text);
  if (/^server\b/i.test(stateReason)) return clue("platform", where, text);
  if (/^(client\.)?(user|instance) ?initiated/i.test(stateReason)) return hint("killed", where, text);
  const meant = meaningOf(stateReason) ?? meaningOf(stateMessage);
  return meant === undefined ? undefined : clue(meant === "reclaimed" ? "reclaimed" : "platform", where, text);
}

/** An instance that ended for a reason that nobody gave: if it was a spot instance, EC2 has most likely taken it. */
export const pointsOfEnd = (capacity: NodeFacts["capacity"]): Points =>
  capacity === "spot" ? "reclaimed" : capacity === "on-demand" ? "platform" : "killed";

const GONE = /^(terminated|shutting-down|stopped|stopping)$/;

/** Whether the node is gone: its object was deleted, or its instance has ended. */
export const isNodeGone = ({ exists, instanceState }: NodeFacts): boolean =>
  exists === false || (instanceState !== undefined && GONE.test(instanceState));

/** What is known about the node that a pod stood on. */
export const cluesOfNode = (node: NodeFacts): readonly Clue[] => ofNode(found(node));

/** An instance that works, or is about to. */
export const isNodeOn = ({ instanceState }: NodeFacts): boolean => /^(running|pending)$/.test(instanceState ?? "");

function found(node: NodeFacts): readonly Clue[] {
  const { exists, instanceState, capacity, conditions, note } = node;
  const ready = conditions.find(({ type }) => type === "Ready");
  const noted = meaningOf(note);
  return [
    ofReason(node),
    ...ofTaints(node),
    exists === false ? hint("platform", "node", "the API server does not have it any more") : undefined,
    instanceState !== undefined && GONE.test(instanceState)
      ? hint(pointsOfEnd(capacity), "instance.state", told(instanceState, capacity))
      : undefined,
    ready !== undefined && ready.status !== "True"
      ? hint("platform", "node.conditions.Ready", told(ready.status, ready.reason, ready.message), ready.at)
      : undefined,
    noted === "reclaimed" || noted === "platform" ? hint(noted, "node.note", told(note)) : undefined,
  ].filter((each) => each !== undefined);
}
