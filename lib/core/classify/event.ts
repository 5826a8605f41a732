import { type Clue, clue, hint, type Points, told } from "./clue.ts";
import type { EventFacts } from "./facts.ts";
import { meaningOf } from "./meaning.ts";

/** Reasons of a scheduler, a kubelet or an autoscaler about work that goes on, or waits to begin. */
const GOES_ON =
  /^(scheduled|failedscheduling|notriggerscaleup|triggeredscaleup|nominated|pulling|pulled|created|started|successfulcreate|waitingfor\w+|unhealthy|probewarning|successfulattachvolume|nodehas\w+|nodeready|starting|registerednode|suspended|resumed|admitted|quotareserved|scalingreplicaset)$/i;
/** Advice that may never be followed by an end. */
const ADVICE = /rebalance|scheduled ?(event|change)|disruption ?candidate/i;
/** A container is stopped, or an object deleted, and the event does not say who asked for it. */
const STOPPED = /^(killing|successfuldelete|deleted|terminating|stopped)$/i;
/** Somebody tried to take capacity, and did not: "aborting ScaleDown", "Cancelling deletion", "waiting to be evicted". */
const NOT_DONE =
  /\b(fail(ed|ing)?|abort\w*|cancel\w*|block\w*|unable|cannot|can't|disabled|attempting|waiting|unconsolidatable)\b|threshold ?met/i;
/** What a kubelet tries again until it succeeds. */
const TRIED_AGAIN = /sandbox|network|cni|mount|attach|gc(failed)?\b|disk ?space|not ?ready/i;
/** Objects that carry other pods as well. */
const OF_NODE = /^node/i;

const asWords = (text: string): string => text.replace(/([a-z])([A-Z])/g, "$1 $2");

/** What an event of Kubernetes says about the object that it names. */
export function clueOfEvent(event: EventFacts): Clue | undefined {
  const { reason = "", message, type, component, about, at, means } = event;
  const where = told("event", about, component);
  const text = told(reason, message);
  if (text === "") return undefined;
  const says = (points: Points): Clue => {
    const isOpen = points === "alive" || points === "killed";
    const found = isOpen ? hint(points, where, text, at) : clue(points, where, text, at);
    return OF_NODE.test(about ?? "") ? { ...found, isHint: true, isOfNode: true } : found;
  };
  return says(means ?? pointsOf(reason, message, type));
}

function pointsOf(reason: string, message: string | undefined, type: string | undefined): Points {
  if (/^(completed|jobcompleted|succeeded)$/i.test(reason)) return "succeeded";
  if (ADVICE.test(reason) || GOES_ON.test(reason)) return "alive";
  const byMessage = meaningOf(message);
  if (STOPPED.test(reason)) return byMessage === "reclaimed" || byMessage === "deadline" ? byMessage : "killed";
  if (/back-?off/i.test(reason) && /restarting failed/i.test(message ?? "")) return "failed";
  const words = asWords(told(reason, message));
  if (TRIED_AGAIN.test(words)) return "alive";
  // "Evicted" of a kubelet for a quota of the pod's own, or of an autoscaler for its node: the message tells them apart.
  const isOfMessage = byMessage === "limit" || byMessage === "platform";
  const points = isOfMessage ? byMessage : (meaningOf(reason) ?? byMessage);
  if (points === "reclaimed" && NOT_DONE.test(words)) return "alive";
  return points ?? (type === "Normal" ? "alive" : "killed");
}
