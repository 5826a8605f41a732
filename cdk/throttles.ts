import type { Route } from "../lib/wire/routes.ts";
import { beatsPerSecond, type Settings } from "./settings.ts";

/** Requests a second, and how many at once. */
export type Throttle = { readonly rate: number; readonly burst: number };

/** What an account takes on all its APIs, until it asks for more: requests a second, and at once. More cannot be let in. */
const ACCOUNT: Throttle = { rate: 10_000, burst: 5000 };
const SMALL_ACCOUNT: Throttle = { rate: 2500, burst: 1250 };

/** Where it takes a quarter of that (API Gateway's quotas, footnote). */
const SMALL_REGIONS: ReadonlySet<string> = new Set([
  "af-south-1",
  "eu-south-1",
  "ap-southeast-3",
  "me-central-1",
  "ap-south-2",
  "ap-southeast-4",
  "eu-south-2",
  "eu-central-2",
  "il-central-1",
  "ca-west-1",
  "ap-southeast-5",
  "ap-southeast-7",
  "mx-central-1",
]);

/** What an account takes in a region; as in most, where the region is not known before the deployment. */
export const accountIn = (region: string): Throttle => (SMALL_REGIONS.has(region) ? SMALL_ACCOUNT : ACCOUNT);

/**
 * However small the fleet. A limit that is not used costs nothing, and one that strangers use up with garbage, which they can
 * do before the Lambda sees their token, should not be a small one.
 */
const LEAST = { owner: 100, runner: 200, beat: 500, anyone: 20 } as const;

/** How often a call may be wanted: owners' calls low, claims and ends medium, beats three times what is expected. */
export function wantedRate({ service, caller }: Route, settings: Settings): number {
  if (caller === "anyone") return LEAST.anyone;
  // After an outage a whole fleet comes back at once, and drains beat more often.
  if (service === "beat") return Math.ceil(Math.max(LEAST.beat, 3 * beatsPerSecond(settings)));
  // A successor that is held at the gate asks once a second: a tenth of the fleet may be handed over at once.
  if (caller === "ticket" || caller === "token") return Math.ceil(Math.max(LEAST.runner, settings.expectedRuns / 10));
  return Math.ceil(Math.max(LEAST.owner, settings.expectedRuns / 100));
}

/** How often a call may be made. */
export function throttleOf(route: Route, settings: Settings, region: string): Throttle {
  const rate = wantedRate(route, settings);
  const most = accountIn(region);
  return { rate: Math.min(rate, most.rate), burst: Math.min(2 * rate, most.burst) };
}
