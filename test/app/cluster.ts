import type { NodeFacts, PodFacts } from "../../lib/core/classify/facts.ts";
import { FENCE_LABEL } from "../../lib/core/classify/frameworks.ts";
import type { Surroundings } from "../../lib/core/pod-surroundings.ts";
import { readPod } from "../../lib/evidence/kubernetes/pod.ts";
import type { Cluster, RunningPod, SeenPod } from "../../lib/ports/clusters.ts";
import { AGENT_LABEL, MANAGED_BY, POD_LABEL } from "../../lib/wire/pods.ts";

/** A cluster in memory: the test says which pods have ended, and what is known of nodes. */
export type TestCluster = Cluster & {
  readonly ended: SeenPod[];
  readonly running: RunningPod[];
  /** Pods with an agent that run: they are in no list, and are found by their names. */
  readonly others: SeenPod[];
  readonly nodes: Map<string, NodeFacts>;
  /** What is around the pods that have ended, by their uids. */
  readonly surroundings: Map<string, Surroundings>;
  /** The names of the Jobs that were deleted. */
  readonly stopped: string[];
  isSilent: boolean;
};

export function testCluster(): TestCluster {
  const cluster: TestCluster = {
    name: "test",
    ended: [],
    running: [],
    others: [],
    surroundings: new Map(),
    stopped: [],
    nodes: new Map(),
    isSilent: false,
    endedPods: async () => {
      if (cluster.isSilent) throw new Error("https://test does not answer");
      return cluster.ended;
    },
    runningPods: async () => cluster.running,
    pod: async (namespace, name) => {
      const alive = cluster.running.find((pod) => pod.namespace === namespace && pod.name === name);
      const over = [...cluster.ended, ...cluster.others].find(
        (pod) => pod.namespace === namespace && pod.name === name,
      );
      return alive === undefined ? over : { ...alive, node: "n1", facts: readPod({ kind: "Pod", metadata: alive }) };
    },
    stop: async ({ job }) => {
      if (job === undefined) return false;
      cluster.stopped.push(job.name);
      return true;
    },
    node: async (name) => cluster.nodes.get(name),
    around: async ({ uid }) => cluster.surroundings.get(uid) ?? { events: [], members: [] },
  };
  return cluster;
}

export type Fields = Readonly<Record<string, unknown>>;

/** A pod of the run, in the form of the API server. */
export const endedPod = (uid: string, run: string, status: Fields, more: Fields = {}): SeenPod => ({
  uid,
  namespace: "default",
  name: `pod-${uid}`,
  node: "n1",
  facts: factsOf(run, status, more),
});

const factsOf = (run: string, status: Fields, more: Fields): PodFacts =>
  readPod({ kind: "Pod", metadata: { labels: { [POD_LABEL]: run } }, ...more, status: { phase: "Failed", ...status } });

/** A pod without an agent that runs, which Lastbeat has made for an attempt, or its owner if there is no fence. */
export const runningPod = (uid: string, run: string, fence?: number): RunningPod => ({
  uid,
  namespace: "default",
  name: `pod-${uid}`,
  labels: {
    [POD_LABEL]: run,
    [AGENT_LABEL]: "none",
    ...(fence !== undefined && { [FENCE_LABEL]: String(fence), [MANAGED_BY]: "lastbeat" }),
  },
  annotations: {},
  ...(fence !== undefined && { job: { name: `job-${uid}`, uid: `job-${uid}` } }),
});

/** The status of the container that does the work, when it has ended. */
export const terminated = (exitCode: number, reason = "Error"): Fields => ({
  containerStatuses: [{ name: "work", state: { terminated: { exitCode, reason } } }],
});
