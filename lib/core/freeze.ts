import { type Fleet, type Power, powerOf, type Voice } from "./fleet.ts";
import { paceOf } from "./lease.ts";
import { heardAt } from "./stay.ts";
import { after, before, earlier, type Instant, instant, later, type Span, seconds } from "./time.ts";
import { VALVE, valveOpens } from "./valve.ts";

/*
 * Silence alone does not tell a dead host from a front door that is unreachable. A run is declared lost by the clock
 * only if others were heard after it fell silent: other hosts, or the canary if there are few hosts.
 */

/** What the canary has found so far. */
export type Canary = {
  /** When the canary last found that runners could not reach us. */
  readonly failedAt?: Instant;
  /** When a beat of the canary last got through. */
  readonly throughAt?: Instant;
  /** Since when every beat of the canary has got through. */
  readonly throughSince?: Instant;
};

/**
 * The canary runs every minute. A finding counts for 90 s, so a canary that keeps failing renews it before it lapses.
 */
const CANARY_COUNTS = seconds(90);

/** Between two beats of the canary that are further apart than this, an outage may cost a lease of two minutes. */
export const CANARY_BREAK = seconds(75);

/** A canary that has been silent for this long was removed. One that fell silent recently may itself be cut off. */
const CANARY_IS_GONE = seconds(24 * 3600);

/** Whether runners cannot reach us, according to the canary. */
export const isCutOff = ({ failedAt, throughAt }: Canary, now: Instant): boolean =>
  failedAt !== undefined && after(failedAt, CANARY_COUNTS) > now && (throughAt === undefined || throughAt <= failedAt);

/** Whether the canary currently gets through. */
const getsThrough = (canary: Canary, now: Instant): boolean =>
  canary.throughAt !== undefined && after(canary.throughAt, CANARY_COUNTS) > now && !isCutOff(canary, now);

/** After a beat fails, the agent sends the next one within this time (`docs/protocol.md`). */
const NEXT_TRY = seconds(5);

/** Fewer hosts than this prove nothing. Their silence may be chance, or the failure of one rack. */
const FEWEST = 5;

/**
 * One host in this many must be heard, or the fleet counts as silent: half of the hosts that should be heard. While the
 * canary gets through, a silent host is more likely gone than cut off. Then a quarter is enough, and ten hosts may be
 * gone at once if the beat of any host is on time.
 */
const HEARD = { alone: 2, besideCanary: 4 };
const GONE_AT_ONCE = 10;

/**
 * The hosts of a class: how many there are, how many were heard within half a lease, and how many of those have no late
 * beat.
 */
type Count = { readonly expected: number; readonly heard: number; readonly onTime: number };

/**
 * If every beat is late at once, no beat gets through. Such an outage may end before half a lease is over, and still
 * cost a lease.
 */
function isSilentAtOnce({ expected, heard, onTime }: Count, isCanaryContent: boolean): boolean {
  if (onTime === 0) return true;
  if (!isCanaryContent) return heard * HEARD.alone < expected;
  return expected - heard > GONE_AT_ONCE && heard * HEARD.besideCanary < expected;
}

/** What a sweep knows of the fleet when it judges. */
export type Survey = {
  /** The classes in which too few hosts were heard within half a lease, or in which every beat is late. */
  readonly silent: ReadonlySet<Power>;
  /** The classes that need a witness, mostly because they have too few hosts. */
  readonly few: ReadonlySet<Power>;
  /** When each host was last heard. It is filled only if some class needs a witness. */
  readonly heard: readonly Instant[];
  readonly canary: Canary;
};

/** What was known before: what the canary found, and what the sweeps found up to the last one that judged. */
type Known = FrontDoor & { readonly lastSweep?: Instant };

/** The survey of a caller that judges one run and has seen nothing of the fleet. Only the canary can be its witness. */
export const nobodySeen = ({ lease }: { readonly lease: Span }, canary: Canary): Survey => ({
  silent: new Set(),
  few: new Set([powerOf(lease)]),
  heard: [],
  canary,
});

/**
 * Asks for each lease class: of the hosts that beat at least once within half of such a lease, how many were heard? Is
 * the beat of each of them late? The class needs a witness if such hosts are few, or if they are silent while a host
 * that beats less often was heard.
 */
