import { createHash } from "node:crypto";
import { FENCE_LABEL } from "../core/classify/frameworks.ts";
import type { Run, RunKey } from "../core/run.ts";
import type { JobTarget, Registration } from "../core/spec.ts";
import type { Cluster } from "../ports/clusters.ts";
import type { Claims } from "../wire/credentials.ts";
import { type Labelled, POD_UID } from "../wire/pods.ts";
import type { App } from "./app.ts";
import { claim } from "./claim.ts";
import { lineExpiryOf } from "./retention.ts";

/** A pod, as far as it can hold an attempt. */
type Pod = Labelled & { readonly uid: string; readonly namespace: string; readonly name: string };

/** The attempt that a run is in. */
export const attemptOf = ({ run, shard, attempt, fence, lease }: Run): Claims => ({
  run,
  shard,
  attempt,
  fence,
  lease,
});

/** The target of the run, if the pod is where that says. Anybody who may make pods may copy labels. */
export function targetAt({ spec }: Registration, cluster: Cluster, { namespace }: Pod): JobTarget | undefined {
  const { target } = spec;
  return target.kind === "job" && target.cluster === cluster.name && target.namespace === namespace
    ? target
    : undefined;
}

/** Whether Lastbeat has made the pod for the attempt that the run is in. */
export const isMadeFor = ({ labels }: Labelled, { fence }: Run): boolean => labels[FENCE_LABEL] === String(fence);

/** A pod that its owner has made is of the first attempt. */
const isOfOwner = ({ labels }: Labelled, { attempt }: Run): boolean =>
  labels[FENCE_LABEL] === undefined && attempt === 1;

/** Whether the pod may hold the attempt that the run is in, if it has no agent. */
export const mayHold = (pod: Labelled, run: Run): boolean => isMadeFor(pod, run) || isOfOwner(pod, run);

/** The holder of an attempt whose pod has no agent: 32 hex digits that only this pod has. */
export const holderOf = ({ uid }: Pick<Pod, "uid">): string =>
  createHash("sha256").update(uid).digest("hex").slice(0, 32);

/**
 * Where attempts in a cluster are listed, as attempts on a host are: those without an agent, and those that missed a beat.
 * No host's name begins so.
 */
export const watchedIn = ({ name }: Pick<Cluster, "name">): string => `~cluster/${name}`;

/** The attempt is over, or was never this one: nobody has to look for its pod. */
export const unlist = (app: App, cluster: Cluster, entry: RunKey & Pick<Claims, "fence">): Promise<void> =>
  app.hosts.leave(watchedIn(cluster), entry);

/**
 * Claims the attempt for its pod, which has no agent and runs, or has run. It is listed first: after a crash between the
 * two somebody looks for a pod in vain, and otherwise nobody would look for one that is gone.
 */
export async function claimFor(app: App, cluster: Cluster, pod: Pod, run: Run, node?: string): Promise<boolean> {
  const attempt = attemptOf(run);
  const now = app.clock.now();
  await app.hosts.enter(watchedIn(cluster), { ...attempt, at: now }, lineExpiryOf(app, now));
  const instance = node === undefined ? undefined : (await cluster.node(node))?.instance;
  const holder = {
    id: holderOf(pod),
    cluster: cluster.name,
    namespace: pod.namespace,
    pod: pod.name,
    [POD_UID]: pod.uid,
    ...(node !== undefined && { node }),
    ...(instance !== undefined && { host: instance }),
  };
  return (await claim(app, attempt, holder, true)).reply.kind === "claimed";
}
