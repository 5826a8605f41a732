import { readPod } from "../../lib/evidence/kubernetes/pod.ts";
import type { SeenPod } from "../../lib/ports/clusters.ts";
import type { JobCluster, SeenJob } from "../../lib/ports/jobs.ts";

type Fields = Readonly<Record<string, unknown>>;
type Made = { readonly manifest: Fields; job: SeenJob };

/** The Jobs of a cluster in memory. A Job has one pod, whose status the test sets. */
export type TestJobs = JobCluster & {
  readonly made: Map<string, Made>;
  readonly secrets: Map<string, Fields>;
  readonly removed: string[];
  /** The status of the pod of a Job, and the time of its deletion. */
  setPod(name: string, status: Fields | undefined, deletionTimestamp?: string): void;
  /** The Job has ended. */
  setOver(name: string): void;
  /** A queue lets the Job wait: it has no pod. */
  setSuspended(name: string): void;
  /** A pod that no Job of ours has made. */
  addPod(name: string, labels: Texts, status: Fields): void;
  refusal: Error | undefined;
};

const at = (value: Fields, name: string): Fields => (value[name] ?? {}) as Fields;
type Texts = Record<string, string>;
const labelsOf = (manifest: Fields): Texts => at(at(manifest, "metadata"), "labels") as Texts;
const annotationsOf = (manifest: Fields): Texts => at(at(manifest, "metadata"), "annotations") as Texts;
const nameOf = (manifest: object): string => String(at(manifest as Fields, "metadata")["name"]);

export function testJobs(): TestJobs {
  const made = new Map<string, Made>();
  const secrets = new Map<string, Fields>();
  const pods = new Map<string, { status: Fields; deletionTimestamp?: string }>();
  const removed: string[] = [];
  let uids = 0;
  const jobs: TestJobs = {
    made,
    secrets,
    removed,
    refusal: undefined,
    setPod: (name, status, deletionTimestamp) => {
      if (status === undefined) pods.delete(name);
      else pods.set(name, { status, ...(deletionTimestamp !== undefined && { deletionTimestamp }) });
    },
    setOver: (name) => {
      const found = made.get(name);
      if (found !== undefined) found.job = { ...found.job, isOver: true };
    },
    setSuspended: (name) => {
      const found = made.get(name);
      if (found !== undefined) found.job = { ...found.job, isSuspended: true };
      pods.delete(name);
    },
    addPod: (name, labels, status) => {
      seenLabels.set(name, labels);
      pods.set(name, { status });
    },
    create: async (manifest) => {
      if (jobs.refusal !== undefined) throw jobs.refusal;
      const name = nameOf(manifest);
      if (made.has(name)) return "exists";
      uids += 1;
      const fields = manifest as Fields;
      const [labels, annotations] = [labelsOf(fields), annotationsOf(fields)];
      const job: SeenJob = { name, uid: `uid-${uids}`, labels, annotations, isOver: false, isSuspended: false };
      made.set(name, { manifest: manifest as Fields, job });
      pods.set(name, { status: { phase: "Pending" } });
      return job;
    },
    createSecret: async (secret) => {
      if (!secrets.has(nameOf(secret))) secrets.set(nameOf(secret), secret as Fields);
    },
    read: async (_, name) => made.get(name)?.job,
    remove: async (_, name, uid) => {
      if (made.get(name)?.job.uid !== uid) return;
      removed.push(name);
      made.delete(name);
      const pod = pods.get(name);
      if (pod !== undefined) pods.set(name, { ...pod, deletionTimestamp: "2026-11-22T12:01:00Z" });
    },
    jobs: async (_, selector) => {
      const wanted = selector.split(",").map((each) => each.split("=") as [string, string]);
      return [...made.values()]
        .map(({ job }) => job)
        .filter(({ labels }) => wanted.every(([key, value]) => labels[key] === value));
    },
    pods: async (namespace, selector) => {
      const wanted = selector.split(",").map((each) => each.split("=") as [string, string]);
      return [...pods].flatMap(([name, { status, deletionTimestamp }]): SeenPod[] => {
        const labels = seenLabels.get(name) ?? {};
        const isWanted = wanted.every(([key, value]) => labels[key] === value);
        const facts = readPod({ kind: "Pod", metadata: { labels, deletionTimestamp }, status });
        return isWanted ? [{ uid: `pod-${name}`, namespace, name, facts }] : [];
      });
    },
  };
  // The pods of a Job that was removed keep its labels.
  const seenLabels = new Map<string, Record<string, string>>();
  const create = jobs.create;
  return Object.assign(jobs, {
    create: async (manifest: object) => {
      seenLabels.set(nameOf(manifest), labelsOf(manifest as Fields));
      return create(manifest);
    },
  });
}
