import type { Route } from "../lib/wire/routes.ts";
import { beatsPerSecond, type Settings } from "./settings.ts";

/** Requests a second, and how many at once. */
export type Throttle = { readonly rate: number; readonly burst: number };

/** What an account takes on all its APIs, until it asks for more: requests a second, and at once. More cannot be let in. */
export const ACCOUNT: Throttle = { rate: 10_000, burst: 5000 };

/**
 * However small the fleet. A limit that is not used costs nothing, and one that strangers use up with garbage, which they can
 * do before the Lambda sees their token, should not be a small one.
 */
const LEAST = { owner: 20, runner: 200, beat: 500, anyone: 20 } as const;

/** How often a call may be wanted: owners' calls low, claims and ends medium, beats three times what is expected. */
export function wantedRate({ at, by }: Route, settings: Settings): number {
  if (by === "anyone") return LEAST.anyone;
  // After an outage a whole fleet comes back at once, and drains beat more often.
  if (at === "beat") return Math.ceil(Math.max(LEAST.beat, 3 * beatsPerSecond(settings)));
  // A successor that is held at the gate asks once a second: a tenth of the fleet may be handed over at once.
  if (by === "ticket" || by === "token") return Math.ceil(Math.max(LEAST.runner, settings.expectedRuns / 10));
  return Math.ceil(Math.max(LEAST.owner, settings.expectedRuns / 100));
}

/** How often a call may be made. */
export function throttleOf(route: Route, settings: Settings): Throttle {
  const rate = wantedRate(route, settings);
  return { rate: Math.min(rate, ACCOUNT.rate), burst: Math.min(2 * rate, ACCOUNT.burst) };
}