export function surveyOf({ hosts, alone, leases }: Fleet, known: Known, now: Instant): Survey {
  const { canary } = known;
  const voices = stillThere([...hosts.values(), ...alone.voices], known);
  const standAlone = new Set(alone.voices);
  const weightOf = (voice: Voice): number => (standAlone.has(voice) ? alone.oneOf : 1);
  const silent = new Set<Power>();
  const few = new Set<Power>();
  const isOpen = getsThrough(canary, now);
  for (const [power, lease] of leases) {
    const span = lease / 2;
    let [expected, heard, onTime, recent] = [0, 0, 0, 0];
    for (const voice of voices) {
      const { ago, interval } = voice;
      const weight = weightOf(voice);
      if (ago < span) recent += weight;
      // Hosts that beat less often may beat in step. Then all of them are heard at once or none is, which says nothing.
      if (interval > span) continue;
      expected += weight;
      if (ago < span) heard += weight;
      if (ago < Math.min(span, interval + NEXT_TRY)) onTime += weight;
    }
    if (expected < FEWEST) few.add(power);
    else if (isSilentAtOnce({ expected, heard, onTime }, isOpen)) (heard < recent ? few : silent).add(power);
  }
  const heard = few.size === 0 ? [] : voices.map((voice) => voice.heardAt);
  return { silent, few, heard, canary };
}

/**
 * The time of two sweeps, and a few seconds more. Sweeps have seen a host that was overdue for this long when the last
 * one judged.
 */
const OVERDUE = seconds(30);

/**
 * The hosts whose silence may be our fault. A host is gone if it has been silent for 15 minutes while others were
 * heard. It is also gone if it was overdue, without a freeze, when the last sweep judged: its verdict only waits for
 * its turn, or fails. If no sweep has judged since, as after an outage that also stopped the sweeps, no host is gone
 * yet.
 */
function stillThere(voices: readonly Voice[], { freeze, lastSweep = instant(0) }: Known): readonly Voice[] {
  const latest = voices.reduce((last, { heardAt: at }) => later(at, last), instant(0));
  return voices.filter(({ heardAt: at, ago, longest }) => {
    const seenAt = instant(at + ago);
    const isOverdue = after(after(at, longest), OVERDUE) <= earlier(seenAt, lastSweep);
    const floor = floorOf(freeze, longest);
    const isFrozenYet = floor !== undefined && after(floor, longest) > seenAt;
    return after(at, VALVE) > latest && (!isOverdue || isFrozenYet);
  });
}

/**
 * A lease as long as two beats of the canary. No single outage between two of its beats is long enough to cost such a
 * lease.
 */
const LONG_LEASE = seconds(120);

type Leased = { readonly due: Instant; readonly lease: Span };

/** Whether every beat of the canary has got through since then. */
const wasOpenSince = (since: Instant, canary: Canary, now: Instant): boolean =>
  canary.throughSince !== undefined && canary.throughSince <= since && getsThrough(canary, now);

/**
 * Whether another host or the canary was heard after this run should have been, so that the silence is the run's own.
 */
function isWitnessed({ few, heard, canary }: Survey, run: Leased, now: Instant): boolean {
  if (!few.has(powerOf(run.lease))) return true; // enough hosts; if they are silent, the floor holds the verdict
  const last = heardAt(run);
  const { interval, timeout } = paceOf(run.lease);
  // Its beat was due after one interval, and may have hung for its whole timeout before the next try.
  const missed = after(after(after(last, interval), timeout), NEXT_TRY);
  const { throughAt } = canary;
  if (throughAt === undefined || after(throughAt, CANARY_IS_GONE) <= now) return true; // there is no canary to ask
  if (run.lease >= LONG_LEASE && wasOpenSince(last, canary, now)) return true;
  // An agent that was cut off needs the time of a request, and of one more try, to be heard again.
  const back = before(now, (run.lease / 4 + NEXT_TRY) as Span);
  return (throughAt >= missed && throughAt <= back) || heard.some((at) => at >= missed && at <= back);
}

/**
 * Why verdicts wait. `canary`: it cannot reach us. `silence`: too few hosts are heard. `sweeps`: no sweep has looked.
 * `witness`: among few hosts, verdicts wait for a witness.
 */
export type WhyFrozen = "canary" | "silence" | "sweeps" | "witness";

/**
 * What the control item remembers of a freeze. `since`: when it began. `lastBad`: the last sweep that found the fault.
 * `floor`, for the whole fleet, and `floors`, by lease class: the last instant at which the fault was ours. The leases
 * count again from there.
 */
export type Freeze = {
  readonly since: Instant;
  readonly lastBad: Instant;
  readonly why?: WhyFrozen;
  /** When the first held verdict goes on at the latest. */
  readonly until?: Instant;
  readonly floor?: Instant;
  readonly floors?: Readonly<Record<string, Instant>>;
};

/**
 * Two sweeps that find the same fault are at most this far apart. It is the time of six sweeps, a few of which may
 * fail.
 */
const SAME_FAULT = seconds(60);

/** What a sweep has found: whether the canary is cut off, whether no sweep had looked for a while, and which classes are silent. */
export type Faults = { readonly isCutOff: boolean; readonly isGap: boolean; readonly silent: ReadonlySet<Power> };

