import { AccountError, deniedAction, sentenceOf } from "../refusal.ts";
import type { Settings } from "../settings.ts";
import type { Stack } from "../stack.ts";
import { type Finding, problem, warning } from "./finding.ts";

/** What every check gets. `clock` returns Unix milliseconds; `version` is the version of the command line. */
export type Bench = {
  readonly stack: Stack;
  readonly settings: Settings;
  readonly clock: () => number;
  readonly version: string;
};

/** A check of one thing. `needs`: the action that it must be allowed, for errors in which AWS does not name it. */
export type Check = {
  readonly name: string;
  readonly needs: string;
  look(bench: Bench): Promise<readonly Finding[]>;
};

/**
 * The finding of a check that failed. A missing permission proves nothing, so it is only a warning; no answer is a
 * problem.
 */
export function couldNotLook(check: string, error: unknown, needs: string): Finding {
  const action = deniedAction(error, needs);
  if (action !== undefined)
    return warning(check, `could not look: needs ${action}`, `allow ${action}, or use credentials that have it`);
  const why = error instanceof AccountError ? error.message : sentenceOf(error, needs);
  return problem(check, `could not look: ${why}`, "fix that, then run doctor again");
}

/**
 * The findings of all checks, in their order. The checks run at the same time, because each waits for another service.
 */
export async function examine(checks: readonly Check[], bench: Bench): Promise<readonly Finding[]> {
  const found = await Promise.all(
    checks.map(({ name, needs, look }) =>
      look(bench).catch((error: unknown): readonly Finding[] => [couldNotLook(name, error, needs)]),
    ),
  );
  return found.flat();
}
