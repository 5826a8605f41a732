import type { ContainerFacts, ContainerState, PodFacts } from "./facts.ts";
import { FENCE_LABEL, frameworkOf, isWorkName, standsBeside } from "./frameworks.ts";

/** The container that kubectl shows first. We write the one that does the work, and Istio the first of all. */
const SHOWN_FIRST = "kubectl.kubernetes.io/default-container";
/** Flyte's own word for the container that does the work. */
const OF_FLYTE = "primary_container_name";

/** The container that does the work, if the pod says so in words that nobody else writes. */
const statedIn = ({ annotations, labels }: PodFacts): string | undefined =>
  annotations[OF_FLYTE] ?? (labels[FENCE_LABEL] === undefined ? undefined : annotations[SHOWN_FIRST]);

/** Whether it is known which container does the work: the pod says so, or there is no other. */
export const isWorkKnown = (pod: PodFacts): boolean =>
  statedIn(pod) !== undefined || pod.declared.filter((name) => !standsBeside(name)).length === 1;

/** The name of the container that does the work, if the pod tells. */
function workName(pod: PodFacts): string | undefined {
  const { labels, declared, containers } = pod;
  const known = new Set([...declared, ...containers.map(({ name }) => name)]);
  // A container that is named, and whose state was not told, is not another one.
  const stated = statedIn(pod);
  if (stated !== undefined) return stated;
  const failed = isWorkKnown(pod) ? undefined : badlyEndedIn(pod);
  const shown = pod.annotations[SHOWN_FIRST];
  if (shown !== undefined) return failed ?? shown;
  const names = frameworkOf(labels)?.work ?? [];
  const byFramework = names.find((name) => known.has(name));
  if (byFramework !== undefined) return byFramework;
  const present = declared.length > 0 ? declared : containers.filter(isOfWork).map(({ name }) => name ?? "");
  return present.find(isWorkName) ?? failed ?? present.find((name) => !standsBeside(name));
}

/** Where nobody says which container does the work, and the pod has failed, it is the one that failed. */
const badlyEndedIn = ({ phase, containers }: PodFacts): string | undefined =>
  phase !== "Failed"
    ? undefined
    : containers.find(
        ({ role, name, state }) =>
          role === "work" &&
          name !== undefined &&
          !standsBeside(name) &&
          state.is === "terminated" &&
          state.exitCode !== 0,
      )?.name;

const isOfWork = ({ role }: ContainerFacts): boolean => role === "work";

/** The more careful of two states that were told of one container: what may run is not dead, and what succeeded did. */
function careful(one: ContainerState, other: ContainerState): ContainerState {
  const rank = (state: ContainerState): number => {
    if (state.is === "running") return 4;
    if (state.is === "terminated") return state.exitCode === 0 ? 3 : 1;
    return state.is === "waiting" ? 2 : 0;
  };
  return rank(other) > rank(one) ? other : one;
}

/**
 * The container that does the work. If its state was told twice, and differently, the more careful one counts.
 * Undefined if it was not told: the others say nothing about it.
 */
export function workOf(pod: PodFacts): ContainerFacts | undefined {
  const name = workName(pod);
  const found = pod.containers.filter(
    (each) => each.role === "work" && (each.name === undefined || each.name === name),
  );
  const [first, ...rest] = found;
  if (first === undefined) return undefined;
  const state = rest.reduce((best, { state: next }) => careful(best, next), first.state);
  return { ...first, state };
}

/** The containers that have to end before the others start. */
export const initsOf = ({ containers }: PodFacts): readonly ContainerFacts[] =>
  containers.filter(({ role }) => role === "init");

/** Containers whose failure fails the pod although the work is done: the framework's own. */
export function ownOf(pod: PodFacts): readonly ContainerFacts[] {
  const own = frameworkOf(pod.labels)?.own ?? ["wait"];
  return pod.containers.filter(({ role, name }) => role === "work" && name !== undefined && own.includes(name));
}
