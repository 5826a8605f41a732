import type { Route } from "../lib/wire/routes.ts";
import { BEAT_SECONDS, type Settings } from "./settings.ts";

/** Requests a second, and how many at once. */
export type Throttle = { readonly rate: number; readonly burst: number };

/** An account takes 10,000 requests a second on all its APIs, until it asks for more. */
export const ACCOUNT_RATE = 10_000;

/** What a person or an orchestrator asks, however small the fleet. */
const LEAST = { owner: 20, runner: 50, anyone: 20 } as const;

function rateOf({ at, by }: Route, { expectedRuns }: Settings): number {
  if (by === "anyone") return LEAST.anyone;
  // After an outage a whole fleet comes back at once, and drains beat more often.
  if (at === "beat") return Math.max(LEAST.runner, (3 * expectedRuns) / BEAT_SECONDS);
  // A successor that is held at the gate asks once a second: a tenth of the fleet may be handed over at once.
  if (by === "ticket" || by === "token") return Math.max(LEAST.runner, expectedRuns / 10);
  return Math.max(LEAST.owner, expectedRuns / 100);
}

/** How often a call may be made: owners' calls low, claims and ends medium, beats three times what is expected. */
export function throttleOf(route: Route, settings: Settings): Throttle {
  const rate = Math.ceil(rateOf(route, settings));
  return { rate, burst: 2 * rate };
}
