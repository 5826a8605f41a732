import type { Report } from "../core/run.ts";
import type { Instant } from "../core/time.ts";
import type { ChildEnd, Stop } from "./stopping.ts";

/*
 * What the agent says on stderr about each thing that it does to the command: what happened, what it does, and what comes next. Each
 * agent says the same: the lines are part of the vectors.
 */

/** Whole seconds, rounded up. */
const inSeconds = (span: number): string => `${Math.ceil(span / 1000)} s`;

function cause({ why, reason }: Stop): string {
  switch (why) {
    case "drain":
      return `the attempt is asked to leave (${reason})`;
    case "stalled":
      return "there was no progress in time";
    case "stop":
      return `the run is stopped (${reason})`;
    case "superseded":
      return `the attempt is over (${reason})`;
    case "overran":
      return "the deadline of the attempt or of the run is over";
    case "self-fenced":
      return "no beat was acknowledged in time, and another attempt may start soon";
  }
}

/** The command has to stop, for this reason, by these signals. */
export function saidOfStop(stop: Stop, signals: readonly string[], now: Instant): string {
  const left = inSeconds(stop.killAt - now);
  const next = signals.includes("SIGKILL")
    ? "SIGKILL to the command"
    : signals.includes("SIGTERM")
      ? `SIGTERM to the command, and SIGKILL in ${left} if it is still there`
      : stop.isKilled
        ? "the command was killed already"
        : `SIGKILL to the command in ${left} if it is still there`;
  return `${cause(stop)}: ${next}`;
}

export const KILLED_IN_TIME = "the command has not left in time: SIGKILL to it";

/** A signal came that ends most programs. */
export const saidOfSignal = (signal: string, onInterrupt: "cancel" | undefined): string =>
  `${signal} came and is passed on: if the command dies of it, ${
    signal === "SIGINT" && onInterrupt === "cancel"
      ? "the run is canceled"
      : "the attempt counts as interrupted, and the run is started again"
  }`;

export const saidOfRebalance = "a rebalance of this instance is recommended: the service is told, the command works on";

/** What the exit code does not tell of an end; undefined if that tells all. */
export function saidOfEnd({ message, outOfMemory }: ChildEnd, { reason }: Report): string | undefined {
  if (message !== undefined) return `the command could not be started: ${message}`;
  if (outOfMemory === undefined || reason !== "out-of-memory") return undefined;
  const { limitBytes } = outOfMemory;
  const where =
    limitBytes === undefined ? "the host had no memory left" : `its limit is ${Math.round(limitBytes / 2 ** 20)} MiB`;
  return `a process of the command was killed because it ran out of memory: ${where}`;
}

/** Nobody has answered until the attempt had to start. */
export const saidOfNobody = (detail: string): string =>
  `no front door has answered until the attempt had to start: ${detail}`;
