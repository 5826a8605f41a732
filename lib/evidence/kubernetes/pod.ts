import type { ContainerFacts, ContainerState, PodFacts, Terminated } from "../../core/classify/facts.ts";
import { conditionsOf } from "./conditions.ts";
import { at, field, has, instantOf, type Json, known, listOf, numberOf, textOf, textsOf } from "./fields.ts";

function terminatedOf(value: Json): Terminated | undefined {
  if (field(value, "terminated") === undefined) return undefined;
  const end = field(value, "terminated");
  const signal = numberOf(field(end, "signal"));
  return known({
    is: "terminated" as const,
    exitCode: numberOf(field(end, "exitCode")),
    signal: signal === undefined || signal === 0 ? textOf(field(end, "signal")) : `signal ${signal}`,
    reason: textOf(field(end, "reason")),
    message: textOf(field(end, "message")),
    finishedAt: instantOf(field(end, "finishedAt")),
  }) as Terminated;
}

/** A state has one of three members. If there are two, the container may run, and that is what counts. */
function stateOf(state: Json): ContainerState {
  if (field(state, "running") !== undefined) return { is: "running" };
  const waiting = field(state, "waiting");
  const terminated = terminatedOf(state);
  if (terminated !== undefined) return terminated;
  if (waiting === undefined) return { is: "unknown" };
  return known({
    is: "waiting" as const,
    reason: textOf(field(waiting, "reason")),
    message: textOf(field(waiting, "message")),
  }) as ContainerState;
}

function containerOf(status: Json, role: ContainerFacts["role"]): ContainerFacts {
  const state = stateOf(field(status, "state"));
  return known({
    name: textOf(field(status, "name")),
    role,
    state,
    before: terminatedOf(field(status, "lastState")),
    restarts: numberOf(field(status, "restartCount")) ?? 0,
  }) as ContainerFacts;
}

const namesOf = (specs: Json): readonly string[] =>
  listOf(specs)
    .map((each) => textOf(field(each, "name")))
    .filter((name) => name !== undefined);

/** Init containers with the restart policy `Always` are native sidecars: they run beside the work. */
const sidecarsOf = (pod: Json): readonly string[] =>
  namesOf(listOf(at(pod, "spec", "initContainers")).filter((each) => field(each, "restartPolicy") === "Always"));

/** What a pod object says, in any version, with any part missing. */
export function readPod(pod: Json): PodFacts {
  const status = field(pod, "status");
  const metadata = field(pod, "metadata");
  const beside = sidecarsOf(pod);
  const shown = textOf(field(pod, "kubectlStatus"));
  const before = listOf(field(pod, "kubectlStatusHistory")).map((each) => textOf(field(each, "status")));
  return known({
    phase: textOf(field(status, "phase")),
    reason: textOf(field(status, "reason")),
    message: textOf(field(status, "message")),
    isDeleting: has(metadata, "deletionTimestamp") && field(metadata, "deletionTimestamp") !== undefined,
    createdAt: instantOf(field(metadata, "creationTimestamp")),
    deletedBy: instantOf(field(metadata, "deletionTimestamp")),
    restartPolicy: textOf(at(pod, "spec", "restartPolicy")),
    node: textOf(at(pod, "spec", "nodeName")),
    labels: textsOf(field(metadata, "labels")),
    annotations: textsOf(field(metadata, "annotations")),
    declared: namesOf(at(pod, "spec", "containers")),
    containers: [
      ...listOf(field(status, "initContainerStatuses")).map((each) => {
        const name = textOf(field(each, "name"));
        return containerOf(each, name !== undefined && beside.includes(name) ? "beside" : "init");
      }),
      ...listOf(field(status, "containerStatuses")).map((each) => containerOf(each, "work")),
    ],
    conditions: conditionsOf(pod),
    shown: shown ?? before.at(-1),
    shownBefore: before.slice(0, -1).filter((each) => each !== undefined),
  }) as PodFacts;
}
