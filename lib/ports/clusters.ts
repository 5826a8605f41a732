import type { NodeFacts, PodFacts } from "../core/classify/facts.ts";
import type { Surroundings } from "../core/pod-surroundings.ts";

/** A pod of ours, as a cluster shows it. Its name may be used again; its uid never is. */
export type SeenPod = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly node?: string;
  /** The Job that has made it. */
  readonly job?: { readonly name: string; readonly uid: string };
  readonly facts: PodFacts;
};

/** A pod that runs, as far as a list of metadata tells. */
export type RunningPod = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The Job that has made it. */
  readonly job?: { readonly name: string; readonly uid: string };
};

/** A cluster of Kubernetes, as far as a sweep looks at it. A cluster that does not answer throws. */
export type Cluster = {
  /** A name for people, and for the ledger. */
  readonly name: string;
  /**
   * The pods with our label that run no more: neither Pending nor Running. They stay listed until their Job expires. One
   * request for each 500 of them. An end is final, so an old view only misses some.
   */
  endedPods(): Promise<readonly SeenPod[]>;
  /**
   * The pods with our label that run and have no agent, read from the store: one that is not in this list does not run. One
   * request for each 500 of them, for their metadata alone.
   */
  runningPods(): Promise<readonly RunningPod[]>;
  /** A pod, read from the store; undefined if there is none of that name. */
  pod(namespace: string, name: string): Promise<SeenPod | undefined>;
  /** Has the pod end, by deleting its Job, if Lastbeat has made that. Returns whether it has. */
  stop(pod: RunningPod): Promise<boolean>;
  /** A node, read from the store; undefined if there is none of that name. */
  node(name: string): Promise<NodeFacts | undefined>;
  /** Two or three requests. What the cluster does not let us see is left out. */
  around(pod: SeenPod): Promise<Surroundings>;
};
