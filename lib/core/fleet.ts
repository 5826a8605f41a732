import { paceOf } from "./lease.ts";
import type { State } from "./run.ts";
import { heardAt } from "./stay.ts";
import { after, before, type Instant, later, type Span, seconds } from "./time.ts";
import { valveOpens } from "./valve.ts";

/** A lease class: the power of two of the lease in seconds. */
export type Power = number;
export const powerOf = (lease: Span): Power => Math.floor(Math.log2(lease / 1000));

/** A host: when it was last heard, how long ago that was when it was looked at, how often it beats, and its longest lease. */
export type Voice = { heardAt: Instant; ago: number; interval: Span; longest: Span };

/**
 * The fleet as one sweep has seen it. Hosts count, not runs: five runs on one dead node are one silent host. An attempt
 * without a host counts as one.
 */
export type Fleet = {
  readonly hosts: Map<string, Voice>;
  /** Attempts without a host: one of so many, where there are very many. */
  readonly alone: { voices: Voice[]; oneOf: number; seen: number };
  readonly leases: Map<Power, Span>;
  /** When the attempt that has been silent for the longest was heard, and when the first verdict of all goes on at the latest. */
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
};

/** Whether half of its lease has passed without a beat. */
const isSilent = ({ due, lease }: Seen, now: Instant): boolean => due - now <= lease / 2;

/** A share of so many tells as well how many of all are heard, and costs a sweep over a million of them nothing. */
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
 * Counts what a sweep has seen. An attempt that leaves and beats is heard like any other; one that leaves and is silent has
 * gone, as was said, and one that was told to stop is not renewed: both say nothing about the front door.
 */
export function tally(fleet: Fleet, seen: Seen, now: Instant): void {
  const { hosts, leases } = fleet;
  const { state, due, lease, host } = seen;
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
  // In place: a sweep sees a million of them.
  if (heard > voice.heardAt) {
    voice.heardAt = heard;
    voice.ago = now - heard;
  }
  if (lease > voice.longest) voice.longest = lease;
  const { interval } = paceOf(lease);
  if (interval < voice.interval) voice.interval = interval;
}

/** Sweeps come late by some of their period, and by what SQS and a cold start take. After more than that nobody has looked. */
const SWEEPS_MISSED = 3;
const LATE = seconds(5);

/** Whether no sweep has looked for so long that an outage may have come and gone, and somebody was there before it. */
export function isGap({ oldest }: Fleet, lastSweep: Instant, period: Span, now: Instant): boolean {
  const ordinary = (SWEEPS_MISSED * period + LATE) as Span;
  return oldest !== undefined && after(later(oldest, lastSweep), ordinary) < now;
}
