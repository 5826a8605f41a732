import { CLUSTER } from "../core/pod-ending.ts";
import { type ClaimedRun, isClaimed, type Run } from "../core/run.ts";
import { after, type Instant, type Span, seconds } from "../core/time.ts";
import type { Cluster } from "../ports/clusters.ts";
import type { HostEntry } from "../ports/hosts.ts";
import { POD_UID } from "../wire/pods.ts";
import type { App } from "./app.ts";
import { attemptOf, unlist } from "./pods.ts";
import { reap } from "./reap.ts";
import { noticeOfRunner } from "./runner-notice.ts";
import { isSuspect } from "./suspicion.ts";
import type { WatchCounts } from "./watch-counts.ts";
import { lookAtEnded } from "./watch-ended.ts";

/*
 * Attempts that are listed under their cluster: those without an agent, and those that missed a beat. The pods of those
 * here were in no list of what runs without an agent, or has ended.
 */

/** A claim that was begun this long ago has been written, or never will be: no Lambda runs for so long. */
const CLAIMED_BY_NOW: Span = seconds(120);

export async function lookForListed(app: App, cluster: Cluster, entry: HostEntry, counts: WatchCounts): Promise<void> {
  const seen = await app.runs.read(entry);
  if (seen?.fence !== entry.fence) return unlist(app, cluster, entry);
  if (seen.state === "queued" || (isClaimed(seen) && seen.isWatched === true))
    return lookForVanished(app, cluster, entry, seen, counts);
  if (isClaimed(seen)) return lookAtSuspect(app, cluster, entry, seen, counts);
  return unlist(app, cluster, entry);
}

/** Where the pod of an attempt is, as its claim has said. Both names are empty if its agent does not know them. */
async function podOf(app: App, { run, fence }: HostEntry): Promise<{ uid?: string; namespace: string; name: string }> {
  const { [POD_UID]: uid, pod = "", namespace = "" } = (await app.ledger.read(run, fence))?.claim?.holder ?? {};
  return { ...(uid !== undefined && { uid }), namespace, name: pod };
}

/** What ends by itself stays listed until its Job expires. So somebody has deleted a pod that is gone. */
const deleted = ({ uid, namespace, name }: { uid: string; namespace: string; name: string }) =>
  ({
    id: `pod-${uid}`,
    source: CLUSTER,
    kind: "pod-evicted",
    note: name === "" ? "its pod was deleted" : `the pod ${namespace}/${name} was deleted`,
  }) as const;

/**
 * An attempt without an agent. It was listed before the pods were, so its pod was there, and is gone. It is asked for by
 * its name once more.
 */
async function lookForVanished(
  app: App,
  cluster: Cluster,
  entry: HostEntry,
  seen: Run,
  counts: WatchCounts,
): Promise<void> {
  const { run, fence } = entry;
  const { uid, namespace, name } = await podOf(app, entry);
  const now = app.clock.now();
  if (uid === undefined && (seen.state === "queued" || after(entry.at, CLAIMED_BY_NOW) > now)) return;
  if (uid !== undefined && (await cluster.pod(namespace, name))?.uid === uid) return;
  const evidence = { ...deleted({ uid: uid ?? String(fence), namespace, name }), at: now, goneAt: now };
  await app.ledger.hear(run, fence, evidence);
  if ((await reap(app, entry, { fence, evidence })).kind !== "reaped") return;
  counts.gone += 1;
  await unlist(app, cluster, entry);
}

/** Whether Lastbeat has made the pod of the attempt that the run is in, or was asked to. */
async function isOurs(app: App, { run, attempt }: Run, now: Instant): Promise<boolean> {
  return attempt > 1 || (await app.specs.read(run, now))?.spec.start === "dispatch";
}

/**
 * An attempt with an agent that has missed a beat. Its pod may show an end that no list shows, because other containers of
 * it run on. A pod that is gone announces the successor, and proves nothing: its processes may run on behind a broken
 * network (docs/decisions/0027-a-cluster-proves-only-what-a-kubelet-saw.md).
 */
async function lookAtSuspect(
  app: App,
  cluster: Cluster,
  entry: HostEntry,
  seen: ClaimedRun,
  counts: WatchCounts,
): Promise<void> {
  const now = app.clock.now();
  const { uid, namespace, name } = await podOf(app, entry);
  if (!isSuspect(seen, now) || uid === undefined || name === "" || namespace === "") return unlist(app, cluster, entry);
  const found = await cluster.pod(namespace, name);
  if (found?.uid !== uid) {
    // Its owner may have started the first attempt in another cluster.
    if (!(await isOurs(app, seen, now))) return unlist(app, cluster, entry);
    await noticeOfRunner(app, attemptOf(seen), { ...deleted({ uid, namespace, name }), at: now });
    counts.told += 1;
    return unlist(app, cluster, entry);
  }
  const became = await lookAtEnded(app, cluster, found);
  if (became === "waiting" || became === "other") return;
  counts[became] += 1;
  await unlist(app, cluster, entry);
}
