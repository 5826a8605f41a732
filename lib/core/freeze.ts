import { type Fleet, type Power, powerOf, type Voice } from "./fleet.ts";
import { paceOf } from "./lease.ts";
import { heardAt } from "./stay.ts";
import { after, before, earlier, type Instant, instant, later, type Span, seconds } from "./time.ts";
import { VALVE, valveOpens } from "./valve.ts";

/*
 * Silence alone does not tell a dead host from a front door that is away. Before a run is declared lost by the clock, others
 * must have been heard after it fell silent: other hosts, or the canary where there are few of them.
 */

/** What the canary has found so far. */
export type Canary = {
  /** When runners last could not reach us. */
  readonly failedAt?: Instant;
  /** When a beat of the canary last got through. */
  readonly sangAt?: Instant;
  /** Since when every beat of the canary has got through. */
  readonly openSince?: Instant;
};

/** The canary beats every minute; what it found counts until the next but one would have told. */
const CANARY_COUNTS = seconds(90);

/** Songs of the canary further apart than this leave room for an outage that costs a lease of two minutes. */
export const CANARY_BREAK = seconds(75);

/** A canary that has not said anything for so long was taken away. One that has just fallen mute may be cut off itself. */
const CANARY_IS_GONE = seconds(24 * 3600);

/** Whether runners cannot reach us, as the canary found. */
export const isCutOff = ({ failedAt, sangAt }: Canary, now: Instant): boolean =>
  failedAt !== undefined && after(failedAt, CANARY_COUNTS) > now && (sangAt === undefined || sangAt <= failedAt);

/** Whether the canary gets through these days. */
const isContent = (canary: Canary, now: Instant): boolean =>
  canary.sangAt !== undefined && after(canary.sangAt, CANARY_COUNTS) > now && !isCutOff(canary, now);

/** A beat that fails is followed by the next within so long (`docs/protocol.md`). */
const NEXT_TRY = seconds(5);

/** Fewer voices than these say nothing: their silence may be chance, or one rack's. */
const FEWEST = 5;

/**
 * One in so many must be heard, or the fleet counts as silent: half of those that should be. While the canary gets through, what
 * is silent is more likely gone than cut off: then a quarter is enough, and where anybody is heard, ten hosts may be gone at once.
 */
const HEARD = { alone: 2, besideCanary: 4 };
const GONE_AT_ONCE = 10;

/** How many hosts there are of a class, how many were heard within half of a lease, and how many of these have no beat that is late. */
type Count = { readonly expected: number; readonly heard: number; readonly onTime: number };

/** When all are late at once, no beat gets through. An outage may be over before half of a lease is, and cost one all the same. */
function isSilentAtOnce({ expected, heard, onTime }: Count, isCanaryContent: boolean): boolean {
  if (onTime === 0) return true;
  if (!isCanaryContent) return heard * HEARD.alone < expected;
  return expected - heard > GONE_AT_ONCE && heard * HEARD.besideCanary < expected;
}

/** What a sweep knows of the fleet when it judges. */
export type Survey = {
  /** The classes of which too few were heard within half of a lease, or nobody whose beat was due. */
  readonly silent: ReadonlySet<Power>;
  /** The classes of which too few should have been heard to tell. */
  readonly few: ReadonlySet<Power>;
  /** When each host was last heard; asked for where hosts are few. */
  readonly heard: readonly Instant[];
  readonly canary: Canary;
};

/** What was found before: by the canary, and by the sweeps up to the last one that judged. */
type Known = FrontDoor & { readonly lastSweep?: Instant };

/** What somebody knows who has seen nothing of the fleet, and judges one run: only the canary can bear witness. */
export const nobodySeen = ({ lease }: { readonly lease: Span }, canary: Canary): Survey => ({
  silent: new Set(),
  few: new Set([powerOf(lease)]),
  heard: [],
  canary,
});

/**
 * Asks for each lease class: of the hosts that beat at least once within half of such a lease, how many were heard? Is the beat of
 * each of them late? Where they are few, or silent while a host that beats less often was heard, the class needs a witness.
 */
