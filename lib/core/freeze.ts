import type { State } from "./run.ts";
import { after, type Instant, type Span, seconds } from "./time.ts";

/** How many attempts of one lease class run without positive evidence, and how many of them are silent. */
type Class = { running: number; silent: number };

/** The fleet as one sweep has seen it, by lease class: the power of two of the lease in seconds. */
export type Fleet = Map<number, Class>;

/**
 * What the control item remembers. `floor`: the last instant at which the fleet was silent at once; every lease counts again
 * from there. `since`: the first bad sweep of this outage. `lastBad`: the last one, whether or not it still moved the floor.
 */
export type Freeze = { readonly floor: Instant; readonly since: Instant; readonly lastBad: Instant };

/** Below so many attempts in a class their silence may be chance. */
const FEWEST = 5;
/** A freeze ends after so long at the latest, and can begin again after as long without a bad sweep. */
const VALVE = seconds(15 * 60);

type Seen = { readonly state: State; readonly due: Instant; readonly lease: Span };

/** Counts an attempt. One that leaves has positive evidence, and says nothing about the front door. */
export function tally(fleet: Fleet, { state, due, lease }: Seen, now: Instant): void {
  if (state !== "running") return;
  const power = Math.floor(Math.log2(lease / 1000));
  const found = fleet.get(power) ?? { running: 0, silent: 0 };
  found.running += 1;
  if (due - now <= lease / 2) found.silent += 1; // half of its lease has passed without a beat
  fleet.set(power, found);
}

/** Whether so many are silent at once that the fault is ours. Short leases feel an outage first: any class is enough. */
export const isSilent = (fleet: Fleet): boolean =>
  [...fleet.values()].some(({ running, silent }) => running >= FEWEST && silent * 2 > running);

/** The canary beats every minute; a failure counts until the next but one would have told that it is over. */
const CANARY_COUNTS = seconds(90);

/** Whether runners cannot reach us, as the canary found: that holds for a fleet that is too small to tell by its silence, too. */
export const isCutOff = (canaryFailedAt: Instant | undefined, now: Instant): boolean =>
  canaryFailedAt !== undefined && after(canaryFailedAt, CANARY_COUNTS) > now;

/** What is remembered after a sweep that was bad or not. */
export function nextFreeze(before: Freeze | undefined, now: Instant, isBad: boolean): Freeze | undefined {
  if (!isBad) return before;
  const goesOn = before !== undefined && after(before.lastBad, VALVE) > now;
  const since = goesOn ? before.since : now;
  const isOpen = after(since, VALVE) <= now; // the valve: verdicts go on although the fleet is silent
  return { since, lastBad: now, floor: isOpen && before !== undefined ? before.floor : latest(before?.floor, now) };
}

/** Two sweeps' clocks differ, and the floor never falls. */
const latest = (floor: Instant | undefined, now: Instant): Instant =>
  floor !== undefined && floor > now ? floor : now;

/** Whether the valve has ended a freeze that would still be on: somebody should look. */
export const isValveOpen = (freeze: Freeze | undefined, now: Instant): boolean =>
  freeze !== undefined && freeze.lastBad === now && freeze.floor < now;

/** Until when a lease that was silent at the floor counts. */
export const leaseEnd = (due: Instant, lease: Span, floor: Instant | undefined): Instant =>
  floor === undefined || after(floor, lease) <= due ? due : after(floor, lease);

/** How many verdicts by the clock alone one sweep may find, so that a freeze can still come in time. */
export const verdictLimit = (live: number): number => Math.max(5, Math.floor(live / 100));
