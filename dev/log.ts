import { isNews } from "../lib/app/sweep-counts.ts";
import type { Log, LogLine } from "../lib/ports/runtime.ts";
import { printable } from "../lib/wire/printable.ts";

function describe({ decision, run, attempt, fence, state, cause, error, counts }: LogLine): string {
  const said = [
    run,
    decision,
    state !== undefined && `-> ${state}`,
    attempt !== undefined && `attempt ${attempt}`,
    fence !== undefined && `fence ${fence}`,
    cause !== undefined && `(${cause})`,
    counts !== undefined &&
      Object.entries(counts)
        .map(([name, count]) => `${count} ${name}`)
        .join(", "),
    error,
  ];
  return printable(said.filter((part) => part !== false && part !== undefined).join("  "));
}

/** One readable line per decision, on stderr: stdout is for the answers of the command line. */
export const textLog: Log = {
  write: (line) => {
    // The embedded server does not know the caller, and the result of the call has a line of its own.
    if (isNews(line) && line.decision !== "asked")
      console.error(`${new Date().toISOString().slice("yyyy-mm-ddT".length)}  ${describe(line)}`);
  },
};