export function surveyOf({ hosts, alone, leases }: Fleet, known: Known, now: Instant): Survey {
  const { canary } = known;
  const voices = stillThere([...hosts.values(), ...alone.voices], known);
  const standAlone = new Set(alone.oneOf === 1 ? [] : alone.voices);
  const weightOf = (voice: Voice): number => (standAlone.has(voice) ? alone.oneOf : 1);
  const silent = new Set<Power>();
  const few = new Set<Power>();
  const isOpen = isContent(canary, now);
  for (const [power, lease] of leases) {
    const span = lease / 2;
    let [expected, heard, onTime, recent] = [0, 0, 0, 0];
    for (const voice of voices) {
      const { ago, interval } = voice;
      const weight = weightOf(voice);
      if (ago < span) recent += weight;
      // Those that beat less often may beat in step: then they are heard all at once, or none of them, which says nothing.
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

/** Two sweeps, and a few seconds more, have seen who was overdue for so long when a sweep last judged. */
const OVERDUE = seconds(30);

/**
 * The hosts whose silence may be our fault. A host that has been silent for a quarter of an hour while others were heard is gone; and
 * so is one that was overdue without a freeze when the last sweep judged: its verdict only waits for its turn, or fails. Where no
 * sweep has judged since, as after an outage that stopped the sweeps too, nobody is gone yet.
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

/** With a lease of two of the canary's minutes, no single outage between two of its beats is long enough to cost a lease. */
const LONG_LEASE = seconds(120);

type Leased = { readonly due: Instant; readonly lease: Span };

/** Whether every beat of the canary has got through since then. */
const wasOpenSince = (since: Instant, canary: Canary, now: Instant): boolean =>
  canary.openSince !== undefined && canary.openSince <= since && isContent(canary, now);

/** Whether somebody else was heard after this run should have been, so that its silence is its own. */
function isWitnessed({ few, heard, canary }: Survey, run: Leased, now: Instant): boolean {
  if (!few.has(powerOf(run.lease))) return true; // the crowd has spoken for all who are not silent with it
  const last = heardAt(run);
  const { interval } = paceOf(run.lease);
  // Its beat was due after an interval, and may have hung for another one before the next try.
  const missed = after(after(after(last, interval), interval), NEXT_TRY);
  const { sangAt } = canary;
  if (sangAt === undefined || after(sangAt, CANARY_IS_GONE) <= now) return true; // there is nobody to ask
  if (run.lease >= LONG_LEASE && wasOpenSince(last, canary, now)) return true;
  // Who was cut off needs a request's time, and a try more, to be heard again.
  const back = before(now, (run.lease / 4 + NEXT_TRY) as Span);
  return (sangAt >= missed && sangAt <= back) || heard.some((at) => at >= missed && at <= back);
}

/** The canary cannot reach us; too few hosts are heard; no sweep has looked; or verdicts wait for a witness, among few hosts. */
export type WhyFrozen = "canary" | "silence" | "sweeps" | "witness";

/**
 * What the control item remembers. `floor`, for the whole fleet, and `floors`, by lease class: the last instant at which the
 * fault was ours; the leases count again from there. `since`: since when. `lastBad`: the last sweep that found it so.
 */
export type Freeze = {
  readonly since: Instant;
  readonly lastBad: Instant;
  readonly why?: WhyFrozen;
  /** When the first verdict that was held back goes on at the latest. */
  readonly until?: Instant;
  readonly floor?: Instant;
  readonly floors?: Readonly<Record<string, Instant>>;
};

/** Two sweeps that find the same fault are not further apart than this: six of them, or a few that failed. */
const SAME_FAULT = seconds(60);

/** What a sweep has found: whether the canary is cut off, whether no sweep had looked for a while, and which classes are silent. */
export type Faults = { readonly isCutOff: boolean; readonly isGap: boolean; readonly silent: ReadonlySet<Power> };

/** What is remembered after a sweep: the same as before, where nothing is wrong. `isWaiting`: verdicts wait for a witness. */
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

/** From when a lease of that length counts again; undefined where nothing ever was our fault. */
export function floorOf(freeze: Freeze | undefined, lease: Span): Instant | undefined {
  const own = freeze?.floors?.[powerOf(lease)];
  return own === undefined ? freeze?.floor : later(own, freeze?.floor);
}

/** What is known of our front door: what the canary has found, and what sweeps have concluded. */
export type FrontDoor = { readonly canary: Canary; readonly freeze?: Freeze };

/** That verdicts by the clock wait: since when, why, and until when at most. */
export type Hold = { readonly since: Instant; readonly until: Instant; readonly why: WhyFrozen };

/** Whether the last sweeps have found a fault. */
const isOn = ({ lastBad }: Freeze, now: Instant): boolean => after(lastBad, SAME_FAULT) > now;

/** What holds back the fleet now; undefined where nothing does. Each run has a bound of its own. */
export function holdOnFleet(freeze: Freeze | undefined, now: Instant): Hold | undefined {
  return freeze === undefined || !isOn(freeze, now)
    ? undefined
    : holdOf(freeze, freeze.until ?? after(freeze.since, VALVE));
}

/** 0.1.0 did not remember why. */
const holdOf = ({ since, why = "silence" }: Freeze, until: Instant): Hold => ({ since, until, why });

/** What would hold back a verdict by the clock on this run now, as the last sweeps have found. */
export function holdOn(run: Leased, freeze: Freeze | undefined, now: Instant): Hold | undefined {
  const most = valveOpens(run);
  if (freeze === undefined || most <= now) return undefined;
  const thaw = thawOf(run, freeze);
  const isThawing = thaw !== undefined && thaw > now;
  const isWaiting = freeze.why === "witness" && run.due <= now;
  if (isOn(freeze, now)) return isThawing || isWaiting ? holdOf(freeze, most) : undefined;
  return isThawing ? holdOf(freeze, earlier(thaw, most)) : undefined;
}

/** From when on a verdict counts on what was silent while the fault was ours: a lease after that. */
function thawOf({ lease }: Leased, freeze: Freeze | undefined): Instant | undefined {
  const floor = floorOf(freeze, lease);
  return floor === undefined ? undefined : after(floor, lease);
}

/**
 * What a verdict by the clock has to wait for: the end of a lease since the fault was ours, or a witness, as long as nobody can
 * tell yet. Undefined when it need not wait.
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
 * Whether an agent that stopped its child, because no beat was acknowledged, was cut off by us: the fault was ours since its
 * last beat, or nobody was heard who could tell. Its report got through later, and proves nothing.
 */
export function wasCutOff(run: Leased, now: Instant, { freeze, canary }: FrontDoor): boolean {
  const floor = floorOf(freeze, run.lease);
  const last = heardAt(run);
  if (floor !== undefined && floor >= last) return true;
  return !wasOpenSince(last, canary, now) && !isWitnessed(nobodySeen(run, canary), run, earlier(now, run.due));
}

/** How many verdicts by the clock alone one sweep may find, so that a freeze can still come in time. */
export const verdictLimit = (live: number): number => Math.max(5, Math.floor(live / 100));
