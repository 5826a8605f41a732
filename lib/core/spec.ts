import type { Budget } from "./causes.ts";
import type { Fence } from "./run.ts";
import { after, earlier, type Instant, type Span, seconds } from "./time.ts";

/** How many charges of each kind may be followed by another attempt, or how many attempts there may be in all. */
export type Budgets =
  | ({ readonly [B in Exclude<Budget, "memory">]: number } & {
      /** Absent in registrations of version 0.1.0, which knew no such budget. */
      readonly memory?: number;
    })
  | { readonly attempts: number };

/** What one attempt is given: quantities of Kubernetes, such as `2` and `8Gi`, and labels of the nodes that have them. */
export type Size = {
  readonly cpu?: string;
  readonly memory?: string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
};

/** One Job of Kubernetes for each attempt. */
export type JobTarget = {
  readonly kind: "job";
  /** The name of the cluster, as the deployment knows it. */
  readonly cluster: string;
  readonly namespace: string;
  /** The digest of the stored template. */
  readonly template: string;
  /**
   * What has to be known of the attempt before, until the next one is made. `lease`: that it has reported its end, or
   * that its lease is over. `pod`: also that its pod has ended or is gone.
   */
  readonly minFence: "lease" | "pod";
  /**
   * How the agent gets into the pod. `exec`: an init container brings it, and it runs the command of the container.
   * `sidecar`: it runs beside the container, whose image and command stay as they are. `image`: the image has it. `none`:
   * there is none, and the life of the pod takes the place of beats. Nobody stops such a pod from within.
   */
  readonly agent: "exec" | "sidecar" | "image" | "none";
  /** An attempt that ran out of memory is followed by one of the next size; empty: all have the size of the template. */
  readonly sizes: readonly Size[];
};

/** Each attempt is told to an address. `name`: the webhook, as the deployment knows it. */
export type WebhookTarget = { readonly kind: "webhook"; readonly name: string };

/** A flow run of Prefect, which its workers start. `name`: the server, as the deployment knows it; `flowRun`: a UUID. */
export type PrefectTarget = { readonly kind: "prefect"; readonly name: string; readonly flowRun: string };

/** A task instance of Airflow, whose next try its executor starts. `name`: the server, as the deployment knows it. */
export type AirflowTarget = {
  readonly kind: "airflow";
  readonly name: string;
  readonly dag: string;
  readonly dagRun: string;
  readonly task: string;
  /** Absent if the task is not mapped. */
  readonly mapIndex?: number;
};

/** What an orchestrator starts. */
export type OrchestratorTarget = PrefectTarget | AirflowTarget;

/** How the next attempt is dispatched. `queue`: the owner reads the requeue queue. */
export type Target = { readonly kind: "queue" } | JobTarget | WebhookTarget | OrchestratorTarget;

/** What an owner registered. It is immutable for the life of the run. */
export type Spec = {
  readonly start: "self" | "dispatch";
  readonly lease: Span;
  readonly startWithin: Span;
  readonly attemptDeadline?: Span;
  readonly deadline?: Span;
  readonly budgets: Budgets;
  readonly backoff: { readonly base: Span; readonly max: Span };
  readonly onNotice: "handover" | "drain" | "ignore";
  readonly onCutOff: "stop" | "continue";
  readonly onDemandLast: number;
  readonly target: Target;
  readonly labels: Readonly<Record<string, string>>;
};

/** A spec with the facts of the moment when it was registered. */
export type Registration = {
  readonly run: string;
  readonly shard: number;
  /** The first fence: the Unix second of the registration. */
  readonly fence: Fence;
  readonly registeredAt: Instant;
  /** Hash of the canonical spec. The same spec may be registered again; a different one may not. */
  readonly hash: string;
  readonly spec: Spec;
};

/** The defaults for what an owner leaves out. Reasons stand beside the numbers. */
export const DEFAULTS = {
  start: "self",
  lease: seconds(120), // a spot notice gives 120 s; four beats fit, and two may be lost
  startWithin: seconds(900), // node provisioning plus a large image pull
  // One attempt more after an out-of-memory kill: it may be given a larger size.
  budgets: { crashes: 0, memory: 1, interruptions: 10, losses: 3, starts: 5 },
  backoff: { base: seconds(15), max: seconds(600) },
  onNotice: "handover",
  onCutOff: "stop",
  onDemandLast: 1,
  target: { kind: "queue" },
  labels: {},
} as const satisfies Spec;

/**
 * The lease of a run that is started as a Job, if its owner asks for none. Its cluster shows the end of a pod within two
 * sweeps, so the lease has to find only lost machines, and may outlast an outage of seven minutes.
 */
export const JOB_LEASE = seconds(600);

/** When a run that is queued now has to be claimed at the latest. */
export const startBy = (registration: Registration, now: Instant): Instant =>
  earlier(after(now, registration.spec.startWithin), endOfRun(registration));

/** The instant after which no attempt of the run may start or be renewed; undefined without a deadline. */
export const endOfRun = ({ registeredAt, spec }: Registration): Instant | undefined =>
  spec.deadline === undefined ? undefined : after(registeredAt, spec.deadline);
