import type { Shown } from "../core/dispatching.ts";
import type { Target } from "../core/spec.ts";
import type { Instant, Span } from "../core/time.ts";

/** An attempt that is to be started, as its message describes it. */
export type Requeue = {
  readonly run: string;
  readonly attempt: number;
  readonly fence: number;
  readonly ticket: string;
  /** The message itself, as a consumer of the requeue queue would get it. */
  readonly message: string;
  readonly startBy: Instant;
  readonly isHeld: boolean;
  readonly capacity: "any" | "on-demand";
  /** How many attempts before it ran out of memory. */
  readonly outOfMemory: number;
  readonly previous?: {
    readonly attempt: number;
    readonly fence: number;
    /** It has reported its own end. */
    readonly isReported: boolean;
    /** What the process that held it told of itself. */
    readonly holder?: Readonly<Record<string, string>>;
  };
  readonly target: Target;
  /** When it was announced first. */
  readonly at: Instant;
};

/** A run that has ended, for its target. */
export type EndOfRun = {
  readonly run: string;
  /** The last attempt, and what the process that held it told of itself. */
  readonly attempt: number;
  readonly holder?: Readonly<Record<string, string>>;
  readonly outcome: "succeeded" | "failed" | "canceled" | "exhausted";
  readonly cause: string;
  readonly at: Instant;
  readonly target: Target;
};

/** A target that starts attempts. Each call may be repeated, and changes nothing the second time. */
export type Starter = {
  /** Whether an attempt at this target also waits until it shows nothing of the attempts before any more. */
  readonly isEndAwaited: boolean;
  /** Whether an attempt waits at the gate by itself. Otherwise it is not started before the attempt before is gone. */
  readonly isGated: boolean;
  /** Whether the target shows what it has started. Otherwise an attempt that it has taken is not asked about again. */
  readonly isSeen: boolean;
  /** Whether the time to start an attempt does not run while the target does not answer. Otherwise its start is charged. */
  readonly isPatient?: boolean;
  look(requeue: Requeue): Promise<Shown>;
  /** Asks it to end what is left of all attempts before, each identified beyond its name. */
  fence(requeue: Requeue): Promise<void>;
  /** Takes away what was made for the announced attempt and has not begun yet: nobody waits for it any more. */
  withdraw(requeue: Requeue): Promise<void>;
  /** Starts the announced attempt. Throws a `Refused` if no repetition will help. */
  nudge(requeue: Requeue): Promise<void>;
  /** Has the target show that the run has ended, where it does not by itself. */
  readonly close?: (ended: EndOfRun) => Promise<void>;
};

/**
 * No repetition will help. The message says what to do. `isOwn`: the run itself asks for something that cannot be
 * started, such as a template that is not valid. Otherwise an operator has to mend the deployment or the cluster.
 */
export class Refused extends Error {
  readonly isOwn: boolean;
  constructor(message: string, { isOwn }: { readonly isOwn: boolean }) {
    super(message);
    this.isOwn = isOwn;
  }
}

/** The target does not answer now, or has too much to do. `again`: when it asks to be asked again, if it says so. */
export class Busy extends Error {
  readonly again: Span | undefined;
  constructor(message: string, again?: Span) {
    super(message);
    this.again = again;
  }
}

/** The queue of the attempts that are to be started. */
export type Dispatches = {
  /** The same message again, visible after `delay`: whole seconds, at most 15 minutes. */
  again(body: string, delay: Span): Promise<void>;
  /** The message goes to the dead letters at once, with the reason. */
  bury(body: string, why: string): Promise<void>;
};

/** The templates of Jobs, by their digests. */
export type Templates = {
  /** The same template again only moves its expiry. */
  keep(digest: string, template: object, expiry: Instant): Promise<void>;
  /** An expired one counts as absent. */
  read(digest: string, now: Instant): Promise<object | undefined>;
};
