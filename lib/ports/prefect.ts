import type { Instant } from "../core/time.ts";

export type PrefectStateType =
  | "SCHEDULED"
  | "PENDING"
  | "RUNNING"
  | "COMPLETED"
  | "FAILED"
  | "CANCELLED"
  | "CRASHED"
  | "PAUSED"
  | "CANCELLING";

/** A flow run, as far as its starter needs it. */
export type FlowRun = {
  readonly state: PrefectStateType;
  /** Such as `AwaitingRetry` or `Late`. */
  readonly stateName: string;
  readonly stateAt: Instant;
  readonly message: string;
  /** The id by which the transition into this state was asked for, if the one who asked gave one. */
  readonly transitionId?: string;
  /** How often it has entered RUNNING, also by the retries of its own engine. */
  readonly runCount: number;
  /** Its retries, as they are stored: all of its policy, because it is replaced as a whole. */
  readonly policy: Readonly<Record<string, unknown>>;
  readonly jobVariables: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, unknown>>;
  /** Without a deployment no worker can start it. */
  readonly hasDeployment: boolean;
  /** Its place in the queue: a worker takes the earliest first. */
  readonly expectedStart: Instant;
};

/** A state that is asked for. `transitionId`: the same request again changes nothing. */
export type PrefectTransition = {
  readonly type: "CRASHED" | "CANCELLED" | "SCHEDULED";
  readonly name: string;
  readonly message: string;
  readonly transitionId: string;
  readonly scheduledTime?: Instant;
};

/**
 * What a server of Prefect says to a transition. It has no compare-and-swap: what is accepted depends on the state that
 * the run is in when the request arrives.
 */
export type PrefectAnswer = {
  readonly status: "ACCEPT" | "REJECT" | "ABORT" | "WAIT";
  readonly reason: string;
};

/**
 * A server of Prefect 3. What it refuses for good is thrown as a `Refused`, and everything else that it does not do as a
 * `Busy`. Nothing is ever forced: a forced transition skips the rules that let a worker take the run again.
 */
export type PrefectServer = {
  /** Undefined if there is no such flow run. */
  read(flowRun: string): Promise<FlowRun | undefined>;
  transition(flowRun: string, to: PrefectTransition): Promise<PrefectAnswer>;
  /** Replaces the policy as a whole. */
  setPolicy(flowRun: string, policy: Readonly<Record<string, unknown>>): Promise<void>;
  /** Replaces the variables as a whole. Only while the run is SCHEDULED. */
  setJobVariables(flowRun: string, variables: Readonly<Record<string, unknown>>): Promise<void>;
  /** Adds labels to those that are there. */
  addLabels(flowRun: string, labels: Readonly<Record<string, string | number | boolean>>): Promise<void>;
};
