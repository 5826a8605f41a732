import { type Beat, beat } from "./beating.ts";
import { type Claim, claimTaken, openAttempt, refuseClaim } from "./claiming.ts";
import { type Decision, type Reply, refuse } from "./decision.ts";
import { type Finish, finish, finishLate } from "./finishing.ts";
import { hasten, leave, type Noticed, noted, warn } from "./noticing.ts";
import {
  announceAgain,
  type Cancel,
  cancelEnded,
  cancelHeld,
  cancelIdle,
  type Requeue,
  release,
  wakeNow,
} from "./owner-requests.ts";
import { type Due, judge, wake } from "./reaping.ts";
import { type Refund, refund } from "./refunding.ts";
import type { Run, State } from "./run.ts";

export type Event = Claim | Beat | Finish | Due | Cancel | Requeue | Noticed | Refund;

type In<S extends State> = Extract<Run, { state: S }>;
type Of<E extends Event["kind"]> = Extract<Event, { kind: E }>;

/** Effects that a write may leave as its debt. The lease is different: it is renewed in the write itself. */
export type Effect = "lease" | "ledger" | "message" | "handover" | "archive";

type Row = {
  /**
   * The states that the run may be in afterwards. Its own state is among them if nothing, or only the lease, may
   * change.
   */
  readonly next: readonly State[];
  readonly effects: readonly Effect[];
  readonly replies: readonly Reply["kind"][];
  readonly decide: (run: Run, event: Event) => Decision;
};

/**
 * The rule of a row is written for one state and one event. The table below puts it there, and `decide` finds it there.
 */
const row = <S extends State, E extends Event["kind"]>(
  next: readonly State[],
  effects: readonly Effect[],
  replies: readonly Reply["kind"][],
  rule: (run: In<S>, event: Of<E>) => Decision,
): Row => ({ next, effects, replies, decide: rule as Row["decide"] });

const AFTER_AN_END = ["queued", "waiting", "ended"] as const;
const LATE = ["finished", "finished-otherwise", "superseded"] as const;
const REOPEN = ["claimed", "held-by-another", "overran", "superseded", "hold"] as const;
const BEATEN = ["renewed", "overran", "superseded"] as const;

/**
 * The life of a run: for each state and each event the next states, the effects and the replies. `docs/transitions.md`
 * is printed from this table. The tests and the simulator check every decision against it.
 */
