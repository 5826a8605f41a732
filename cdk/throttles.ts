import type { Route } from "../lib/wire/routes.ts";
import { beatsPerSecond, type Settings } from "./settings.ts";

/** Requests per second, and at once. */
export type Throttle = { readonly rate: number; readonly burst: number };

/** The default quota of an account for all its APIs: requests per second, and at once. No throttle can allow more. */
const ACCOUNT: Throttle = { rate: 10_000, burst: 5000 };
const SMALL_ACCOUNT: Throttle = { rate: 2500, burst: 1250 };

/** Regions in which the quota is a quarter of that (API Gateway's quotas, footnote). */
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

/**
 * The quota of an account in a region. If the region is not known before the deployment, it is that of most regions.
 */
export const accountIn = (region: string): Throttle => (SMALL_REGIONS.has(region) ? SMALL_ACCOUNT : ACCOUNT);

/**
 * The least throttles, also for a small fleet. An unused limit costs nothing. Strangers can use up a limit with garbage
 * before the Lambda sees their token, so it should not be small.
 */
const LEAST = { owner: 100, runner: 200, beat: 500, anyone: 20 } as const;

/** The rate of a call: low for owners' calls, medium for claims and ends, three times the expected rate for beats. */
export function wantedRate({ service, caller }: Route, settings: Settings): number {
  if (caller === "anyone") return LEAST.anyone;
  // After an outage a whole fleet comes back at once, and drains beat more often.
  if (service === "beat") return Math.ceil(Math.max(LEAST.beat, 3 * beatsPerSecond(settings)));
  // A successor at the gate claims once a second, and a tenth of the fleet may be handed over at once.
  if (caller === "ticket" || caller === "token") return Math.ceil(Math.max(LEAST.runner, settings.expectedRuns / 10));
  return Math.ceil(Math.max(LEAST.owner, settings.expectedRuns / 100));
}

/** The throttle of a call. */
export function throttleOf(route: Route, settings: Settings, region: string): Throttle {
  const rate = wantedRate(route, settings);
  const most = accountIn(region);
  return { rate: Math.min(rate, most.rate), burst: Math.min(2 * rate, most.burst) };
}
