import { spawn } from "node:child_process";
import { constants } from "node:os";
import { type ChildEnd, EXIT } from "./heart.ts";

export type Child = { signal(name: string): void };

const numberOf = (signal: string): number => (constants.signals as Record<string, number>)[signal] ?? 0;

/** The number of a signal, for an exit code of 128 + n. */
export const signalNumber = numberOf;

/**
 * Starts the command in a process group of its own, so that a signal reaches what it started too. `ended` is called once,
 * also when the command could not be started: 127 not found, 126 not executable, as a shell would say.
 */
export function startChild(
  command: readonly [string, ...string[]],
  environment: NodeJS.ProcessEnv,
  ended: (end: ChildEnd) => void,
): Child {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: "inherit", detached: true, env: environment });
  child.once("error", (error: NodeJS.ErrnoException) => {
    if (child.pid !== undefined) return; // a signal that could not be sent, not a start that failed
    const status = error.code === "ENOENT" ? EXIT.notFound : EXIT.notExecutable;
    ended({ exitCode: status, status, message: `${program}: ${error.message}` });
  });
  child.once("exit", (code, signal) => {
    if (signal === null) ended({ exitCode: code ?? 0, status: code ?? 0 });
    else ended({ signal, status: 128 + numberOf(signal) });
  });
  return {
    signal: (name) => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // the group is gone: nothing to signal
      }
    },
  };
}