/**
 * The freeze to remember after a sweep. It is unchanged if nothing is wrong. `isWaiting`: verdicts wait for a witness.
 */
export function nextFreeze(
  last: Freeze | undefined,
  { isCutOff: isCanary, isGap, silent }: Faults,
  now: Instant,
  { isWaiting = false, until }: { readonly isWaiting?: boolean; readonly until?: Instant | undefined } = {},
): Freeze | undefined {
  if (!isCanary && !isGap && silent.size === 0 && !isWaiting) return last;
  const goesOn = last !== undefined && after(last.lastBad, SAME_FAULT) > now;
  const found = [...silent].map((power) => [String(power), later(now, last?.floors?.[power])] as const);
  const floor = isCanary || isGap ? later(now, last?.floor) : last?.floor;
  return {
    since: goesOn ? last.since : now,
    lastBad: later(now, last?.lastBad),
    why: isCanary ? "canary" : silent.size > 0 ? "silence" : isGap ? "sweeps" : "witness",
    ...(until !== undefined && { until }),
    ...(floor !== undefined && { floor }),
    floors: { ...last?.floors, ...Object.fromEntries(found) },
  };
}

/** From when on a lease of that length counts again; undefined if no fault was ever ours. */
export function floorOf(freeze: Freeze | undefined, lease: Span): Instant | undefined {
  const own = freeze?.floors?.[powerOf(lease)];
  return own === undefined ? freeze?.floor : later(own, freeze?.floor);
}

/** What is known of our front door: what the canary found, and what the sweeps concluded. */
export type FrontDoor = { readonly canary: Canary; readonly freeze?: Freeze };

/** Verdicts by the clock wait: since when, why, and until when at the latest. */
export type Pause = { readonly since: Instant; readonly until: Instant; readonly why: WhyFrozen };

/** Whether the last sweeps have found a fault. */
const isOn = ({ lastBad }: Freeze, now: Instant): boolean => after(lastBad, SAME_FAULT) > now;

/** What holds back verdicts on the fleet now; undefined if nothing does. Each run also has a bound of its own. */
export function pauseOfFleet(freeze: Freeze | undefined, now: Instant): Pause | undefined {
  return freeze === undefined || !isOn(freeze, now)
    ? undefined
    : pauseBy(freeze, freeze.until ?? after(freeze.since, VALVE));
}

/** Version 0.1.0 did not store the reason. */
const pauseBy = ({ since, why = "silence" }: Freeze, until: Instant): Pause => ({ since, until, why });

/** What would hold back a verdict by the clock on this run now, according to the last sweeps. */
export function pauseOf(run: Leased, freeze: Freeze | undefined, now: Instant): Pause | undefined {
  const most = valveOpens(run);
  if (freeze === undefined || most <= now) return undefined;
  const thaw = thawOf(run, freeze);
  const isThawing = thaw !== undefined && thaw > now;
  const isWaiting = freeze.why === "witness" && run.due <= now;
  if (isOn(freeze, now)) return isThawing || isWaiting ? pauseBy(freeze, most) : undefined;
  return isThawing ? pauseBy(freeze, earlier(thaw, most)) : undefined;
}

/** When verdicts count again for runs that were silent while the fault was ours: one lease later. */
function thawOf({ lease }: Leased, freeze: Freeze | undefined): Instant | undefined {
  const floor = floorOf(freeze, lease);
  return floor === undefined ? undefined : after(floor, lease);
}

/**
 * What a verdict by the clock has to wait for: the end of one lease after the fault was ours, or a witness while nobody
 * can tell. Undefined if it need not wait.
 */
export function waitsFor(
  run: Leased,
  now: Instant,
  { freeze, survey }: { readonly freeze?: Freeze; readonly survey?: Survey },
): "thaw" | "witness" | undefined {
  if (valveOpens(run) <= now) return undefined;
  const thaw = thawOf(run, freeze);
  if (thaw !== undefined && thaw > now) return "thaw";
  return survey === undefined || isWitnessed(survey, run, now) ? undefined : "witness";
}

/**
 * Whether we cut off an agent that stopped its child because no beat was acknowledged. That is so if the fault was ours
 * after its last beat, or if nobody was heard who could tell. Its report got through later, which proves nothing.
 */
export function wasCutOff(run: Leased, now: Instant, { freeze, canary }: FrontDoor): boolean {
  const floor = floorOf(freeze, run.lease);
  const last = heardAt(run);
  if (floor !== undefined && floor >= last) return true;
  return !wasOpenSince(last, canary, now) && !isWitnessed(nobodySeen(run, canary), run, earlier(now, run.due));
}

/** How many verdicts by the clock alone one sweep may find. The bound leaves time for a freeze to begin. */
export const verdictLimit = (live: number): number => Math.max(5, Math.floor(live / 100));
