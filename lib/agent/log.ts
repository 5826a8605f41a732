import { constants, openSync, writeSync } from "node:fs";
import { instant } from "../core/time.ts";
import { iso } from "../wire/instants.ts";
import { printable } from "../wire/printable.ts";

/** How the agent's own lines are written. */
export type LogStyle = "text" | "json" | "quiet";

const STDERR = 2;

/**
 * A descriptor of our own for stderr. The command shares the first one, and may have made it block: then a log that nobody reads would stop
 * the agent's beats. Where the system has no such path, the first one has to do.
 */
function ownDescriptor(): number {
  try {
    return openSync(`/proc/self/fd/${STDERR}`, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK);
  } catch {
    return STDERR; // a socket, another system, or a pipe without a reader
  }
}

/** Writes the agent's lines to stderr. A log that is full, closed or not read loses lines, and never ends or delays the agent. */
export function logger(style: LogStyle, facts: Readonly<Record<string, unknown>> = {}): (line: string) => void {
  if (style === "quiet") return () => {};
  const descriptor = ownDescriptor();
  let leftOut = 0;
  const write = (line: string): boolean => {
    const message = printable(line);
    const text =
      style === "text" ? `lastbeat: ${message}` : JSON.stringify({ time: iso(instant(Date.now())), message, ...facts });
    try {
      writeSync(descriptor, `${text}\n`);
      return true;
    } catch {
      return false; // a disk is full, nobody reads, or nobody is there
    }
  };
  return (line) => {
    if (leftOut > 0 && write(`${leftOut} lines were left out: nobody read them in time`)) leftOut = 0;
    if (!write(line)) leftOut += 1;
  };
}
