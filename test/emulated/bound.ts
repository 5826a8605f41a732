import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";

/**
 * Ends the program when its own end is asked for, and when its standard input is closed: that happens, too, when whoever has
 * started it was killed and can clean up nothing. A program that does not want to end is killed after 10 s.
 */
const KEEPER = `exec 3<&0
"$@" </dev/null 3<&- &
pid=$!
stop() { kill $pid 2>/dev/null; (sleep 10; kill -9 $pid 2>/dev/null) >/dev/null 2>&1 3<&- & }
trap stop TERM INT
(cat <&3 >/dev/null; kill -TERM $$ 2>/dev/null) >/dev/null 2>&1 &
while kill -0 $pid 2>/dev/null; do wait $pid; code=$?; done
exit $code`;

/** Starts a program that does not outlive us. `log`: the file that gets what it says. */
export function spawnBound(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  log = "/dev/null",
): ChildProcess {
  const output = openSync(log, "w");
  return spawn("sh", ["-c", KEEPER, "sh", program, ...args], { stdio: ["pipe", output, output], env });
}

/** Ends it, by its process id, and waits until it is gone. */
export async function end(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return;
  const gone = once(program, "exit");
  program.stdin?.end();
  await gone;
}

/** What it watches is killed when we end, however that comes. */
export type Guard = { watch(child: ChildProcess): void; dismiss(): void };

/** Hears "+ pid" of who has started and "- pid" of who has ended, and kills the rest when nobody is left to tell. */
const WATCHER = `pids=" "
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 $pid 2>/dev/null; done`;

/** For programs that have to be children of our own. */
export function guard(): Guard {
  const watcher = spawn("sh", ["-c", WATCHER], { stdio: ["pipe", "ignore", "ignore"] });
  watcher.stdin?.on("error", () => {}); // told to nobody
  return {
    watch: (child) => {
      watcher.stdin?.write(`+ ${child.pid}\n`);
      child.once("exit", () => watcher.stdin?.writable && watcher.stdin.write(`- ${child.pid}\n`));
    },
    dismiss: () => void watcher.stdin?.end(),
  };
}
