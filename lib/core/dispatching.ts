import { type Decision, refuse } from "./decision.ts";
import { type Cancel, cancelIdle } from "./owner-requests.ts";
import type { FailedPod } from "./pod-ending.ts";
import type { Fence, Run } from "./run.ts";
import { after, type Instant, type Span, seconds } from "./time.ts";

/** The attempt that a message announces. */
export type Announced = {
  readonly fence: Fence;
  readonly startBy: Instant;
  /** The attempt before still drains. */
  readonly isHeld: boolean;
  /** The attempt before has reported its end: its pod is about to end by itself. */
  readonly isReported: boolean;
};

/**
 * What a target shows of a run. `before`: whether anything of the attempts before is left; `gone` also if there was none.
 * `next`: whether the announced one was started; `over`: it was, and nothing of it is left that could claim.
 * `coming`: it waits for a machine that is on its way. `suspended`: a queue of the cluster lets it wait. `failed`: it was started, and will never claim.
 */
export type Shown = {
  readonly before: "there" | "ending" | "gone";
  readonly next: "none" | "started" | "coming" | "suspended" | "over";
  readonly failed?: FailedPod;
  /** The target itself says that nobody has to start the work again. */
  readonly ended?: EndAtTarget;
};

/** How the work has ended, as its target says. `note`: in words, for the record of the run. */
export type EndAtTarget = { readonly outcome: "succeeded" | "canceled"; readonly note: string };

/**
 * What to do next for an announced attempt. `drop`: the message is of no use any more. `look`: ask the target. `fence`:
 * ask it to end what is left of the attempt before. `nudge`: make sure that it starts the announced one, and look again
 * later; with `until`, its time to start is moved, because a machine is on its way. `tell`: the same for a target that
 * shows nothing: once it has taken the attempt, its claim or its time to start will tell. `give-up`: it will never claim.
 * `end`: the run ends, as it has ended at its target.
 * `wait`: look again later. `done`: it was claimed, or others take care of it.
 */
export type Step =
  | { readonly kind: "drop" | "done"; readonly why: string }
  | { readonly kind: "look" | "fence" | "tell" }
  | { readonly kind: "give-up"; readonly failed: FailedPod }
  | { readonly kind: "end"; readonly end: EndAtTarget }
  | { readonly kind: "nudge"; readonly again: Span; readonly until?: Instant }
  | { readonly kind: "wait"; readonly again: Span; readonly why: string };

/** What is known when a step is chosen. */
export type Situation = {
  readonly now: Instant;
  readonly announced: Announced;
  /** The run as it is now; undefined if it has no item any more. */
  readonly run: Run | undefined;
  /** What the target shows; undefined before it was asked. */
  readonly shown?: Shown;
  /** Whether nothing may be left of the attempts before at the target: the end of the last lease is not enough. */
  readonly isEndAwaited: boolean;
  /** Whether the announced attempt waits at the gate by itself, until the attempt before is gone. */
  readonly isGated: boolean;
  /** Whether the target shows what it has started. */
  readonly isSeen: boolean;
  /** When the run was announced first: no machine is awaited for longer than `MOST_AWAITED` after that. */
  readonly announcedAt: Instant;
};

/** A pod takes up to its grace to end, mostly 30 s: a look each few seconds costs little, and delays nobody for long. */
const FENCE_AGAIN = seconds(5);
/** After its report an agent leaves within a second, and its pod ends within a few. Its logs stay if nobody deletes it. */
const LINGERS = seconds(15);
/** A pod starts in seconds, or waits for a machine or an image for minutes. */
const VERIFY_AGAIN = seconds(30);
/** An autoscaler needs minutes to get a machine; after an hour there is none to be had. */
const MOST_AWAITED = seconds(3600);
/** How much more time to start an attempt gets at a time, while a machine is on its way. */
const EXTENSION = seconds(300);

/** Whether the announced attempt is still the one that should start. */
function guard({ announced: { fence, startBy, isHeld }, run, now, isGated }: Situation): Step | undefined {
  if (run === undefined || run.state === "ended") return { kind: "drop", why: "the run has ended" };
  if (run.fence > fence) return { kind: "drop", why: "a later attempt was announced" };
  if (run.fence < fence) {
    // Its predecessor drains, and the run will be queued with this fence, unless its predecessor succeeds.
    const isDraining = isHeld && run.fence + 1 === fence && run.state === "leaving";
    if (isDraining && isGated) return undefined;
    if (now >= startBy) return { kind: "drop", why: "its time to start is over" };
    return { kind: "wait", again: FENCE_AGAIN, why: "the run is not as far as its message" };
  }
  if (run.state === "waiting") return { kind: "done", why: "it is announced again after its backoff" };
  if (run.state !== "queued") return { kind: "done", why: "the attempt is claimed" };
  // The run item may give it more time than its first message did.
  return now >= (run.due > startBy ? run.due : startBy)
    ? { kind: "drop", why: "its time to start is over" }
    : undefined;
}

/** The next step for an announced attempt. Each step may be repeated: a message comes more than once. */
export function stepOf(situation: Situation): Step {
  const { announced, shown, isEndAwaited, isSeen, now, run, announcedAt } = situation;
  const stopped = guard(situation);
  if (stopped !== undefined) return stopped;
  if (!isSeen) return { kind: "tell" };
  if (shown === undefined) return { kind: "look" };
  const { before, next, failed, ended } = shown;
  if (ended !== undefined) return { kind: "end", end: ended };
  if (failed !== undefined) return { kind: "give-up", failed };
  const isLingering = announced.isReported && after(announcedAt, LINGERS) > now;
  if (!announced.isHeld && before === "there" && !isLingering) return { kind: "fence" };
  // A held successor may be made at once, because it waits at the gate. But the gate knows nothing of pods.
  if (before !== "gone" && isEndAwaited && next === "none")
    return { kind: "wait", again: FENCE_AGAIN, why: "an attempt before is ending" };
  if (next === "over") return { kind: "done", why: "its pod has ended without a claim: the sweep charges the start" };
  // A queue knows how long it takes: a new Job would stand at its end.
  const isComing = next === "suspended" || (next === "coming" && after(announcedAt, MOST_AWAITED) > now);
  const isAwaited = isComing && run?.state === "queued";
  const until = after(now, EXTENSION);
  // What was made by halves is completed, so the target is asked again although it has started.
  return { kind: "nudge", again: VERIFY_AGAIN, ...(isAwaited && run.due < until && { until }) };
}

/** The run with more time to start its attempt. It changes nothing if the attempt is another one, or claimed. */
export const prolonged = (run: Run, fence: Fence, until: Instant): Decision =>
  run.state === "queued" && run.fence === fence && run.due < until
    ? {
        write: "replace",
        next: { ...run, rev: run.rev + 1, due: until },
        due: { is: run.due },
        reply: { kind: "noted" },
      }
    : refuse({ kind: "noted" });

/** The run, ended because its target says so. It changes nothing if the attempt is another one, or claimed. */
export const endedElsewhere = (run: Run, fence: Fence, event: Cancel): Decision =>
  run.state === "queued" && run.fence === fence ? cancelIdle(run, event) : refuse({ kind: "noted" });
