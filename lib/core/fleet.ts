import { paceOf } from "./lease.ts";
import type { State } from "./run.ts";
import { heardAt } from "./stay.ts";
import { after, before, type Instant, later, type Span, seconds } from "./time.ts";
import { valveOpens } from "./valve.ts";

/** A lease class: the power of two of the lease in seconds. */
export type Power = number;
export const powerOf = (lease: Span): Power => Math.floor(Math.log2(lease / 1000));

/**
 * A host: when it was last heard, how long before the sweep's look that was, its shortest interval, and its longest
 * lease.
 */
export type Voice = { heardAt: Instant; ago: number; interval: Span; longest: Span };

/**
 * The fleet as one sweep has seen it. Hosts are counted, not runs: five runs on one dead node are one silent host. An
 * attempt without a host counts as a host of its own.
 */
export type Fleet = {
  readonly hosts: Map<string, Voice>;
  /** Attempts without a host. If there are very many, one of every `oneOf` is kept. */
  readonly alone: { voices: Voice[]; oneOf: number; seen: number };
  readonly leases: Map<Power, Span>;
  /**
   * `oldest`: when the attempt that has been silent for the longest was last heard. `valveOpens`: when the first held
   * verdict goes on at the latest.
   */
  oldest?: Instant;
  valveOpens?: Instant;
};

export const emptyFleet = (): Fleet => ({
  hosts: new Map(),
  alone: { voices: [], oneOf: 1, seen: 0 },
  leases: new Map(),
});

type Seen = {
  readonly state: State;
  readonly due: Instant;
  readonly lease: Span;
  readonly host?: string;
  readonly isWatched?: true;
};

/** Whether half of its lease has passed without a beat. */
const isSilent = ({ due, lease }: Seen, now: Instant): boolean => due - now <= lease / 2;

/**
 * A sample shows the share of hosts that are heard as well as the whole does. It keeps a sweep over a million of them
 * cheap.
 */
const MOST_ALONE = 8192;

function hearAlone({ alone }: Fleet, voice: () => Voice): void {
  alone.seen += 1;
  if (alone.seen % alone.oneOf !== 0) return;
  alone.voices.push(voice());
  if (alone.voices.length < MOST_ALONE) return;
  alone.voices = alone.voices.filter((_, index) => index % 2 === 0);
  alone.oneOf *= 2;
}

/**
 * Counts what a sweep has seen. A leaving attempt that beats counts like any other. A leaving attempt that is silent
 * has gone, as announced. An attempt that was told to stop is not renewed. These last two say nothing about the front
 * door.
 */
export function tally(fleet: Fleet, seen: Seen, now: Instant): void {
  const { hosts, leases } = fleet;
  const { state, due, lease, host, isWatched } = seen;
  // It does not come through the front door, so it says nothing about it.
  if (isWatched === true) return;
  if (state === "queued" || state === "running" || state === "leaving") {
    const power = powerOf(lease);
    const shortest = leases.get(power);
    if (shortest === undefined || lease < shortest) leases.set(power, lease);
    const opens = valveOpens(seen);
    if (fleet.oldest === undefined || due - lease < fleet.oldest) fleet.oldest = heardAt(seen);
    if (opens > now && (fleet.valveOpens === undefined || opens < fleet.valveOpens)) fleet.valveOpens = opens;
  }
  if (state !== "running" && (state !== "leaving" || isSilent(seen, now))) return;
  const heard = before(due, lease);
  const voiceOf = (): Voice => ({
    heardAt: heard,
    ago: now - heard,
    interval: paceOf(lease).interval,
    longest: lease,
  });
  if (host === undefined) {
    hearAlone(fleet, voiceOf);
    return;
  }
  const voice = hosts.get(host);
  if (voice === undefined) {
    hosts.set(host, voiceOf());
    return;
  }
  // Changed in place, because a sweep sees a million of them.
  if (heard > voice.heardAt) {
    voice.heardAt = heard;
    voice.ago = now - heard;
  }
  if (lease > voice.longest) voice.longest = lease;
  const { interval } = paceOf(lease);
  if (interval < voice.interval) voice.interval = interval;
}

/**
 * A sweep may come late by a few of its periods, plus the time that SQS and a cold start take. A longer gap means that
 * no sweep has looked.
 */
const SWEEPS_MISSED = 3;
const LATE = seconds(5);

/**
 * Whether no sweep has looked for so long that an outage may have come and gone, and some run has been silent for that
 * long.
 */
export function isGap({ oldest }: Fleet, lastSweep: Instant, period: Span, now: Instant): boolean {
  const ordinary = (SWEEPS_MISSED * period + LATE) as Span;
  return oldest !== undefined && after(later(oldest, lastSweep), ordinary) < now;
}
