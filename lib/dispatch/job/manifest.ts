import { FENCE_LABEL, standsBeside } from "../../core/classify/frameworks.ts";
import type { JobTarget } from "../../core/spec.ts";
import type { Requeue } from "../../ports/dispatch.ts";
import { AGENT_LABEL } from "../../wire/pods.ts";
import { type AgentSettings, ticketData, withAgent } from "./agent.ts";
import { onDemand, sized, sizeFor } from "./capacity.ts";
import { annotationsOf, labelsOf, TEMPLATE } from "./labels.ts";
import { jobName } from "./names.ts";
import { at, cleaned, list, type Manifest } from "./template.ts";

/** An hour for people who look what happened; after that the Job and its pod go by themselves. */
const KEPT_SECONDS = 3600;
/** The end of a pod has to be listed until a look at the cluster has found it: one comes every ten seconds. */
const LEAST_KEPT_SECONDS = 300;
/** A pod has to outlast its drain: 90 s without a deadline, and the time that its agent needs to report. */
const GRACE_SECONDS = 120;

/** The annotation that names the container that does the work. */
const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/** The container that does the work: the one that an annotation names, else the first that is no proxy. */
function containerOf(pod: Manifest): string {
  const named = at(at(pod, "metadata"), "annotations")[DEFAULT_CONTAINER];
  if (typeof named === "string") return named;
  const names = list(at(pod, "spec"), "containers").map(({ name }) => String(name));
  return names.find((name) => !standsBeside(name)) ?? String(names[0]);
}

/** Lastbeat has made the Job or the pod, so its agent is in there already. */
const isMadeByUs = (template: Manifest): boolean => FENCE_LABEL in at(at(template, "metadata"), "labels");

/** Why no Job can be made of this template; undefined if one can. */
export function wrongWith(
  template: Manifest,
  { agent = "exec" }: Partial<Pick<JobTarget, "agent">>,
): string | undefined {
  const clean = cleaned(template);
  if (clean === undefined) return "the template has no container";
  if (isMadeByUs(template)) return "the template belongs to an attempt already: send the one that it was made of";
  const name = containerOf(clean.pod);
  const container = list(at(clean.pod, "spec"), "containers").find((each) => each["name"] === name);
  if (container === undefined) return `the template names the container ${name}, and has none of that name`;
  const hasCommand = Array.isArray(container["command"]) && container["command"].length > 0;
  return agent !== "exec" || hasCommand
    ? undefined
    : `the container ${name} has no command: name the one of its image, or use the agent sidecar`;
}

/** Autoscalers leave the pod where it is. They keep to it as far as they can: a reclaim, or an expiry, comes all the same. */
const STAYS = {
  "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
  "karpenter.sh/do-not-disrupt": "true",
} as const;

const wholeOr = (value: unknown, otherwise: number): number =>
  typeof value === "number" && Number.isInteger(value) ? value : otherwise;

const marked = (metadata: Manifest, requeue: Requeue, { agent }: JobTarget, more: Manifest = {}): Manifest => ({
  ...metadata,
  labels: { ...at(metadata, "labels"), ...labelsOf(requeue), ...(agent === "none" && { [AGENT_LABEL]: "none" }) },
  annotations: { ...more, ...at(metadata, "annotations"), ...annotationsOf(requeue) },
});

/**
 * The Job of one attempt. It runs one pod once: anything else that restarts it would be a second restarter. Undefined if
 * the template has no container; `wrongWith` says more.
 */
export function jobOf(
  template: Manifest,
  requeue: Requeue,
  target: JobTarget,
  agent: AgentSettings,
): Manifest | undefined {
  const clean = cleaned(template);
  if (clean === undefined) return undefined;
  const name = jobName(requeue.run, requeue.attempt);
  const container = containerOf(clean.pod);
  const size = sizeFor(target.sizes, requeue.outOfMemory);
  const podSpec = at(clean.pod, "spec");
  const given = size === undefined ? podSpec : sized(podSpec, container, size);
  const placed = requeue.capacity === "on-demand" ? onDemand(given) : given;
  const grace = wholeOr(podSpec["terminationGracePeriodSeconds"], 0);
  const kept = wholeOr(at(clean.job, "spec")["ttlSecondsAfterFinished"], KEPT_SECONDS);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      ...marked(at(clean.job, "metadata"), requeue, target, { [TEMPLATE]: target.template }),
      name,
      namespace: target.namespace,
    },
    spec: {
      ...at(clean.job, "spec"),
      ttlSecondsAfterFinished: Math.max(kept, LEAST_KEPT_SECONDS),
      completions: 1,
      parallelism: 1,
      backoffLimit: 0,
      // A pod that is ending still runs: it counts as failed when it has ended.
      podReplacementPolicy: "Failed",
      template: {
        // The classifier looks at the same container.
        metadata: marked(at(clean.pod, "metadata"), requeue, target, { ...STAYS, [DEFAULT_CONTAINER]: container }),
        spec: {
          ...withAgent(placed, container, name, target.agent, agent),
          restartPolicy: "Never",
          terminationGracePeriodSeconds: Math.max(grace, GRACE_SECONDS),
        },
      },
    },
  };
}

/** The Secret with the ticket of an attempt. It goes with its Job. */
export const secretOf = (requeue: Requeue, { namespace }: JobTarget, jobUid: string): Manifest => {
  const name = jobName(requeue.run, requeue.attempt);
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: {
      name,
      namespace,
      labels: labelsOf(requeue),
      ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid: jobUid }],
    },
    stringData: ticketData(requeue.ticket),
  };
};
