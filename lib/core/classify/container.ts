import type { ContainerFacts, ContainerState, PodFacts } from "./facts.ts";
import { frameworkOf, isWorkName, standsBeside } from "./frameworks.ts";

/** Annotations that name the container that does the work: of kubectl, and of Flyte. */
const NAMED_BY = ["kubectl.kubernetes.io/default-container", "primary_container_name"];

const namedIn = ({ annotations }: PodFacts): string | undefined =>
  NAMED_BY.map((key) => annotations[key]).find((name) => name !== undefined);

/** Whether the pod names the container that does the work, so that nobody has to guess. */
export const isNamed = (pod: PodFacts): boolean => namedIn(pod) !== undefined;

/** The name of the container that does the work, if the pod tells. */
function workName(pod: PodFacts): string | undefined {
  const { labels, declared, containers } = pod;
  const known = new Set([...declared, ...containers.map(({ name }) => name)]);
  // A container that is named, and whose state was not told, is not another one.
  const named = namedIn(pod);
  if (named !== undefined) return named;
  const names = frameworkOf(labels)?.work ?? [];
  const byFramework = names.find((name) => known.has(name));
  if (byFramework !== undefined) return byFramework;
  const present = declared.length > 0 ? declared : containers.filter(isOfWork).map(({ name }) => name ?? "");
  return present.find(isWorkName) ?? present.find((name) => !standsBeside(name));
}

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
