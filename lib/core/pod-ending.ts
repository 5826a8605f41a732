import { type Classified, classify, type Facts } from "./classify/classify.ts";
import { workOf } from "./classify/container.ts";
import type { ContainerState, NodeFacts, PodFacts, Terminated } from "./classify/facts.ts";
import { isOver, isWorkOver } from "./classify/pod.ts";
import { type Evidence, type EvidenceKind, NOTE_LENGTH } from "./evidence.ts";
import type { FailedStart } from "./reaping.ts";
import type { Report } from "./run.ts";
import { after, type Instant, seconds } from "./time.ts";

/** The source of evidence that a cluster gives about the pod of one attempt. */
export const CLUSTER = "kubernetes";

/**
 * What a pod that runs no more says about its attempt. `report`: its process has ended, in a way that the kubelet saw.
 * `gone`: all of it has ended, and `evidence` proves it. `told`: it was taken, but nobody has seen its processes end, so
 * its lease goes on. `nothing`: it says nothing about the attempt.
 */
export type PodEnd =
  | { readonly kind: "report"; readonly report: Report }
  | { readonly kind: "gone"; readonly evidence: Evidence }
  | { readonly kind: "told"; readonly evidence: Evidence }
  | { readonly kind: "nothing" };

/** A kubelet that has lost sight of a container makes its end up. */
const isMadeUp = ({ reason }: Terminated): boolean => reason === "ContainerStatusUnknown";

/**
 * How the container that does the work ended, if a kubelet saw it. A phase that a controller has set for a node that is
 * silent proves nothing: the processes may run on behind a broken network, and only their own agent, or the end of their
 * machine, stops them.
 */
function seenEnd(pod: PodFacts): Terminated | undefined {
  const state = workOf(pod)?.state;
  return state?.is === "terminated" && !isMadeUp(state) ? state : undefined;
}

/**
 * The codes with which our agent leaves by itself (docs/agents.md): cut off from us, superseded, told to leave, failed.
 * Its report came first, or could not be sent.
 */
export const AGENT_EXITS = { selfFenced: 80, superseded: 81, preempted: 82, agentError: 125 } as const;

/** What was found, in words. */
export const wordsOf = ({ evidence }: Classified): string =>
  evidence.map(({ where, text }) => `${where}: ${text}`).join("; ");

const isOfAgent = (state: ContainerState | undefined): boolean =>
  state?.is === "terminated" && Object.values<number | undefined>(AGENT_EXITS).includes(state.exitCode);

const factsOf = (pod: PodFacts, node: NodeFacts | undefined): Facts => ({
  pods: [pod],
  nodes: node === undefined ? [] : [node],
  events: [],
  exits: [],
  notices: [],
});

const evidenceOf = (uid: string, kind: EvidenceKind, note: string, now: Instant): Evidence => ({
  id: `pod-${uid}`,
  source: CLUSTER,
  kind,
  at: now,
  note: note.slice(0, NOTE_LENGTH),
});

function reportOf(found: Classified, end: Terminated): Report | undefined {
  const message = wordsOf(found);
  const { exitCode } = end;
  // 0 is the code of a container that was stopped for another reason, and no code of a failure.
  const code = exitCode !== undefined && exitCode > 0 && exitCode < 256 ? { exitCode } : {};
  switch (found.verdict) {
    case "succeeded":
      return { outcome: "succeeded", exitCode: 0 };
    case "crashed":
    case "overran":
      return { outcome: "failed", exitCode: 1, ...code, message };
    case "out-of-memory":
    case "unstartable":
      return { outcome: "failed", ...code, reason: found.verdict, message };
    default:
      return undefined;
  }
}

/** Why a pod that nobody has claimed an attempt in will never do so, and what shows it. */
export type FailedPod = { readonly cause: FailedStart["cause"]; readonly evidence: Evidence };

/** How long a pod that cannot start is believed to mend: a registry may be slow, and a Secret may come a little later. */
const PATIENCE = seconds(120);

/** Ends that are about what the pod is asked to run, and not about where. */
const OWN: ReadonlySet<Classified["verdict"]> = new Set(["unstartable", "crashed", "out-of-memory", "overran"]);

/**
 * Whether a pod will never claim its attempt: it has ended without a claim, or it waits for something that is not there.
 * Undefined while it may still begin.
 */
export function failedStartOf(
  uid: string,
  pod: PodFacts,
  node: NodeFacts | undefined,
  now: Instant,
): FailedPod | undefined {
  const found = classify(factsOf(pod, node), now);
  const since = pod.conditions.find(({ type }) => type === "PodScheduled")?.at ?? pod.createdAt;
  const isStuck = found.verdict === "unstartable" && since !== undefined && after(since, PATIENCE) <= now;
  if (!isOver(pod) && !isStuck) return undefined;
  // A registry that cannot be reached looks like an image that is not there, so a pod that waits is no fault of the work.
  const isOwn = isOver(pod) && OWN.has(found.verdict) && !isOfAgent(workOf(pod)?.state);
  return {
    cause: isOwn ? "unstartable" : "never-started",
    evidence: evidenceOf(uid, "pod-ended", wordsOf(found), now),
  };
}

/**
 * `uid`: of the pod. It makes the id of the evidence, so that a repetition says nothing new. `isAlone`: the pod has no
 * agent. Then no code is the agent's, and there is no lease that the end of its node could wait for. `taken`: who took the
 * pod, if its surroundings say so.
 */
export function endOfPod(
  uid: string,
  pod: PodFacts,
  node: NodeFacts | undefined,
  now: Instant,
  isAlone = false,
  taken?: string,
): PodEnd {
  const found = classify(factsOf(pod, node), now);
  const end = isWorkOver(pod) ? seenEnd(pod) : undefined;
  const isReport = taken === undefined && (isAlone || !isOfAgent(end));
  const report = end && isReport ? reportOf(found, end) : undefined;
  if (report !== undefined) return { kind: "report", report };
  const hasLeft = !isAlone && end?.exitCode === AGENT_EXITS.preempted;
  const isTaken = taken !== undefined || found.verdict === "interrupted" || hasLeft;
  const evidence = evidenceOf(uid, isTaken ? "pod-evicted" : "pod-ended", taken ?? wordsOf(found), now);
  // Proved by what is seen now, not by the clock of a node: a beat that came before now does not disprove it.
  const isGone = end !== undefined || (isAlone && isOver(pod) && node?.exists === false);
  if (isGone) return { kind: "gone", evidence: { ...evidence, goneAt: now } };
  return isTaken ? { kind: "told", evidence } : { kind: "nothing" };
}
