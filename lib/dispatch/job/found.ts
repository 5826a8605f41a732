import type { PodFacts } from "../../core/classify/facts.ts";
import type { Shown } from "../../core/dispatching.ts";
import { CLUSTER, type FailedPod, failedStartOf } from "../../core/pod-ending.ts";
import type { Instant } from "../../core/time.ts";
import type { SeenPod } from "../../ports/clusters.ts";
import type { SeenJob } from "../../ports/jobs.ts";
import { fenceOf } from "./labels.ts";

/** What a cluster has of one run: the Jobs and the pods of all its attempts. */
export type Found = { readonly jobs: readonly SeenJob[]; readonly pods: readonly SeenPod[] };

const isOver = ({ phase }: PodFacts): boolean => phase === "Succeeded" || phase === "Failed";

/** A pod that is ending still runs. */
const isLeft = ({ facts }: SeenPod): boolean => !isOver(facts);

const podsOf = ({ pods }: Found, fence: number): readonly SeenPod[] =>
  pods.filter(({ facts }) => fenceOf(facts) === fence);

/**
 * The Jobs of attempts before this fence that have something left: a pod, or no pod yet. One whose pods are over ends by
 * itself, and people may want its log.
 */
export function jobsBefore(found: Found, fence: number): readonly SeenJob[] {
  return found.jobs.filter((job) => {
    const own = fenceOf(job);
    if (own === undefined || own >= fence) return false;
    const pods = podsOf(found, own);
    return pods.length === 0 ? !job.isOver : pods.some(isLeft);
  });
}

/** What is left of all attempts before this fence. A pod that Lastbeat has not made is of the first attempt. */
export function leftBefore(found: Found, fence: number): Shown["before"] {
  const pods = found.pods.filter((pod) => isLeft(pod) && (fenceOf(pod.facts) ?? 0) < fence);
  const isEnding = pods.every(({ facts }) => facts.isDeleting);
  if (!isEnding || jobsBefore(found, fence).some((job) => podsOf(found, Number(fenceOf(job))).length === 0))
    return "there";
  return pods.length === 0 ? "gone" : "ending";
}

/** The scheduler has found no node for the pod: an autoscaler may be getting one. */
const isUnscheduled = ({ facts }: SeenPod): boolean =>
  facts.conditions.some(({ type, status }) => type === "PodScheduled" && status === "False");

/** A Job is over, and nothing is left of its pod: it was deleted before it began. */
const withoutPod = (uid: string, at: Instant): FailedPod => ({
  cause: "never-started",
  evidence: { id: `job-${uid}`, source: CLUSTER, kind: "pod-ended", at, note: "its Job is over, and has no pod" },
});

/** The Job of the attempt with this fence. */
export const jobOfAttempt = ({ jobs }: Found, fence: number): SeenJob | undefined =>
  jobs.find((job) => fenceOf(job) === fence);

/**
 * Whether the attempt with this fence was started, and whether it can still claim. The end of a pod without an agent
 * (`isAlone`) says how its attempt ended; that is for the watch.
 */
export function shownNext(found: Found, fence: number, now: Instant, isAlone = false): Pick<Shown, "next" | "failed"> {
  const job = jobOfAttempt(found, fence);
  if (job === undefined) return { next: "none" };
  const pods = podsOf(found, fence);
  if (isAlone && pods.length > 0 && !pods.some(isLeft)) return { next: "started" };
  const [failed] = pods.flatMap(({ uid, facts }) => failedStartOf(uid, facts, undefined, now) ?? []);
  const left = pods.filter(isLeft);
  if (left.length > 0) {
    const next = left.some(isUnscheduled) ? "coming" : "started";
    return { next, ...(failed !== undefined && { failed }) };
  }
  // Its controller may not have made the pod yet, or has to wait until a queue lets it.
  if (!job.isOver) return { next: job.isSuspended ? "suspended" : "started", ...(failed !== undefined && { failed }) };
  return { next: "over", failed: failed ?? withoutPod(job.uid, now) };
}

/** Whether a pod of the attempt has begun: its containers ran, or run. */
export const hasBegun = (found: Found, fence: number): boolean =>
  podsOf(found, fence).some(({ facts }) => facts.phase !== "Pending");
