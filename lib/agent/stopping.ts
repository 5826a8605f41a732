import { paceOf } from "../core/lease.ts";
import type { Report } from "../core/run.ts";
import { after, before, earlier, type Instant, milliseconds, type Span, seconds } from "../core/time.ts";
import type { OutOfMemory } from "./memory.ts";

/** The agent's exit codes, for when it does not leave with its child's own code. */
export const EXIT = {
  selfFenced: 80,
  superseded: 81,
  preempted: 82,
  agentError: 125,
  notExecutable: 126,
  notFound: 127,
} as const;

/** How the child ended. A command that could not be started has a code of its own (126, 127). */
export type ChildEnd = {
  readonly exitCode?: number;
  readonly signal?: string;
  /** 128 + the signal's number, or the exit code. */
  readonly status: number;
  /** Why it could not be started. */
  readonly message?: string;
  /** The kernel has killed a process of the command for want of memory. The limit is absent if the host itself had none left. */
  readonly outOfMemory?: OutOfMemory;
};

/** A signal that was passed on to the child. */
export type Signal = { readonly signal: string; readonly number: number };

type Why = "drain" | "stalled" | "stop" | "superseded" | "overran" | "self-fenced";

/** A child that has to stop: why, and when it is killed if it has not stopped. */
export type Stop = {
  readonly why: Why;
  readonly reason: string;
  readonly killAt: Instant;
  readonly isKilled: boolean;
};

/** Reasons only rise: a reason that says that the attempt is over outranks one that asks the child to leave. */
const RANK: Readonly<Record<Why, number>> = {
  drain: 1,
  stalled: 1,
  stop: 2,
  superseded: 3,
  overran: 3,
  "self-fenced": 3,
};

/** The 120 s of a spot notice, less the 30 s that a beat may take to bring it. */
export const DRAIN: Span = seconds(90);

/**
 * The stop with one more reason. The earlier kill time wins, so that no later reason lengthens a child's life. TERM is
 * sent once. If the time to kill has passed already, as after a suspend, KILL is sent instead.
 */
export function raised(
  stop: Stop | undefined,
  next: Omit<Stop, "isKilled">,
  now: Instant,
): { readonly stop: Stop; readonly signals: readonly string[] } {
  const { why, reason } = stop === undefined || RANK[next.why] > RANK[stop.why] ? next : stop;
  const killAt = earlier(next.killAt, stop?.killAt);
  const wasKilled = stop?.isKilled ?? false;
  const isKilled = wasKilled || killAt <= now;
  const signals = wasKilled ? [] : isKilled ? ["SIGKILL"] : stop === undefined ? ["SIGTERM"] : [];
  return { stop: { why, reason, killAt, isKilled }, signals };
}

/** When a child that is told now to leave is killed: after its grace. */
export const afterGrace = (lease: Span, now: Instant): Instant => after(now, paceOf(lease).grace);

/**
 * When a draining child is killed: a margin before its deadline, or after the drain if it has none. The deadline is by
 * the wall clock. That clock counts only here, for the time that is left.
 */
export function drainedAt(
  { deadline, lease, drain }: { deadline: string | undefined; lease: Span; drain: Span },
  now: Instant,
  wall: Instant,
): Instant {
  const left = deadline === undefined ? Number.NaN : Date.parse(deadline) - wall;
  if (Number.isNaN(left)) return after(now, drain);
  const asked = before(after(now, milliseconds(left)), paceOf(lease).margin);
  // The deadline is near or past, or by another clock. The lease is held, so the child gets its TERM and its grace.
  return asked > afterGrace(lease, now) ? asked : afterGrace(lease, now);
}

/**
 * The agent's own deadline, counted from its newest acknowledged request. Nobody else claims before that lease is over.
 */
export function selfFenceAt(from: Instant, lease: Span): { readonly termAt: Instant; readonly killAt: Instant } {
  const { grace, margin } = paceOf(lease);
  const killAt = before(after(from, lease), margin);
  return { termAt: before(killAt, grace), killAt };
}

/**
 * The result of a child's end: a report, unless nobody wants one, and the exit code. `codeIfLate` is for a report that
 * finds the attempt over.
 */
