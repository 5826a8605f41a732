import type { OwnerFacts } from "../../core/classify/facts.ts";
import { conditionsOf } from "./conditions.ts";
import { at, booleanOf, type Json, known, numberOf, textOf } from "./fields.ts";

/** Where objects that own pods keep one word for their state. */
const STATES = [
  ["status", "applicationState", "state"], // SparkApplication
  ["status", "jobStatus"], // RayJob
  ["status", "jobDeploymentStatus"],
  ["status", "terminalState"], // JobSet
  ["status", "phase"], // Workflow
] as const;

const MESSAGES = [
  ["status", "applicationState", "errorMessage"],
  ["status", "message"],
] as const;

/** A state that no other state follows. */
const TERMINAL = /fail|succe|complete|error/i;

const firstText = (object: Json, paths: readonly (readonly string[])[]): string | undefined =>
  paths.map((path) => textOf(at(object, ...path))).find((text) => text !== undefined);

/** An object may have several words for its state. One that is terminal counts before one that an update has left behind. */
function stateOf(object: Json): string | undefined {
  const states = STATES.map((path) => textOf(at(object, ...path))).filter((text) => text !== undefined);
  return states.find((state) => TERMINAL.test(state)) ?? states[0];
}

/** What a Job, JobSet, PyTorchJob, MPIJob, RayJob, SparkApplication, Workflow or Workload says. */
export function readOwner(object: Json): OwnerFacts {
  const count = (name: string): number => numberOf(at(object, "status", name)) ?? 0;
  return known({
    kind: textOf(at(object, "kind")) ?? "Job",
    conditions: conditionsOf(object),
    state: stateOf(object),
    reason: textOf(at(object, "status", "reason")),
    message: firstText(object, MESSAGES),
    isSuspended: booleanOf(at(object, "spec", "suspend")) ?? false,
    active: count("active"),
    succeeded: count("succeeded"),
    failed: count("failed"),
    completions: numberOf(at(object, "spec", "completions")),
  }) as OwnerFacts;
}
