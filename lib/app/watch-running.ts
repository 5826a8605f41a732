import { paceOf } from "../core/lease.ts";
import { isClaimed, type Run } from "../core/run.ts";
import { type Span, seconds } from "../core/time.ts";
import type { Cluster, RunningPod } from "../ports/clusters.ts";
import { runNamed } from "../wire/pods.ts";
import type { App } from "./app.ts";
import { beat } from "./beat.ts";
import { attemptOf, claimFor, holderOf, mayHold, targetAt } from "./pods.ts";
import type { WatchCounts } from "./watch-counts.ts";

/*
 * Pods without an agent. That they run is their beat; nobody but their cluster stops them.
 */

type Counts = Pick<WatchCounts, "claimed" | "beaten" | "stopped">;

/** A pod that is none of ours is not asked about with each look. Its owner may register its run later. */
const STRANGER: Span = seconds(60);
/** A pod that is told to end has its grace. */
const STOPPING: Span = seconds(60);
/** The next look at the cluster. */
const SOON: Span = seconds(0);

/** How long a pod need not be looked at, and whether it holds the attempt that it names. */
type Looked = { readonly pause: Span; readonly holds: boolean };

const holds = (pause: Span): Looked => ({ pause, holds: true });
const other = (pause: Span): Looked => ({ pause, holds: false });

/**
 * What one running pod says. `isNew`: this process has not looked at it yet, so its claim may have been cut off half way.
 */
export async function lookAtRunning(
  app: App,
  cluster: Cluster,
  pod: RunningPod,
  isNew: boolean,
  counts: Counts,
): Promise<Looked> {
  const run = runNamed(pod);
  const now = app.clock.now();
  const registration = run === undefined ? undefined : await app.specs.read(run, now);
  if (registration === undefined || targetAt(registration, cluster, pod)?.agent !== "none") return other(STRANGER);
  const seen = await app.runs.read(registration);
  const claims = async (queued: Run): Promise<boolean> => {
    const whole = await cluster.pod(pod.namespace, pod.name);
    return whole?.uid === pod.uid && (await claimFor(app, cluster, pod, queued, whole.node));
  };
  if (seen?.state === "queued" && mayHold(pod, seen)) {
    if (!(await claims(seen))) return other(SOON);
    counts.claimed += 1;
    return holds(paceOf(seen.lease).interval);
  }
  if (seen !== undefined && isClaimed(seen) && seen.holder === holderOf(pod)) {
    if (isNew) await claims(seen);
    const reply = await beat(app, attemptOf(seen));
    if (reply.kind === "renewed" && reply.directive !== "stop") {
      counts.beaten += 1;
      return holds(paceOf(seen.lease).interval);
    }
  } else if (seen !== undefined && seen.state !== "ended" && mayHold(pod, seen)) return other(STRANGER); // another pod holds it
  // Its attempt is over, was canceled, or has a successor that waits for it.
  if (await cluster.stop(pod)) counts.stopped += 1;
  return other(STOPPING);
}
