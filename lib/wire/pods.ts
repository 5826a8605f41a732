import { ID } from "./ids.ts";

/**
 * The label of a pod that belongs to a run. Its value is the id of the run; where a label cannot hold the id, an
 * annotation of the same name does.
 */
export const POD_LABEL = "lastbeat.dev/run";

/** What has labels and annotations: a pod, a Job. */
export type Labelled = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

/** The id of the run that it belongs to; undefined if it is none of ours. */
export function runNamed({ labels, annotations }: Labelled): string | undefined {
  const run = annotations[POD_LABEL] ?? labels[POD_LABEL];
  return run !== undefined && ID.test(run) ? run : undefined;
}

/** The label that names who has made an object; ours have `lastbeat`. */
export const MANAGED_BY = "app.kubernetes.io/managed-by";

/** With the value `none`: the pod has no agent, and its life takes the place of beats. */
export const AGENT_LABEL = "lastbeat.dev/agent";

/** The fact of a holder that names its pod by uid: a name may be used again, a uid never is. */
export const POD_UID = "podUid";