export const transitions: { readonly [S in State]: { readonly [E in Event["kind"]]: Row } } = {
  queued: {
    claim: row<"queued", "claim">(
      ["queued", "running"],
      ["lease"],
      ["claimed", "superseded", "hold", "overran"],
      openAttempt,
    ),
    beat: row<"queued", "beat">(["queued"], [], ["superseded"], beat),
    finish: row<"queued", "finish">(["queued", "ended"], ["ledger", "archive"], LATE, finishLate),
    due: row<"queued", "due">(
      ["queued", "waiting", "ended"],
      ["ledger", "message", "archive"],
      ["reaped", "spared", "owing", "frozen", "limited"],
      judge,
    ),
    cancel: row<"queued", "cancel">(["ended"], ["ledger", "archive"], ["accepted"], cancelIdle),
    requeue: row<"queued", "requeue">(["queued"], ["ledger", "message"], ["accepted", "superseded"], announceAgain),
    notice: row<"queued", "notice">(["queued"], [], ["noted"], warn),
    refund: row<"queued", "refund">(["queued"], ["ledger", "message"], ["refunded", "noted"], refund),
  },
  waiting: {
    claim: row<"waiting", "claim">(["waiting"], [], ["hold", "superseded"], refuseClaim),
    beat: row<"waiting", "beat">(["waiting"], [], ["superseded"], beat),
    finish: row<"waiting", "finish">(["waiting", "ended"], ["ledger", "archive"], LATE, finishLate),
    due: row<"waiting", "due">(
      ["waiting", "queued", "ended"],
      ["ledger", "message", "archive"],
      ["reaped", "spared"],
      wake,
    ),
    cancel: row<"waiting", "cancel">(["ended"], ["ledger", "archive"], ["accepted"], cancelIdle),
    requeue: row<"waiting", "requeue">(
      ["waiting", "queued", "ended"],
      ["ledger", "message", "archive"],
      ["accepted", "superseded"],
      wakeNow,
    ),
    notice: row<"waiting", "notice">(["waiting"], [], ["noted"], noted),
    refund: row<"waiting", "refund">(["waiting"], ["ledger"], ["refunded", "noted"], refund),
  },
  running: {
    claim: row<"running", "claim">(["running"], ["lease"], REOPEN, claimTaken),
    beat: row<"running", "beat">(["running"], ["lease"], BEATEN, beat),
    finish: row<"running", "finish">(["running", ...AFTER_AN_END], ["ledger", "message", "archive"], LATE, finish),
    due: row<"running", "due">(
      ["running", ...AFTER_AN_END],
      ["ledger", "message", "archive"],
      ["reaped", "spared", "frozen", "limited"],
      judge,
    ),
    cancel: row<"running", "cancel">(["canceling"], [], ["accepted"], cancelHeld),
    requeue: row<"running", "requeue">(["running", "leaving"], [], ["accepted", "superseded"], release),
    notice: row<"running", "notice">(["running", "leaving"], ["handover"], ["noted", "leaving"], leave),
    refund: row<"running", "refund">(["running"], ["ledger"], ["refunded", "noted"], refund),
  },
  leaving: {
    claim: row<"leaving", "claim">(["leaving"], ["lease"], REOPEN, claimTaken),
    beat: row<"leaving", "beat">(["leaving"], ["lease"], BEATEN, beat),
    finish: row<"leaving", "finish">(["leaving", ...AFTER_AN_END], ["ledger", "message", "archive"], LATE, finish),
    due: row<"leaving", "due">(
      ["leaving", ...AFTER_AN_END],
      ["ledger", "message", "archive"],
      ["reaped", "spared", "frozen", "limited"],
      judge,
    ),
    cancel: row<"leaving", "cancel">(["canceling"], [], ["accepted"], cancelHeld),
    requeue: row<"leaving", "requeue">(["leaving"], [], ["accepted", "superseded"], release),
    notice: row<"leaving", "notice">(["leaving"], [], ["noted", "leaving"], hasten),
    refund: row<"leaving", "refund">(["leaving"], ["ledger", "handover"], ["refunded", "noted"], refund),
  },
  canceling: {
    claim: row<"canceling", "claim">(
      ["canceling"],
      [],
      ["claimed", "held-by-another", "superseded", "hold"],
      claimTaken,
    ),
    beat: row<"canceling", "beat">(["canceling"], [], ["renewed", "superseded"], beat),
    finish: row<"canceling", "finish">(["canceling", "ended"], ["ledger", "archive"], LATE, finish),
    due: row<"canceling", "due">(["canceling", "ended"], ["ledger", "archive"], ["reaped", "spared"], judge),
    cancel: row<"canceling", "cancel">(["canceling"], [], ["accepted"], () =>
      refuse({ kind: "accepted", state: "canceling" }),
    ),
    requeue: row<"canceling", "requeue">(["canceling"], [], ["canceling"], () => refuse({ kind: "canceling" })),
    notice: row<"canceling", "notice">(["canceling"], [], ["noted"], noted),
    refund: row<"canceling", "refund">(["canceling"], ["ledger"], ["refunded", "noted"], refund),
  },
  ended: {
    claim: row<"ended", "claim">(["ended"], [], ["ended"], refuseClaim),
    beat: row<"ended", "beat">(["ended"], [], ["ended"], beat),
    finish: row<"ended", "finish">(
      ["ended"],
      ["ledger", "archive"],
      ["finished", "finished-otherwise", "ended"],
      finishLate,
    ),
    due: row<"ended", "due">(["ended"], [], ["spared"], () => refuse({ kind: "spared" })),
    cancel: row<"ended", "cancel">(["ended"], [], ["ended", "accepted"], cancelEnded),
    requeue: row<"ended", "requeue">(["ended"], [], ["ended"], () => refuse({ kind: "ended" })),
    notice: row<"ended", "notice">(["ended"], [], ["noted"], noted),
    refund: row<"ended", "refund">(["ended"], ["ledger", "archive"], ["refunded", "noted"], refund),
  },
};

/** What the event does to the run. It is pure: the time, the dice and everything that was read come with the event. */
export const decide = (run: Run, event: Event): Decision => transitions[run.state][event.kind].decide(run, event);
