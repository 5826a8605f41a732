import type { Progress, Report } from "../core/run.ts";
import { after, type Instant, type Span } from "../core/time.ts";
import { VALVE } from "../core/valve.ts";
import type { BeatBody, ClaimBody, FinishBody } from "../wire/replies.ts";
import type { Answer } from "./answer.ts";
import type { ChildEnd, Signal, Stop } from "./stopping.ts";

/** What the agent tells the service about its host: at once, and each kind once. */
export type NoticeKind = "sigterm" | "spot" | "rebalance";

/**
 * What happened to the agent. `sentAt`: when the request went out, by the agent's own clock. `wallAt`: the wall clock
 * now, against which deadlines are read. It is absent if both clocks are one, as in the simulator.
 */
export type Input =
  | { readonly kind: "wake" }
  | { readonly kind: "claimed"; readonly sentAt: Instant; readonly answer: Answer<ClaimBody> }
  | {
      readonly kind: "beaten";
      readonly sentAt: Instant;
      readonly answer: Answer<BeatBody>;
      readonly wallAt?: Instant;
    }
  | { readonly kind: "reported"; readonly answer: Answer<FinishBody> }
  | { readonly kind: "signaled"; readonly signal: string; readonly number: number }
  /** The child touched its progress file. `progress` is absent if the file says nothing that can be sent. */
  | { readonly kind: "progressed"; readonly progress?: Progress }
  /** The instance's own metadata says that the machine is about to be taken. */
  | {
      readonly kind: "noticed";
      readonly notice: "spot" | "rebalance";
      readonly at?: string;
      readonly deadline?: string;
      readonly wallAt?: Instant;
    }
  | { readonly kind: "exited"; readonly end: ChildEnd };

/** What the agent does next. */
export type Action =
  | { readonly do: "claim" }
  | { readonly do: "start"; readonly attempt: number; readonly fence: number }
  | { readonly do: "beat"; readonly token: string; readonly progress?: Progress }
  | { readonly do: "signal"; readonly signal: string }
  /** Sent once and not waited for: the beats and the report do not need it. */
  | {
      readonly do: "notice";
      readonly token: string;
      readonly kind: NoticeKind;
      readonly at?: string;
      readonly deadline?: string;
    }
  | { readonly do: "finish"; readonly token: string; readonly report: Report }
  /** A line for people, on stderr. */
  | { readonly do: "say"; readonly line: string }
  | { readonly do: "exit"; readonly code: number; readonly why?: string };

/** The user's settings for this agent. */
export type Own = {
  /** How long a child may drain if nobody names a deadline. */
  readonly drain?: Span;
  /** How long the child may leave its progress file unchanged. */
  readonly stall?: Span;
  /** Until when the attempt has to start: after that a door that does not answer is not asked again. */
  readonly startBy?: Instant;
  /** How long the report of an attempt that was cut off is repeated; as long as any report, unless it is said. */
  readonly reportFor?: Span;
  /** What SIGINT means, if the child ends by it: the run is canceled. Without it the run is started again. */
  readonly onInterrupt?: "cancel";
};

/** Signals that end a program that does not handle them: an agent without a child does not. */
export const ENDING = new Set(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]);

export type Heart =
  | {
      readonly phase: "claiming";
      readonly lease: Span;
      readonly own: Own;
      readonly tries: number;
      /** When to ask again; undefined while a request is out. */
      readonly askAt: Instant | undefined;
      /** A signal that came while the claim was out. The child is not started any more. */
      readonly leaving?: Signal;
    }
  | {
      readonly phase: "beating";
      readonly lease: Span;
      readonly own?: Own;
      readonly token: string;
      /** When to beat next; undefined while a beat is out. */
      readonly beatAt: Instant | undefined;
      /**
       * When the newest acknowledged request was sent; undefined if the agent has no deadline of its own (any more).
       */
      readonly fenceFrom?: Instant | undefined;
      /** When the child last made progress, if its progress is watched. */
      readonly progressedAt?: Instant | undefined;
      /** `progress`: what no beat has brought to the service yet. `sent`: what the beat that is out carries. */
      readonly progress?: Progress | undefined;
      readonly sent?: Progress | undefined;
      readonly told?: readonly NoticeKind[];
      /** The signals that were passed on to the child, in order. */
      readonly forwarded: readonly Signal[];
      readonly stop?: Stop;
    }
  | {
      readonly phase: "reporting";
      readonly token: string;
      readonly report: Report;
      readonly code: number;
      /** The code if the report comes too late or never, and the child was stopped for that very reason. */
      readonly codeIfLate?: number;
      readonly tries: number;
      readonly reportAt: Instant | undefined;
      readonly until: Instant;
    }
  | { readonly phase: "gone" };

export type Step = { readonly heart: Heart; readonly actions: readonly Action[] };

export type In<P extends Heart["phase"]> = Extract<Heart, { phase: P }>;

export const stay = (heart: Heart, ...actions: readonly Action[]): Step => ({ heart, actions });
export const leave = (code: number, why?: string): Step =>
  stay({ phase: "gone" }, { do: "exit", code, ...(why !== undefined && { why }) });

/** The end is there; from now on it is reported, for so long at most. After the longest freeze the attempt counts as lost anyway. */
export const report = (
  { token, what, code, codeIfLate }: { token: string; what: Report; code: number; codeIfLate?: number | undefined },
  now: Instant,
  reportFor: Span = VALVE,
): Step =>
  stay(
    {
      phase: "reporting",
      token,
      report: what,
      code,
      ...(codeIfLate !== undefined && { codeIfLate }),
      tries: 0,
      reportAt: undefined,
      until: after(now, reportFor),
    },
    { do: "finish", token, report: what },
  );
