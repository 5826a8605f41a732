import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { type Span, seconds } from "../core/time.ts";
import { type ChildEnd, EXIT } from "./stopping.ts";

export type Child = { signal(name: string): void };

/** How a command is attended to. */
export type Attended = {
  /** Is called once, with the end of the command, when its whole group is gone. */
  readonly ended: (end: ChildEnd) => void;
  readonly say: (line: string) => void;
  /** Whether signals go to the command alone, and not to its group. KILL goes to all. */
  readonly isSingleChild: boolean;
  /** What is left of the group gets this long between TERM and KILL, when the command has ended by itself, and when it was told to leave. */
  readonly grace: Span;
  readonly linger: Span;
};

const numberOf = (signal: string): number => (constants.signals as Record<string, number>)[signal] ?? 0;

/** The number of a signal, for an exit code of 128 + n. */
export const signalNumber = numberOf;

/** How often a group that has lost its leader is checked. */
const LOOK: Span = seconds(0.05);
/** After these signals, processes that the child has started may need a while to leave. */
const LEAVING = new Set(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]);

/**
 * Starts the command in a process group of its own, so that a signal also reaches the processes that it starts. `ended`
 * is called once, when the whole group is gone: a process that goes on would run beside the next attempt. What
 * the child leaves in its group gets TERM, and KILL later. `ended` is also called if the command could not be started: 127 not found, 126 not
 * executable, as in a shell.
 */
export function startChild(
  command: readonly [string, ...string[]],
  environment: NodeJS.ProcessEnv,
  { ended, say, isSingleChild, grace, linger }: Attended,
): Child {
  const [program, ...args] = command;
  const child = spawned(program, args, environment);
  if (child instanceof Error) {
    setImmediate(() => ended(notStarted(program, child))); // as for a start that fails later
    return { signal: () => {} };
  }
  let [isLeaving, hasTerm] = [false, false];
  const signal = (name: string): void => {
    if (child.pid === undefined) return;
    if (LEAVING.has(name)) isLeaving = true;
    if (name === "SIGTERM") hasTerm = true;
    send(isSingleChild && name !== "SIGKILL" ? child.pid : -child.pid, name);
  };
  child.once("error", (error: NodeJS.ErrnoException) => {
    if (child.pid !== undefined) return; // a signal that could not be sent, not a start that failed
    ended(notStarted(program, error));
  });
  child.once("exit", (code, name) => {
    const end =
      name === null ? { exitCode: code ?? 0, status: code ?? 0 } : { signal: name, status: 128 + numberOf(name) };
    const patience = isLeaving ? linger : grace;
    const killAt = performance.now() + patience;
    if (child.pid !== undefined && isAlive(child.pid)) {
      say(
        `the command has ended and has left processes: SIGTERM, and SIGKILL in ${Math.ceil(patience / 1000)} s to what is still there`,
      );
      // What a command that had a TERM has started had it, too.
      if (!hasTerm || isSingleChild) send(-child.pid, "SIGTERM");
    }
    const look = (): void => {
      if (child.pid === undefined || !isAlive(child.pid)) {
        ended(end);
        return;
      }
      if (performance.now() >= killAt) signal("SIGKILL");
      setTimeout(look, LOOK);
    };
    look();
  });
  return { signal };
}

/** Some starts fail at once (an empty name, a name that is too long, a path through a file), others with an event. */
function spawned(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): ChildProcess | NodeJS.ErrnoException {
  try {
    return spawn(program, args, { stdio: "inherit", detached: true, env });
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** As much of a message as a person reads. The API takes 4 KiB. */
const MESSAGE_LENGTH = 500;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "it is not executable",
  ENOEXEC: "it is not a program that this machine can run",
  E2BIG: "its arguments and environment are too long",
};

function notStarted(program: string, { code = "", message }: NodeJS.ErrnoException): ChildEnd {
  const isMissing = code === "ENOENT" || program === "";
  const status = isMissing ? EXIT.notFound : EXIT.notExecutable;
  const why = isMissing ? "not found" : (REASONS[code] ?? message);
  return { exitCode: status, status, message: `${program}: ${why}`.slice(0, MESSAGE_LENGTH) };
}

/** Whether there was a process to signal. */
function send(to: number, name: string | 0): boolean {
  try {
    process.kill(to, name);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return false; // the group is gone
    if (code === "EPERM") return false; // what is left runs as another user, whose processes are not ours to stop
    throw error;
  }
}

/**
 * Whether a process of the group still runs. One that only waits to be reaped does not: Node as process 1 never reaps
 * it.
 */
function isAlive(group: number): boolean {
  if (!send(-group, 0)) return false;
  if (process.platform !== "linux") return true;
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && isRunningIn(group, name));
}

function isRunningIn(group: number, pid: string): boolean {
  try {
    // `pid (name) state parent group ...`; the name may hold anything, even brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, , of] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(of) === group && state !== "Z" && state !== "X";
  } catch {
    return false; // gone meanwhile
  }
}