export type End = { readonly report?: Report; readonly code: number; readonly codeIfLate?: number };

/** An attempt that is over or unwanted is not reported, unless it has succeeded: a success may still count. */
export function endOf(
  end: ChildEnd,
  { forwarded, stop, onInterrupt }: { forwarded: readonly Signal[]; stop?: Stop; onInterrupt?: "cancel" },
): End {
  const fenced = stop?.why === "self-fenced" ? { codeIfLate: EXIT.selfFenced } : {};
  if (end.exitCode === 0)
    return { report: { outcome: "succeeded", exitCode: 0 }, code: codeOfSuccess(stop), ...fenced };
  switch (stop?.why) {
    case "superseded":
      return { code: EXIT.superseded };
    case "stop":
      return { report: interrupted(stop.reason), code: EXIT.superseded };
    case "self-fenced":
      return { report: interrupted(stop.reason), code: EXIT.selfFenced, ...fenced };
    case "drain":
      return isByUs(end)
        ? { report: { ...interrupted(stop.reason), ...factsOf(end) }, code: EXIT.preempted }
        : { report: reportOf(end, forwarded, onInterrupt), code: end.status };
    case "stalled":
      return { report: { outcome: "failed", reason: stop.reason, ...factsOf(end) }, code: end.status };
    case "overran":
    case undefined:
      return { report: reportOf(end, forwarded, onInterrupt, stop?.reason), code: end.status };
  }
}

/** The exit code of a child that succeeded although it had to stop. It is used if the success does not count. */
function codeOfSuccess(stop: Stop | undefined): number {
  if (stop?.why === "self-fenced") return EXIT.selfFenced;
  return stop?.why === "superseded" || stop?.why === "stop" ? EXIT.superseded : 0;
}

export const interrupted = (reason: string): Report => ({ outcome: "interrupted", reason });

/** Whether the child died of our TERM or KILL, or left with the exit codes that shells give for them. */
const isByUs = ({ signal, exitCode }: ChildEnd): boolean =>
  signal === "SIGTERM" || signal === "SIGKILL" || exitCode === 143 || exitCode === 137;

const factsOf = (end: ChildEnd): Pick<Report, "exitCode" | "signal" | "message"> => ({
  ...(end.exitCode !== undefined && { exitCode: end.exitCode }),
  ...(end.signal !== undefined && { signal: end.signal }),
  ...(end.message !== undefined && { message: end.message }),
});

/**
 * What an end means. Exit code 0 is a success even after a TERM, so a child that stops unfinished must not exit 0.
 * Death by a signal that was passed on, or an exit with the code that shells give for it, is an interruption.
 * Everything else is the child's own failure. What the kernel or the start says of that comes before the exit code.
 */
function reportOf(
  end: ChildEnd,
  forwarded: readonly Signal[],
  onInterrupt: "cancel" | undefined,
  reason?: string,
): Report {
  const { outOfMemory, message } = end;
  const by = forwarded.find(({ signal, number }) => end.signal === signal || end.exitCode === 128 + number);
  if (by !== undefined) return { ...endedBy(by.signal, onInterrupt), ...factsOf(end) };
  if (outOfMemory !== undefined)
    return { outcome: "failed", reason: "out-of-memory", ...factsOf(end), ...limitOf(outOfMemory) };
  if (message !== undefined) return { outcome: "failed", reason: "unstartable", ...factsOf(end) };
  return { outcome: "failed", ...(reason !== undefined && { reason }), ...factsOf(end) };
}

const limitOf = ({ limitBytes }: OutOfMemory): Pick<Report, "memoryLimitBytes"> =>
  limitBytes === undefined ? {} : { memoryLimitBytes: limitBytes };

/** What a signal comes to: the run is started again, unless its user has pressed Ctrl-C and wants it canceled then. */
export const endedBy = (signal: string, onInterrupt: "cancel" | undefined): Report =>
  signal === "SIGINT" && onInterrupt === "cancel"
    ? { outcome: "canceled", reason: "sigint" }
    : interrupted(signal.toLowerCase());
