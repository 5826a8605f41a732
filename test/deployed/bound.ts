import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Ends the program when its own end is asked for, and when its standard input is closed: that happens, too, when whoever has
 * started it was killed and can clean up nothing.
 */
const KEEPER = `exec 3<&0
"$@" </dev/null 3<&- &
pid=$!
trap 'kill $pid 2>/dev/null' TERM INT
(cat <&3 >/dev/null; kill $pid 2>/dev/null) &
while kill -0 $pid 2>/dev/null; do wait $pid; done`;

/** Starts a program that does not outlive us. */
export const spawnBound = (program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess =>
  spawn("sh", ["-c", KEEPER, "sh", program, ...args], { stdio: ["pipe", "ignore", "ignore"], env });

/** Ends it, by its process id, and waits until it is gone. */
export async function end(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return;
  const gone = once(program, "exit");
  program.stdin?.end();
  program.kill("SIGTERM");
  const late = setTimeout(() => program.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(late);
}
