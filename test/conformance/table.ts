import { appendFileSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/*
 * The table of the conformance suite: each behaviour, and the agents that have it. Each file of the suite adds lines to the file that
 * LASTBEAT_CONFORMANCE_TABLE names; `table-main.ts` prints them all.
 */

export type Line = { readonly behaviour: string; readonly agent: string; readonly has: boolean };

const FILE = process.env["LASTBEAT_CONFORMANCE_TABLE"];

function note(line: Line): void {
  if (FILE !== undefined) appendFileSync(FILE, `${JSON.stringify(line)}\n`);
}

/** `test` for one agent: how it ends stands in the table. */
export const noted =
  (agent: string) =>
  (title: string, act: () => Promise<void>, limitMs?: number): void =>
    test(
      title,
      async () => {
        let has = false;
        try {
          await act();
          has = true;
        } finally {
          note({ behaviour: title, agent, has });
        }
      },
      limitMs,
    );

/** The longest plays 1,000 attempts: a minute, and five on a busy machine. */
const LIMIT_MS = 400_000;

/**
 * A behaviour of one agent. `except` names the agents of which docs/agents.md says that they lack it: for them the test expects just that.
 */
export function behaviour(
  agent: string,
  title: string,
  act: () => Promise<boolean>,
  ...except: readonly string[]
): void {
  test(
    title,
    async () => {
      const has = await act();
      const line: Line = { behaviour: title, agent, has };
      if (FILE !== undefined) appendFileSync(FILE, `${JSON.stringify(line)}\n`);
      expect(has).toBe(!except.includes(agent));
    },
    LIMIT_MS,
  );
}

/** Whether a process is there and runs. One that only waits to be reaped does not. */
export function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !["Z", "X"].includes(stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "");
  } catch {
    return false;
  }
}

/** Looks again until it is so, for 20 s at most. */
export async function until(isReached: () => boolean | Promise<boolean>, seconds = 20): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    if (await isReached()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
