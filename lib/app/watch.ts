import { FENCE_LABEL } from "../core/classify/frameworks.ts";
import { after, type Instant } from "../core/time.ts";
import type { Cluster } from "../ports/clusters.ts";
import { type Labelled, runNamed } from "../wire/pods.ts";
import type { App } from "./app.ts";
import { watchedIn } from "./pods.ts";
import { visitAll } from "./visit-all.ts";
import { CLUSTER_SILENT, NOTHING_SEEN, WATCHED, type WatchCounts } from "./watch-counts.ts";
import { lookAtEnded } from "./watch-ended.ts";
import { lookForListed } from "./watch-listed.ts";
import { lookAtRunning } from "./watch-running.ts";

/**
 * What a process remembers of its looks at a cluster, by the uids of pods: those that were seen to end and need no second
 * look, and those that run without an agent: when each is looked at again, and whether it holds the attempt that it names.
 */
export type Watched = {
  readonly ended: Set<string>;
  readonly running: Map<string, { readonly again: Instant; readonly holds: boolean }>;
};

export const nothingWatched = (): Watched => ({ ended: new Set(), running: new Map() });

/** Each pod takes about six requests of 5 ms. */
const AT_ONCE = 16;

/**
 * One look at a cluster: what its pods say about their attempts. It is safe to look again: a pod that was seen twice says
 * nothing new. A pod that fails does not delay the others. Throws if the cluster does not answer: that says nothing about
 * any pod.
 */
export async function watch(app: App, asked: Cluster, watched: Watched, until: Instant): Promise<WatchCounts> {
  const cluster = impatient(asked);
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
  /** Attempts whose pods this look has found ended. */
  const overNow = new Set<string>();
  const failures = await visitAll(
    fresh,
    AT_ONCE,
    async (pod) => {
      const became = await lookAtEnded(app, cluster, pod);
      counts[became] += 1;
      if (became !== "other") overNow.add(attemptNamed(pod.facts));
      if (became !== "waiting") watched.ended.add(pod.uid);
    },
    isInTime,
  );
  // A pod that ended between the two lists is in both, and has been looked at.
  const over = new Set(ended.map(({ uid }) => uid));
  const due = running.filter(({ uid }) => !over.has(uid) && (watched.running.get(uid)?.again ?? 0) <= app.clock.now());
  const unseen = await visitAll(
    due,
    AT_ONCE,
    async (pod) => {
      const { pause, holds } = await lookAtRunning(app, cluster, pod, !watched.running.has(pod.uid), counts);
      watched.running.set(pod.uid, { again: after(app.clock.now(), pause), holds });
    },
    isInTime,
  );
  // An attempt whose pod was just seen need not be looked for. Labels can be copied, and a queue such as Kueue resumes a Job
  // with a second pod: so only a pod that holds its attempt counts, and one that could not be looked at yet.
  const holding = running.filter(({ uid }) => watched.running.get(uid)?.holds ?? true);
  const there = new Set([...overNow, ...holding.map(attemptNamed)]);
  const owned = new Set(holding.filter(({ labels }) => labels[FENCE_LABEL] === undefined).map(runNamed));
  const sought = listed.filter(({ run, fence }) => !there.has(`${run} ${fence}`) && !owned.has(run));
  const unclear = await visitAll(sought, AT_ONCE, (entry) => lookForListed(app, cluster, entry, counts), isInTime);
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

/** The same cluster. What it did not answer about the surroundings of one pod, it is not asked about others in this look. */
function impatient(cluster: Cluster): Cluster {
  let failure: { readonly error: unknown } | undefined;
  const around: Cluster["around"] = async (pod) => {
    if (failure !== undefined) throw failure.error;
    try {
      return await cluster.around(pod);
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  return { ...cluster, around };
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
