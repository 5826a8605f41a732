import { AccountError, deniedAction, sentenceOf } from "../refusal.ts";
import type { Settings } from "../settings.ts";
import type { Stack } from "../stack.ts";
import { type Finding, problem, warning } from "./finding.ts";

/** What every check is told. `clock` gives Unix milliseconds; `version` is the command line's own. */
export type Bench = {
  readonly stack: Stack;
  readonly settings: Settings;
  readonly clock: () => number;
  readonly version: string;
};

/** One look at one thing. `needs` is the action that it has to be allowed, where AWS does not name it. */
export type Check = {
  readonly name: string;
  readonly needs: string;
  look(bench: Bench): Promise<readonly Finding[]>;
};

/** What a failed look says. That somebody may not look proves nothing, good or bad; that nobody answers does. */
export function couldNotLook(check: string, error: unknown, needs: string): Finding {
  const action = deniedAction(error, needs);
  if (action !== undefined)
    return warning(check, `could not look: needs ${action}`, `allow ${action}, or ask as somebody who may`);
  const why = error instanceof AccountError ? error.message : sentenceOf(error, needs);
  return problem(check, `could not look: ${why}`, "mend that, and look again");
}

/** What all of them find, in their order. They look at once: each waits for another service. */
export async function examine(checks: readonly Check[], bench: Bench): Promise<readonly Finding[]> {
  const found = await Promise.all(
    checks.map(({ name, needs, look }) =>
      look(bench).catch((error: unknown): readonly Finding[] => [couldNotLook(name, error, needs)]),
    ),
  );
  return found.flat();
}
