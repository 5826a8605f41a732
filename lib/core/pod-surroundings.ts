import { classify } from "./classify/classify.ts";
import { workOf } from "./classify/container.ts";
import type { EventFacts, OwnerFacts, PodFacts } from "./classify/facts.ts";
import { gangOf } from "./classify/frameworks.ts";
import { isOver } from "./classify/pod.ts";
import { type PodEnd, wordsOf } from "./pod-ending.ts";
import { before, type Instant, seconds } from "./time.ts";

/** What else a cluster knows of a pod that has ended. */
export type Surroundings = {
  /** What components have said about it. Events are kept for an hour. */
  readonly events: readonly EventFacts[];
  /** The Job that has made it, if it is there. */
  readonly owner?: OwnerFacts;
  /** The other pods of its gang, if it is in one, in whatever state. */
  readonly members: readonly PodFacts[];
};

/**
 * Whether what is around the pod may tell more: nobody says who ended it; or it failed when somebody had deleted it, or as
 * a member of a gang, whose other members may have ended first.
 */
export const isLeftOpen = (end: PodEnd, { labels, isDeleting }: PodFacts): boolean =>
  (end.kind === "gone" && end.evidence.kind === "pod-ended") ||
  (end.kind === "report" && end.report.outcome === "failed" && (isDeleting || gangOf(labels) !== undefined));

/**
 * How long the members of a gang take to end one after the other. JobSet and Kubeflow stop the rest within seconds, and a
 * collective operation waits a minute or two for its network.
 */
const TOGETHER = seconds(120);

/** When a pod ended, as its kubelet or the one who took it says. */
function endedAt(pod: PodFacts): Instant | undefined {
  const state = workOf(pod)?.state;
  const end = state?.is === "terminated" ? state.finishedAt : undefined;
  return end ?? pod.conditions.find(({ type }) => type === "DisruptionTarget")?.at;
}

/** Whether a member ended before the pod did, and not long before: then it may be why. */
function isFirst(member: PodFacts, pod: PodFacts): boolean {
  const [own, other] = [endedAt(pod), endedAt(member)];
  return isOver(member) && own !== undefined && other !== undefined && other <= own && before(own, TOGETHER) <= other;
}

/**
 * Who took the pod, in words, as far as what is around it says. Undefined if nothing does. It can only say that: an event
 * of an hour ago, or the counters of a Job, must not change how the pod itself was seen to end.
 */
export function takenBy(
  end: PodEnd,
  pod: PodFacts,
  { events, owner, members }: Surroundings,
  now: Instant,
): string | undefined {
  // A queue such as Kueue suspends a Job, which has its pods deleted.
  if (owner?.isSuspended === true && (pod.isDeleting || end.kind === "gone")) return "its Job was suspended";
  const facts = { nodes: [], exits: [], notices: [] };
  return [
    { ...facts, pods: [pod], events },
    { ...facts, pods: [pod, ...members.filter((each) => isFirst(each, pod))], events: [] },
  ]
    .map((each) => classify(each, now))
    .filter(({ verdict }) => verdict === "interrupted")
    .map(wordsOf)[0];
}
