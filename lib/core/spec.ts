import type { Budget } from "./causes.ts";
import type { Fence } from "./run.ts";
import { after, earlier, type Instant, type Span, seconds } from "./time.ts";

/** How many charges of each kind may be followed by another attempt, or how many attempts there may be in all. */
export type Budgets = { readonly [B in Budget]: number } | { readonly attempts: number };

/** How the next attempt is dispatched. `queue`: the owner reads the requeue queue. */
export type Target = { readonly kind: "queue" };

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
  budgets: { crashes: 0, interruptions: 10, losses: 3, starts: 5 },
  backoff: { base: seconds(15), max: seconds(600) },
  onNotice: "handover",
  onCutOff: "stop",
  onDemandLast: 1,
  target: { kind: "queue" },
  labels: {},
} as const satisfies Spec;

/** When a run that is queued now has to be claimed at the latest. */
export const startBy = (registration: Registration, now: Instant): Instant =>
  earlier(after(now, registration.spec.startWithin), endOfRun(registration));

/** The instant after which no attempt of the run may start or be renewed; undefined without a deadline. */
export const endOfRun = ({ registeredAt, spec }: Registration): Instant | undefined =>
  spec.deadline === undefined ? undefined : after(registeredAt, spec.deadline);
