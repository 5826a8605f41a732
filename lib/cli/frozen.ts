import type { FreezeView } from "../wire/freeze.ts";
import { clock } from "./spans.ts";
import { wrapped } from "./wrapped.ts";

const WHY = {
  canary: "the canary cannot reach the front door",
  silence: "too few hosts are heard of all that should be",
} as const;

/** What people are told of a freeze; nothing while there is none. */
export const frozenLines = (freeze: FreezeView | undefined): readonly string[] =>
  freeze === undefined ? [] : wrapped("", sentence(freeze));

const sentence = ({ since, until, why }: FreezeView): string =>
  `frozen since ${clock(since)} UTC: ${WHY[why]}. Verdicts by the clock wait until ${clock(until)}, or 15 minutes beyond their lease.`;
