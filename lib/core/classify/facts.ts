import type { Instant } from "../time.ts";

/** A condition of a pod, a Job or another object of Kubernetes. */
export type Condition = {
  readonly type: string;
  /** `True`, `False` or `Unknown`; absent where only type and reason were told. */
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly at?: Instant;
};

/** How a container ended, as the kubelet tells it. */
export type Terminated = {
  readonly is: "terminated";
  readonly exitCode?: number;
  readonly signal?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly finishedAt?: Instant;
};

/** What a container does. `unknown`: its state was not told, or not understood. */
export type ContainerState =
  | { readonly is: "running" }
  | { readonly is: "waiting"; readonly reason?: string; readonly message?: string }
  | { readonly is: "unknown" }
  | Terminated;

export type ContainerFacts = {
  readonly name?: string;
  /** `init`: it has to end before the others start. A sidecar among the init containers is `beside`. */
  readonly role: "work" | "init" | "beside";
  readonly state: ContainerState;
  /** How it ended before the kubelet started it again. */
  readonly before?: Terminated;
  readonly restarts: number;
};

export type PodFacts = {
  /** The name of the node that it stands on. */
  readonly node?: string;
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  /** When its grace period is over, if somebody has asked for its deletion. It may be far in the future. */
  readonly deletedBy?: Instant;
  readonly isDeleting: boolean;
  readonly createdAt?: Instant;
  readonly restartPolicy?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The names of the containers that its spec asks for, in order. */
  readonly declared: readonly string[];
  readonly containers: readonly ContainerFacts[];
  readonly conditions: readonly Condition[];
  /** The column STATUS of `kubectl get pods`, and what it showed before, where only that is left. */
  readonly shown?: string;
  readonly shownBefore: readonly string[];
};

/** A Job, or another object that owns pods and tells of their end by conditions. */
export type OwnerFacts = {
  readonly kind: string;
  readonly conditions: readonly Condition[];
  /** A word for the whole state, as SparkApplication, RayJob and Workflow have it. */
  readonly state?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly isSuspended: boolean;
  readonly active: number;
  readonly succeeded: number;
  readonly failed: number;
  /** How many pods have to succeed; absent where one is enough. */
  readonly completions?: number;
};

export type NodeFacts = {
  readonly name?: string;
  /** The id of its instance. */
  readonly instance?: string;
  /** Whether the API server has it; absent if nobody looked. */
  readonly exists?: boolean;
  readonly conditions: readonly Condition[];
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect?: string }[];
  /** How its instance was bought: `spot` or `on-demand`; absent if unknown. A spot instance may end for any reason. */
  readonly capacity?: "spot" | "on-demand";
  /** The state of its instance, and the reason that EC2 gives for it. */
  readonly instanceState?: string;
  readonly stateReason?: string;
  readonly stateMessage?: string;
  /** What a person noted about it. */
  readonly note?: string;
};

/** An event of Kubernetes: what a component says about an object. */
export type EventFacts = {
  readonly reason?: string;
  readonly message?: string;
  /** `Normal` or `Warning`. */
  readonly type?: string;
  readonly component?: string;
  /** The kind of the object that it is about. */
  readonly about?: string;
  readonly at?: Instant;
  /** What it says, where that is known without its words. */
  readonly means?: "alive" | "reclaimed" | "killed";
};

/** The end of a process, as its parent process tells it. */
export type ExitFacts = {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly reason?: string;
  readonly message?: string;
};
