import type { FreezeView } from "../wire/freeze.ts";
import { clock } from "./durations.ts";
import { wrapped } from "./wrapped.ts";

const WHY = {
  canary: "the canary cannot reach the front door",
  silence: "too few of the expected hosts are heard",
  sweeps: "no sweep has looked for a while",
  witness: "no other host was heard, so a dead host looks the same as a front door that is down",
} as const;

/** The lines about a freeze of the fleet; none while there is no freeze. */
export const frozenFleet = (freeze: FreezeView | undefined): readonly string[] =>
  linesOf(freeze, (until) => `The first verdicts by the clock wait until ${until} UTC at the latest.`);

/** The lines about a run whose verdict by the clock waits; none for any other run. */
export const frozenRun = (freeze: FreezeView | undefined): readonly string[] =>
  linesOf(freeze, (until) => `A verdict by the clock on this run waits until ${until} UTC at the latest.`);

function linesOf(freeze: FreezeView | undefined, rest: (until: string) => string): readonly string[] {
  if (freeze === undefined) return [];
  const { since, until, why } = freeze;
  return wrapped("", `frozen since ${clock(since)} UTC: ${WHY[why]}. ${rest(clock(until))}`);
}
