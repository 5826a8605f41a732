import type { Size } from "../../core/spec.ts";
import { at, list, type Manifest } from "./template.ts";

/** The labels with which node groups of EKS and Karpenter say that a node is a spot instance. */
const SPOT = { "karpenter.sh/capacity-type": "spot", "eks.amazonaws.com/capacityType": "SPOT" } as const;

const NOT_SPOT: readonly Manifest[] = Object.entries(SPOT).map(([key, value]) => ({
  key,
  operator: "NotIn",
  values: [value],
}));

/**
 * The spec of a pod that runs on no spot instance. The terms of a node selector are alternatives, so the requirement is
 * added to each. A node without either label counts as on demand.
 */
export function onDemand(spec: Manifest): Manifest {
  const affinity = at(spec, "affinity");
  const node = at(affinity, "nodeAffinity");
  const required = at(node, "requiredDuringSchedulingIgnoredDuringExecution");
  const terms = list(required, "nodeSelectorTerms");
  const nodeSelectorTerms = (terms.length === 0 ? [{}] : terms).map((term) => ({
    ...term,
    matchExpressions: [...list(term, "matchExpressions"), ...NOT_SPOT],
  }));
  const nodeSelector = Object.fromEntries(
    Object.entries(at(spec, "nodeSelector")).filter(([key]) => !Object.hasOwn(SPOT, key)),
  );
  return {
    ...spec,
    nodeSelector,
    affinity: {
      ...affinity,
      nodeAffinity: { ...node, requiredDuringSchedulingIgnoredDuringExecution: { ...required, nodeSelectorTerms } },
    },
  };
}

/** The spec of a pod with a container of this size: requests and limits alike, so that nothing is overcommitted. */
export function sized(spec: Manifest, container: string, { cpu, memory, nodeSelector }: Size): Manifest {
  const amounts = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  const containers = list(spec, "containers").map((each) =>
    each["name"] !== container
      ? each
      : {
          ...each,
          resources: {
            ...at(each, "resources"),
            requests: { ...at(at(each, "resources"), "requests"), ...amounts },
            limits: { ...at(at(each, "resources"), "limits"), ...amounts },
          },
        },
  );
  return { ...spec, containers, nodeSelector: { ...at(spec, "nodeSelector"), ...nodeSelector } };
}

/** The size of an attempt, after `outOfMemory` attempts that had too little: the largest is the last. */
export const sizeFor = (sizes: readonly Size[], outOfMemory: number): Size | undefined =>
  sizes[Math.min(outOfMemory, sizes.length - 1)];
