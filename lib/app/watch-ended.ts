import { endOfPod, type FailedPod, failedStartOf, type PodEnd } from "../core/pod-ending.ts";
import { isLeftOpen, takenBy } from "../core/pod-surroundings.ts";
import { isClaimed } from "../core/run.ts";
import type { Cluster, SeenPod } from "../ports/clusters.ts";
import type { Claims } from "../wire/credentials.ts";
import { POD_UID, runNamed } from "../wire/pods.ts";
import type { App } from "./app.ts";
import { finish } from "./finish.ts";
import { attemptOf, claimFor, isMadeFor, mayHold, targetAt, unlist } from "./pods.ts";
import { reap } from "./reap.ts";
import { noticeOfRunner } from "./runner-notice.ts";
import type { WatchCounts } from "./watch-counts.ts";

/** An attempt, and whether nobody has claimed it, or nobody can see how it goes but its cluster. */
type Found = { readonly attempt: Claims; readonly isUnclaimed: boolean; readonly isAlone: boolean };

/**
 * The attempt that this very pod holds, or was made for. `waiting`: it is too new. `other`: it is no attempt of ours.
 */
async function foundFor(app: App, cluster: Cluster, pod: SeenPod): Promise<Found | "waiting" | "other"> {
  const run = runNamed(pod.facts);
  if (run === undefined) return "other";
  const registration = await app.specs.read(run, app.clock.now());
  if (registration === undefined) return "other";
  const seen = await app.runs.read(registration);
  if (seen === undefined) return "other";
  const attempt = attemptOf(seen);
  const target = targetAt(registration, cluster, { ...pod, ...pod.facts });
  const isAlone = target?.agent === "none";
  if (seen.state === "queued" && isAlone && mayHold(pod.facts, seen)) {
    // It has ended between two looks.
    const isHeld = await claimFor(app, cluster, { ...pod, ...pod.facts }, seen, pod.node);
    return isHeld ? { attempt, isUnclaimed: false, isAlone } : "waiting";
  }
  if (seen.state === "queued" && target !== undefined && isMadeFor(pod.facts, seen))
    return { attempt, isUnclaimed: true, isAlone };
  if (!isClaimed(seen)) return "other";
  const line = await app.ledger.read(run, seen.fence);
  if (line?.claim === undefined) return "waiting";
  // Two pods may have had one ticket. Only the one that was let in holds the attempt.
  return line.claim.holder[POD_UID] === pod.uid ? { attempt, isUnclaimed: false, isAlone } : "other";
}

/** What a look at a pod has led to, as it is counted. */
export type Became = Extract<keyof WatchCounts, "reported" | "gone" | "told" | "waiting" | "other">;

/** What the end of a pod does to the attempt that it holds. */
export async function lookAtEnded(app: App, cluster: Cluster, pod: SeenPod): Promise<Became> {
  const found = await foundFor(app, cluster, pod);
  if (typeof found === "string") return found;
  const { attempt, isUnclaimed, isAlone } = found;
  const node = pod.node === undefined ? undefined : ((await cluster.node(pod.node)) ?? GONE);
  const now = app.clock.now();
  if (isUnclaimed) return failStart(app, attempt, failedStartOf(pod.uid, pod.facts, node, now));
  const seen = endOfPod(pod.uid, pod.facts, node, now, isAlone);
  const taken = isLeftOpen(seen, pod.facts) ? await whoTook(app, cluster, pod, seen) : undefined;
  const end = taken === undefined ? seen : endOfPod(pod.uid, pod.facts, node, now, isAlone, taken);
  switch (end.kind) {
    case "nothing":
      return isAlone ? "waiting" : "other";
    case "report":
      await finish(app, attempt, end.report);
      if (isAlone) await unlist(app, cluster, attempt);
      return "reported";
    case "told":
      await noticeOfRunner(app, attempt, end.evidence);
      // Without an agent there is no lease to wait for: the end of its node has to be seen.
      return isAlone ? "waiting" : "told";
    case "gone": {
      await app.ledger.hear(attempt.run, attempt.fence, end.evidence);
      const { kind } = await reap(app, attempt, { fence: attempt.fence, evidence: end.evidence });
      // An attempt that was claimed within the last second is spared once more.
      if (kind !== "reaped") return "waiting";
      if (isAlone) await unlist(app, cluster, attempt);
      return "gone";
    }
  }
}

/** Who took a pod that does not say it itself. A cluster that does not answer this costs a reason, and no verdict. */
async function whoTook(app: App, cluster: Cluster, pod: SeenPod, end: PodEnd): Promise<string | undefined> {
  try {
    return takenBy(end, pod.facts, await cluster.around(pod), app.clock.now());
  } catch (error) {
    app.log.write({ decision: "surroundings-silent", host: `${cluster.name}/${pod.name}`, error: String(error) });
    return undefined;
  }
}

/** A node that the API server does not have any more. */
const GONE = { exists: false, conditions: [], taints: [] } as const;

/** An attempt whose pod has ended without a claim is not waited for any more. */
async function failStart(
  app: App,
  { run, shard, fence }: Claims,
  failed: FailedPod | undefined,
): Promise<"gone" | "other"> {
  if (failed === undefined) return "other";
  const { cause, evidence } = failed;
  const { kind } = await reap(app, { run, shard }, { fence, evidence, failedStart: cause });
  return kind === "reaped" ? "gone" : "other";
}
