import { endOfPod, type FailedPod, failedStartOf } from "../core/pod-ending.ts";
import { isClaimed } from "../core/run.ts";
import { after, type Instant } from "../core/time.ts";
import type { Cluster, SeenPod } from "../ports/clusters.ts";
import type { Claims } from "../wire/credentials.ts";
import { FENCE_LABEL, type Labelled, POD_UID, runNamed } from "../wire/pods.ts";
import type { App } from "./app.ts";
import { finish } from "./finish.ts";
import { attemptOf, claimFor, isMadeFor, mayHold, targetAt, unlist, watchedIn } from "./pods.ts";
import { reap } from "./reap.ts";
import { noticeOfRunner } from "./runner-notice.ts";
import { visitAll } from "./visit-all.ts";
import { CLUSTER_SILENT, NOTHING_SEEN, WATCHED, type WatchCounts } from "./watch-counts.ts";
import { lookAtRunning, lookForVanished } from "./watch-running.ts";

/**
 * What a process remembers of its looks at a cluster, by the uids of pods: those that were seen to end and need no second
 * look, and when each one that runs without an agent is looked at again.
 */
export type Watched = { readonly ended: Set<string>; readonly running: Map<string, Instant> };

export const nothingWatched = (): Watched => ({ ended: new Set(), running: new Map() });

/** Each pod takes about six requests of 5 ms. */
const AT_ONCE = 16;

/**
 * One look at a cluster: what its pods say about their attempts. It is safe to look again: a pod that was seen twice says
 * nothing new. A pod that fails does not delay the others. Throws if the cluster does not answer: that says nothing about
 * any pod.
 */
export async function watch(app: App, cluster: Cluster, watched: Watched, until: Instant): Promise<WatchCounts> {
  // In this order: what is listed first and has no pod in the lists after it is gone.
  const listed = await app.hosts.entries(watchedIn(cluster), app.clock.now());
  const running = await cluster.runningPods();
  const ended = await cluster.endedPods();
  forget(watched, ended, running);
  const fresh = ended.filter(({ uid }) => !watched.ended.has(uid));
  const counts = {
    ...NOTHING_SEEN,
    ended: ended.length,
    known: ended.length - fresh.length,
    running: running.length,
  };
  const isInTime = (): boolean => app.clock.now() < until;
  const failures = await visitAll(
    fresh,
    AT_ONCE,
    async (pod) => {
      const became = await lookAtEnded(app, cluster, pod);
      counts[became] += 1;
      if (became !== "waiting") watched.ended.add(pod.uid);
    },
    isInTime,
  );
  // A pod that ended between the two lists is in both, and has been looked at.
  const over = new Set(ended.map(({ uid }) => uid));
  const due = running.filter(({ uid }) => !over.has(uid) && (watched.running.get(uid) ?? 0) <= app.clock.now());
  const unseen = await visitAll(
    due,
    AT_ONCE,
    async (pod) => {
      const pause = await lookAtRunning(app, cluster, pod, !watched.running.has(pod.uid), counts);
      watched.running.set(pod.uid, after(app.clock.now(), pause));
    },
    isInTime,
  );
  const there = new Set([...running, ...ended.map(({ facts }) => facts)].map(attemptNamed));
  const owned = new Set(running.filter(({ labels }) => labels[FENCE_LABEL] === undefined).map(runNamed));
  const vanished = listed.filter(({ run, fence }) => !there.has(`${run} ${fence}`) && !owned.has(run));
  const unclear = await visitAll(vanished, AT_ONCE, (entry) => lookForVanished(app, cluster, entry, counts), isInTime);
  const failed = [
    ...[...failures, ...unseen].map(({ one, error }) => ({ name: `${one.namespace}/${one.name}`, error })),
    ...unclear.map(({ one, error }) => ({ name: one.run, error })),
  ];
  counts.failed = failed.length;
  for (const { name, error } of failed)
    app.log.write({ decision: "pod-failed", host: `${cluster.name}/${name}`, error: String(error) });
  app.log.write({ decision: WATCHED, host: cluster.name, counts });
  return counts;
}

const attemptNamed = (pod: Labelled): string => `${runNamed(pod)} ${pod.labels[FENCE_LABEL]}`;

/** Clusters are few, and each waits for its own server. */
const CLUSTERS_AT_ONCE = 8;

/**
 * One look at each cluster. A cluster that does not answer changes nothing, delays no other, and is said.
 */
export async function watchAll(
  app: App,
  clusters: readonly { readonly cluster: Cluster; readonly watched: Watched }[],
  until: Instant,
): Promise<void> {
  await visitAll(clusters, CLUSTERS_AT_ONCE, async ({ cluster, watched }) => {
    try {
      await watch(app, cluster, watched, until);
    } catch (error) {
      app.log.write({ decision: CLUSTER_SILENT, host: cluster.name, error: String(error) });
    }
  });
}

type Named = { readonly uid: string };

/** Pods that the cluster no longer lists are gone for good: their uids never come again. */
function forget(watched: Watched, ended: readonly Named[], running: readonly Named[]): void {
  const uidsOf = (pods: readonly Named[]): Set<string> => new Set(pods.map(({ uid }) => uid));
  const [left, alive] = [uidsOf(ended), uidsOf(running)];
  for (const uid of watched.ended) if (!left.has(uid)) watched.ended.delete(uid);
  for (const uid of watched.running.keys()) if (!alive.has(uid)) watched.running.delete(uid);
}

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

/** What the end of a pod does to the attempt that it holds. */
async function lookAtEnded(app: App, cluster: Cluster, pod: SeenPod): Promise<keyof WatchCounts> {
  const found = await foundFor(app, cluster, pod);
  if (typeof found === "string") return found;
  const { attempt, isUnclaimed, isAlone } = found;
  const node = pod.node === undefined ? undefined : ((await cluster.node(pod.node)) ?? GONE);
  const now = app.clock.now();
  if (isUnclaimed) return failStart(app, attempt, failedStartOf(pod.uid, pod.facts, node, now));
  const end = endOfPod(pod.uid, pod.facts, node, now, isAlone);
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
