import type { Instant } from "../time.ts";
import { type Clue, clue, hint, type Points, told } from "./clue.ts";
import type { ExitFacts } from "./facts.ts";
import { meaningOf } from "./meaning.ts";

/** 128 and the number of a signal, as a shell reports it; or the negative number, as Python's subprocess does. */
const signalOf = (code: number): number | undefined =>
  code < 0 && code > -65 ? -code : code > 128 && code < 193 ? code - 128 : undefined;

/** Signals that a program sends to itself by a fault of its own: QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, PIPE, XCPU, XFSZ, SYS. */
const OWN_SIGNALS: ReadonlySet<number> = new Set([3, 4, 5, 6, 7, 8, 11, 13, 24, 25, 31]);
const OWN_SIGNAL_NAMES = /^(SIG)?(QUIT|ILL|TRAP|ABRT|BUS|FPE|SEGV|PIPE|XCPU|XFSZ|SYS)$/;

/** Whether a program sends this signal to itself, by its name or as `signal 11`. */
const isOwnSignal = (signal: string): boolean =>
  OWN_SIGNAL_NAMES.test(signal) || OWN_SIGNALS.has(Number(signal.replace(/^signal /, "")));

/** Codes of a shell for a command that cannot be run. */
const UNSTARTABLE: ReadonlySet<number> = new Set([126, 127]);
/** `timeout` of coreutils. */
const TIMED_OUT = 124;
/** A container that was lost over a restart of its runtime or its node ends with 255, and so does a failed ssh. */
const LOST = 255;
/** 247 is SIGKILL as a byte: 256 - 9; 241 is SIGTERM. Some supervisors pass it on like that. */
const KILLED_AS_BYTES: ReadonlySet<number> = new Set([247, 241]);

/** What an exit code alone says. Exit codes lie in both directions: everything that was said about the pod outranks it. */
function pointsOf(code: number | undefined, signal: string | undefined): Points | undefined {
  if (signal !== undefined) return isOwnSignal(signal) ? "failed" : "killed";
  if (code === undefined) return undefined;
  if (code === 0) return "succeeded";
  if (code === LOST || KILLED_AS_BYTES.has(code)) return "killed";
  if (code === TIMED_OUT) return "deadline";
  if (UNSTARTABLE.has(code)) return "unstartable";
  const number = signalOf(code);
  return number !== undefined && !OWN_SIGNALS.has(number) ? "killed" : "failed";
}

/** Reasons of the kubelet that say no more than the exit code does. */
const PLAIN = /^(error|completed|container ?status ?unknown|unknown)$/i;

const textOf = ({ reason, exitCode, signal, message }: ExitFacts): string =>
  told(reason, exitCode === undefined ? undefined : `exit code ${exitCode}`, signal, message);

/** Whether the reason says no more than the exit code does. */
const isPlain = ({ reason }: ExitFacts): boolean => reason === undefined || PLAIN.test(reason);

/**
 * What the end of a container says: the reason of the kubelet, then the exit code. Its message is the text of the
 * program, which may write anything: it says nothing, but beside a reason of the runtime.
 */
export function clueOfContainer(end: ExitFacts, where: string, at?: Instant): Clue | undefined {
  const meant = isPlain(end) ? undefined : (meaningOf(end.reason) ?? meaningOf(end.message));
  const byCode = pointsOf(end.exitCode, end.signal);
  const points = meant === undefined || (byCode === "succeeded" && meant !== "memory") ? byCode : meant;
  return points && { ...clue(points, where, textOf(end), at), isExit: true };
}

/** A supervisor that says this has seen more than the exit code. */
const TAKEN_BY = /lost communication|system failure/i;

/**
 * What the end of a process says, as its supervisor tells it. The message is the supervisor's: that somebody took the
 * capacity outranks the code with which the process answered. If it ended well all the same, nothing is decided.
 */
export function clueOfExit(exit: ExitFacts): Clue | undefined {
  const byCode = pointsOf(exit.exitCode, exit.signal);
  const byMessage = meaningOf(exit.message);
  const isTaken = byMessage === "reclaimed" || TAKEN_BY.test(exit.message ?? "");
  const isOpen = byCode === undefined || byCode === "killed";
  const byReason = isPlain(exit) ? undefined : meaningOf(exit.reason);
  const meant = byReason ?? (isOpen || isTaken ? byMessage : undefined);
  const text = textOf(exit);
  if (byCode === "succeeded" && meant !== undefined) return { ...hint("killed", "exit", text), isExit: true };
  const points = meant ?? byCode;
  return points && { ...clue(points, "exit", text), isExit: true };
}
