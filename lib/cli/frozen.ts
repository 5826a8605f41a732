import type { FreezeView } from "../wire/freeze.ts";
import { clock } from "./durations.ts";
import { wrapped } from "./wrapped.ts";

const WHY = {
  canary: "the canary cannot reach the front door",
  silence: "too few hosts are heard of all that should be",
  sweeps: "no sweep has looked for a while",
  witness: "nobody else was heard who could tell a dead host from a front door that is away",
} as const;

/** What people are told of a freeze of the fleet; nothing while there is none. */
export const frozenFleet = (freeze: FreezeView | undefined): readonly string[] =>
  linesOf(freeze, (until) => `The first verdicts by the clock wait until ${until} UTC at most.`);

/** What people are told of a run whose verdict by the clock waits; nothing where it does not. */
export const frozenRun = (freeze: FreezeView | undefined): readonly string[] =>
  linesOf(freeze, (until) => `A verdict by the clock on this run waits until ${until} UTC at most.`);

function linesOf(freeze: FreezeView | undefined, rest: (until: string) => string): readonly string[] {
  if (freeze === undefined) return [];
  const { since, until, why } = freeze;
  return wrapped("", `frozen since ${clock(since)} UTC: ${WHY[why]}. ${rest(clock(until))}`);
}
