import { type Decision, refuse } from "./decision.ts";
import { isFollowed } from "./ending.ts";
import { concerns, drains, type Evidence, explains } from "./evidence.ts";
import { type Fence, isClaimed, type Leaving, type Queued, type Run, type Running } from "./run.ts";
import type { Registration } from "./spec.ts";
import { stayOf } from "./stay.ts";
import type { Instant } from "./time.ts";

/** Evidence about a host, or a runner's evidence about itself, for one attempt. */
export type Noticed = {
  readonly kind: "notice";
  readonly now: Instant;
  /** The attempt that is meant. */
  readonly fence: Fence;
  /** The host that the evidence is about; absent if a runner speaks about itself. */
  readonly host?: string;
  readonly evidence: Evidence;
  readonly registration: Registration;
};

/**
 * Whether the evidence is about this attempt on its current host. Another pod may have claimed it on another host
 * meanwhile.
 */
const isNoticeAbout = (run: Run, { fence, host }: Noticed): boolean =>
  run.fence === fence && (host === undefined || (isClaimed(run) && run.host === host));

/** Whether the evidence asks the attempt to leave. */
const isToldToLeave = ({ evidence, registration }: Noticed): boolean =>
  drains(evidence) && registration.spec.onNotice !== "ignore";

/** What a notice does to a running attempt, according to the run's policy. */
export function leave(run: Running, notice: Noticed): Decision {
  const { evidence, now } = notice;
  if (!isNoticeAbout(run, notice) || !concerns(evidence, stayOf(run, now))) return noted();
  if (isToldToLeave(notice)) return { write: "replace", next: leaving(run, notice), reply: { kind: "leaving" } };
  return explains(evidence) ? seenAgain(run) : noted();
}

/**
 * A notice for an attempt that is already leaving. A nearer deadline reaches the attempt, and an explanation its
 * verdict.
 */
export function hasten(run: Leaving, notice: Noticed): Decision {
  const { evidence, now } = notice;
  if (run.isFree || !isNoticeAbout(run, notice) || !concerns(evidence, stayOf(run, now))) return noted();
  const { deadline } = evidence;
  const isNearer = deadline !== undefined && (run.deadline === undefined || deadline < run.deadline);
  if (isNearer && isToldToLeave(notice)) {
    const next: Leaving = { ...run, rev: run.rev + 1, reason: reasonOf(evidence), deadline };
    return { write: "replace", next, reply: { kind: "leaving" } };
  }
  return explains(evidence) ? seenAgain(run) : noted();
}

/** Only rev changes. A verdict that was found without this evidence is then stale, and looks again. */
const seenAgain = (run: Running | Leaving): Decision => ({
  write: "replace",
  next: { ...run, rev: run.rev + 1 },
  reply: { kind: "noted" },
});

const reasonOf = ({ note, kind }: Evidence): string => note ?? kind;

/**
 * The attempt drains. With the policy `handover` its successor is announced at once, as a debt in the same write,
 * unless an interruption would end the run.
 */
function leaving(run: Running, { now, evidence, registration }: Noticed): Leaving {
  const { deadline } = evidence;
  const isAnnounced = registration.spec.onNotice === "handover" && isFollowed(run, registration, now);
  return {
    ...run,
    rev: run.rev + 1,
    state: "leaving",
    directive: "drain",
    reason: reasonOf(evidence),
    ...(deadline !== undefined && { deadline }),
    ...(isAnnounced && { debt: { ...run.debt, since: now, owes: "handover" } as const }),
  };
}

/**
 * A claim of this attempt may be on its way, decided before this evidence came. It finds that rev has moved, and reads
 * again what is known about its host.
 */
export const warn = (run: Queued, { evidence, fence }: Noticed): Decision =>
  drains(evidence) && run.fence === fence
    ? { write: "replace", next: { ...run, rev: run.rev + 1 }, reply: { kind: "noted" } }
    : noted();

/**
 * A notice that changes nothing: nobody holds the run, or it is already being canceled, or it is not the one that is
 * meant.
 */
export const noted = (): Decision => refuse({ kind: "noted" });
