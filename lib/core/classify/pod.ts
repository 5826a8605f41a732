import type { Instant } from "../time.ts";
import { type Clue, clue, hint, type Points, told } from "./clue.ts";
import { initsOf, isWorkKnown, ownOf, workOf } from "./container.ts";
import { clueOfContainer } from "./exit.ts";
import type { Condition, ContainerFacts, PodFacts } from "./facts.ts";
import { meaningOf } from "./meaning.ts";

/** The column STATUS of kubectl for pods that run, or wait to run. */
const SHOWN_ALIVE = /^(running|pending|container ?creating|pod ?initializing|init:\d+\/\d+)$/i;
const SHOWN_DONE = /^(completed|succeeded)$/i;

/** What the pod itself was told to be: reason and message of its status, else the column of kubectl. */
function ofStatus(pod: PodFacts): Clue | undefined {
  const { reason, message, shown, phase } = pod;
  const text = told(reason, message);
  const end = workOf(pod)?.state;
  const at = end?.is === "terminated" ? end.finishedAt : undefined;
  // The message says more: an Evicted pod was in the way of its node, or has exceeded its own quota.
  const meant = meaningOf(message);
  const points =
    (meant === "platform" || meant === "unstartable" ? meaningOf(reason) : meant) ?? meant ?? meaningOf(reason);
  if (points !== undefined) return clue(points, "pod.status", text, at);
  if (reason !== undefined && phase === "Failed") return hint("killed", "pod.status.reason", text);
  const byColumn = shown === undefined || SHOWN_DONE.test(shown) ? undefined : meaningOf(shown);
  return byColumn === undefined ? undefined : clue(byColumn, "kubectl", told(shown));
}

const isTrue = ({ status }: Condition): boolean => status === "True";

/** The newest of the conditions of one type: an object may have an old one beside it. */
function newest(conditions: readonly Condition[], type: string): Condition | undefined {
  const found = conditions.filter((each) => each.type === type);
  return found.reduce<Condition | undefined>((best, each) => {
    if (best === undefined) return each;
    const isLater = each.at !== undefined && (best.at === undefined || each.at > best.at);
    const isSurer = each.at === best.at && isTrue(each);
    return isLater || isSurer ? each : best;
  }, undefined);
}

/** A kubelet that shuts its node down stops the containers first; the collector of pods comes when the node is gone. */
const WRITES_LATE = /ByKubelet|ByPodGC/;

/**
 * `DisruptionTarget`: somebody is about to take the pod. Whatever component it is, and however the reason is spelled, it was not
 * the work, but for two reasons that the user has set.
 */
function ofDisruption({ conditions }: PodFacts): Clue | undefined {
  const found = newest(conditions, "DisruptionTarget");
  if (found === undefined || !isTrue(found)) return undefined;
  const meant = meaningOf(found.message) ?? meaningOf(found.reason);
  const points: Points = meant === "deadline" || meant === "limit" ? meant : "reclaimed";
  const says = clue(points, "pod.conditions.DisruptionTarget", told(found.reason, found.message), found.at);
  return WRITES_LATE.test(found.reason ?? "") ? { ...says, isLate: true } : says;
}

/** A pod whose containers have all ended well has this reason on its Ready conditions, whatever came after. */
function ofReadiness({ conditions }: PodFacts): Clue | undefined {
  const found = conditions.find(({ reason }) => reason === "PodCompleted");
  return found && hint("succeeded", `pod.conditions.${found.type}`, "PodCompleted", found.at);
}

/** A container that the kubelet tries to start again and again. */
const isInLoop = (reason: string | undefined): boolean => /crash ?loop/i.test(reason ?? "");
/** Ordinary steps on the way to a running container. */
const ON_THE_WAY = /^(container ?creating|pod ?initializing|pulling|pending)$/i;

/** Why a container waits to start. In a pod that is over, it waits for nothing any more. */
function ofWaiting(pod: PodFacts, { state, before, name }: ContainerFacts): Clue | undefined {
  if (state.is !== "waiting") return undefined;
  const where = `container ${name ?? "?"}.waiting`;
  const { reason, message } = state;
  const text = told(reason, message);
  if (isInLoop(reason)) {
    const last = before && clueOfContainer(before, where, before.finishedAt);
    return clue(last === undefined || last.points === "succeeded" ? "failed" : last.points, where, text);
  }
  if (reason === undefined || ON_THE_WAY.test(reason)) return isOver(pod) ? undefined : hint("alive", where, text);
  const byMessage = meaningOf(message);
  if (byMessage === "platform") return clue("platform", where, text);
  const byReason = meaningOf(reason);
  if (byReason !== undefined) return clue(byReason, where, text);
  if (byMessage !== undefined) return clue(byMessage, where, text);
  return hint(/err|fail|back-?off|invalid/i.test(reason) ? "killed" : "alive", where, text);
}

/** What the end of a container says. */
function ofEnd({ state, name }: ContainerFacts): Clue | undefined {
  return state.is === "terminated" ? clueOfContainer(state, `container ${name ?? "?"}`, state.finishedAt) : undefined;
}

/** A failed init container, or one that cannot start: the work never began. */
function ofInits(pod: PodFacts): readonly Clue[] {
  return initsOf(pod)
    .map((each) => ofEnd(each) ?? ofWaiting(pod, each))
    .filter((each) => each !== undefined)
    .filter(({ points }) => points !== "succeeded" && points !== "alive");
}

