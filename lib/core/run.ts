import type { Cause, Charges } from "./causes.ts";
import type { Evidence } from "./evidence.ts";
import type { Instant, Span } from "./time.ts";

declare const brand: unique symbol;

/**
 * A number that rises whenever an attempt ends. It starts at the Unix second of the registration, so a run id that is
 * used again after its record expired never meets credentials of its earlier life.
 */
export type Fence = number & { readonly [brand]: "fence" };

export const asFence = (value: number): Fence => value as Fence;

/** A fence rises by one with each attempt. Only a restore from a backup raises it by more, and leaves a gap. */
export const previousFence = ({ fence }: { readonly fence: Fence }): Fence => asFence(fence - 1);
export const nextFence = ({ fence }: { readonly fence: Fence }): Fence => asFence(fence + 1);

/** Where a run item is found. Its shard is chosen at registration, and every credential carries it. */
export type RunKey = { readonly run: string; readonly shard: number };

/** The progress that the agent reports of its child. It is stored with the lease, so that a beat stays one write. */
export type Progress = { readonly value: number; readonly of?: number; readonly note?: string };

/** What the agent reports about the end of its child. */
export type Report = {
  /** `canceled`: its user has stopped it at the terminal, and wants no other attempt. */
  readonly outcome: "succeeded" | "failed" | "interrupted" | "canceled";
  readonly exitCode?: number;
  readonly signal?: string;
  readonly message?: string;
  readonly reason?: string;
  /** The limit in bytes that a child ran into, with the reason `out-of-memory`; absent if the host itself was out of memory. */
  readonly memoryLimitBytes?: number;
};

/** The end part of an attempt's ledger line. It is complete, so any process that finds it owed can write it. */
export type LedgerEnd = {
  readonly attempt: number;
  readonly fence: Fence;
  readonly cause: Cause;
  readonly endedAt: Instant;
  readonly evidence: readonly Evidence[];
  readonly claimedAt?: Instant;
  readonly lastBeatAt?: Instant;
  /** Its progress was further than that of any attempt before. */
  readonly gotFurther?: true;
  readonly holder?: string;
  readonly host?: string;
  /** Why it was told to leave, if it was. */
  readonly leaveReason?: string;
  /** Hash of the accepted finish, so that a repeated one is recognized. */
  readonly reportHash?: string;
  readonly report?: Report;
  /** When a success came after the attempt had been declared lost at `endedAt`. */
  readonly reportedAt?: Instant;
};

/**
 * An effect that is recorded but not carried out yet. It is written with the decision, and stays until it is settled.
 */
export type Debt = {
  readonly since: Instant;
  readonly ledger?: LedgerEnd;
  /** `handover`: the message of the next attempt, which is held at the gate until this attempt is gone. */
  readonly owes?: "message" | "handover" | "archive";
};

type Live = RunKey & {
  readonly fence: Fence;
  /**
   * Rises with every change of the item, except by beats. It starts at the Unix second of the registration, like the
   * fence.
   */
  readonly rev: number;
  readonly attempt: number;
  /** When something has to happen: start deadline (queued), notBefore (waiting), lease end (held), deletion (ended). */
  readonly due: Instant;
  readonly lease: Span;
  readonly charges: Charges;
  /** The furthest progress that any ended attempt reported. */
  readonly furthest?: number;
  readonly debt?: Debt;
};

type Held = Live & {
  readonly holder: string;
  readonly claimedAt: Instant;
  readonly host?: string;
  /** It has no agent: its pod is watched in the place of beats, and nobody stops it from within. */
  readonly isWatched?: true;
  /** From this instant on the lease is no longer renewed, because of a deadline or a stop. */
  readonly lastRenewable?: Instant;
  readonly progress?: Progress;
  readonly reason?: string;
};

export type Queued = Live & { readonly state: "queued" };
export type Waiting = Live & { readonly state: "waiting" };
export type Running = Held & { readonly state: "running" };
export type Leaving = Held & {
  readonly state: "leaving";
  readonly directive: "drain" | "stop";
  readonly deadline?: Instant;
  /** The owner asked for it: the end of the attempt is charged to nothing. */
  readonly isFree?: true;
};
export type Canceling = Held & { readonly state: "canceling" };
export type Ended = Live & {
  readonly state: "ended";
  readonly outcome: Outcome;
  /** Why the run ended, and the attempt that ended it. */
  readonly cause: Cause;
  readonly endedByAttempt: number;
  readonly endedAt: Instant;
};

/** What remains of an ended run when its item is deleted. */
export type Result = Omit<Ended, "state" | "due" | "debt">;

export type Outcome = "succeeded" | "failed" | "canceled" | "exhausted";
export type ClaimedRun = Running | Leaving | Canceling;
export type LiveRun = Queued | Waiting | ClaimedRun;
export type Run = LiveRun | Ended;
export type State = Run["state"];

/** What the reply to a beat tells the agent. For one fence it only rises. */
export type Directive = "continue" | "drain" | "stop";

/** The directive for the agent of a held run. */
export function directiveOf(run: ClaimedRun): Directive {
  switch (run.state) {
    case "running":
      return "continue";
    case "leaving":
      return run.directive;
    case "canceling":
      return "stop";
  }
}

/** Whether an attempt is claimed and has not ended yet. */
export const isClaimed = (run: Run): run is ClaimedRun =>
  run.state === "running" || run.state === "leaving" || run.state === "canceling";
