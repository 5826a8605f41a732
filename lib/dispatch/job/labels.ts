import { FENCE_LABEL } from "../../core/classify/frameworks.ts";
import { type Labelled, MANAGED_BY, POD_LABEL } from "../../wire/pods.ts";
import { runLabel } from "./names.ts";

/** The labels that name an attempt. The fence tells apart the attempts of a run id that is used again. */
const ATTEMPT_LABEL = "lastbeat.dev/attempt";
export const TEMPLATE = "lastbeat.dev/template";

type Attempt = { readonly run: string; readonly attempt: number; readonly fence: number };

/** The labels of the Job, the pod and the Secret of an attempt. */
export const labelsOf = ({ run, attempt, fence }: Attempt): Readonly<Record<string, string>> => ({
  [POD_LABEL]: runLabel(run),
  [ATTEMPT_LABEL]: String(attempt),
  [FENCE_LABEL]: String(fence),
  [MANAGED_BY]: "lastbeat",
});

/** Selects what belongs to a run. Ids of which a label holds a part only are told apart by the annotation. */
export const selectorOf = (run: string): string => `${POD_LABEL}=${runLabel(run)}`;

/** The fence of the attempt that a Job or a pod was made for; undefined if Lastbeat has not made it. */
export function fenceOf({ labels }: Labelled): number | undefined {
  const fence = labels[FENCE_LABEL];
  return fence === undefined || !/^\d{1,15}$/.test(fence) ? undefined : Number(fence);
}

/** The annotation with the id of the run, which a label cannot always hold. */
export const annotationsOf = ({ run }: Pick<Attempt, "run">): Readonly<Record<string, string>> => ({
  [POD_LABEL]: run,
});