/** Whether the kubelet starts a container again that has ended like this. */
const comesAgain = ({ restartPolicy }: PodFacts, points: Points | undefined): boolean =>
  restartPolicy === "Always" || (restartPolicy === "OnFailure" && points !== "succeeded");

const isPhase = ({ phase }: PodFacts, ...phases: readonly string[]): boolean =>
  phase !== undefined && phases.some((each) => each.toLowerCase() === phase.toLowerCase());

/** A pod in this phase is over, whatever its containers show. */
export const isOver = (pod: PodFacts): boolean => isPhase(pod, "Failed", "Succeeded");

/**
 * Whether the work is over, although other containers of the pod may run on: a proxy, or a collector of logs. While a pod
 * runs, nobody guesses which container does the work.
 */
export const isWorkOver = (pod: PodFacts): boolean =>
  isOver(pod) || (pod.restartPolicy === "Never" && isWorkKnown(pod) && workOf(pod)?.state.is === "terminated");

/** Says whether the pod is alive, done or dead, without a cause. */
function ofLife(pod: PodFacts, work: ContainerFacts | undefined, now: Instant): readonly Clue[] {
  const { phase, shown, shownBefore, isDeleting, deletedBy } = pod;
  const done = shownBefore.find((each) => SHOWN_DONE.test(each));
  // A kubelet that starts again may rewrite a pod that was done. What was seen first counts.
  if (done !== undefined) return [clue("succeeded", "kubectl, before", done)];
  if (isPhase(pod, "Succeeded")) return [clue("succeeded", "pod.status.phase", "Succeeded")];
  if (isPhase(pod, "Failed")) return [];
  const end = work && ofEnd(work);
  if (end?.points === "succeeded" && !comesAgain(pod, "succeeded")) return [];
  const isSilentNode = isPhase(pod, "Unknown") || meaningOf(pod.reason) === "platform";
  if (isSilentNode) {
    const isPast = isDeleting && (deletedBy === undefined || deletedBy <= now);
    return isPast
      ? []
      : [{ ...hint("alive", "pod.status", told("its node does not answer", pod.reason, phase)), isSilent: true }];
  }
  if (work?.state.is === "running") return [clue("alive", `container ${work.name ?? "?"}`, "running")];
  if (end !== undefined)
    return comesAgain(pod, end.points) ? [clue("alive", "pod.spec.restartPolicy", told(pod.restartPolicy))] : [];
  const isStuck = work?.state.is === "waiting" && ofWaiting(pod, work)?.points !== "alive";
  if (isPhase(pod, "Running") && !isStuck) return [clue("alive", "pod.status.phase", "Running")];
  if (isDeleting)
    return [
      hint(deletedBy !== undefined && deletedBy > now ? "alive" : "killed", "pod.metadata", "somebody has deleted it"),
    ];
  const scheduling = newest(pod.conditions, "PodScheduled");
  if (scheduling?.status === "False")
    return [clue("alive", "pod.conditions.PodScheduled", told(scheduling.reason, scheduling.message))];
  if (isPhase(pod, "Pending")) return [hint("alive", "pod.status.phase", "Pending")];
  return shown !== undefined && SHOWN_ALIVE.test(shown) ? [hint("alive", "kubectl", shown)] : [];
}

/** A failed pod whose containers still run, or that tells nothing at all: its kubelet never reported an end. */
function ofSilence(pod: PodFacts, work: ContainerFacts | undefined): readonly Clue[] {
  if (!isPhase(pod, "Failed") || (pod.reason ?? "") !== "" || (pod.message ?? "") !== "") return [];
  if (work?.state.is !== "running") return [];
  return [hint("platform", "pod.status", "failed, while its containers are still shown as running")];
}

/** The work is done, but a container of the framework beside it failed, and so did the pod. */
function ofFramework(pod: PodFacts, work: ContainerFacts | undefined): readonly Clue[] {
  const end = work && ofEnd(work);
  if (!isPhase(pod, "Failed") || end?.points !== "succeeded") return [];
  const failed = ownOf(pod)
    .filter((each) => each.name !== work?.name)
    .map(ofEnd)
    .filter((each) => each !== undefined && each.points !== "succeeded");
  return failed.map((each) => clue("platform", (each as Clue).where, `of the framework: ${(each as Clue).text}`));
}

/** Whether the container that does the work has begun, as far as the pod tells. */
export function hasBegun(pod: PodFacts): boolean {
  const work = workOf(pod);
  return work !== undefined && (work.state.is === "running" || work.state.is === "terminated" || work.restarts > 0);
}

/** What a pod says about its own end. `now` tells a grace period that is over from one that goes on. */
export function cluesOfPod(pod: PodFacts, now: Instant): readonly Clue[] {
  const work = workOf(pod);
  const own = work === undefined ? [] : [ofEnd(work), ofWaiting(pod, work)];
  const inits = work?.state.is === "running" || work?.state.is === "terminated" ? [] : ofInits(pod);
  const framework = ofFramework(pod, work);
  return [
    ...ofLife(pod, work, now),
    ofStatus(pod),
    ofDisruption(pod),
    ...own,
    ...inits,
    ...framework,
    ...ofSilence(pod, work),
    ofReadiness(pod),
  ].filter((each) => each !== undefined);
}
