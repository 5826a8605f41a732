import { after, before, type Instant, instant, later, type Span, seconds } from "./time.ts";

/**
 * What is known about a host, or about one attempt, besides its silence. `kind` is our word; `source` says who told us.
 */
export type Evidence = {
  readonly id: string;
  readonly source: string;
  readonly kind: EvidenceKind;
  /**
   * When it takes effect: for an announced maintenance its start, for everything else the time at which it happened.
   */
  readonly at: Instant;
  /** When it was said, if that differs from `at`: a maintenance is announced before it starts. */
  readonly saidAt?: Instant;
  /** When the host is expected to go, or the maintenance to be over, if that was said. */
  readonly deadline?: Instant;
  /** From this instant on the host is gone for good, and every attempt on it is dead. */
  readonly goneAt?: Instant;
  /** A drill: somebody simulates the event. */
  readonly drill?: true;
  /** Its source has taken it back. */
  readonly withdrawn?: true;
  /** The operator's own words. */
  readonly note?: string;
};

/** Evidence about one host, from AWS, an operator or a runner, before or after the host goes. */
export type Notice = {
  readonly host: string;
  readonly evidence: Evidence;
  /** When the host is expected to go, if the evidence itself does not say it. */
  readonly deadline?: Instant;
};

/** The evidence of a notice, with the deadline that the notice carries. */
export const evidenceOf = ({ evidence, deadline }: Notice): Evidence =>
  deadline === undefined ? evidence : { ...evidence, deadline };

/** How much of a fact is kept as the note of a piece of evidence. It stands in the run item until the ledger has it. */
export const NOTE_LENGTH = 120;

export type EvidenceKind = keyof typeof MEANING;

/**
 * What each kind means. `drains`: the host is going, so its attempts should leave. `explains`: capacity was taken, so
 * the work is not at fault. A state change alone says that a host goes, but not why. `takes`: once it has happened, the
 * host is gone. A host that is drained or maintained may still be there.
 */
const MEANING = {
  "spot-interruption": { drains: true, explains: true, takes: true },
  "capacity-reservation": { drains: true, explains: true, takes: true },
  evicted: { drains: true, explains: true, takes: true },
  "scale-in": { drains: true, explains: true, takes: true },
  drain: { drains: true, explains: true, takes: false },
  sigterm: { drains: true, explains: true, takes: false },
  // What a cluster of Kubernetes shows of the pod of one attempt.
  "pod-evicted": { drains: true, explains: true, takes: false },
  "pod-ended": { drains: false, explains: false, takes: false },
  // Why an attempt that nobody has claimed could not be started.
  refused: { drains: false, explains: false, takes: false },
  // Why its target has not started it yet.
  delayed: { drains: false, explains: false, takes: false },
  // Another process asked for an attempt that one holds already.
  "second-start": { drains: false, explains: false, takes: false },
  stopping: { drains: true, explains: false, takes: true },
  terminated: { drains: true, explains: false, takes: true },
  maintenance: { drains: false, explains: true, takes: false },
  rebalance: { drains: false, explains: false, takes: false },
} as const;

/**
 * How far outside an attempt's time an event may lie and still belong to it. The clocks of AWS services, of the host
 * and of our Lambdas differ. The job of a reclaimed instance was seen to end 4 to 14 s after its eviction.
 */
export const SLACK = seconds(60);

/**
 * How long after its deadline evidence still explains an end. AWS takes a spot instance two minutes after its warning;
 * Auto Scaling waits for the time of its hooks. An attempt that still beats 15 minutes later has survived the event,
 * and dies of something else.
 */
const REACH = seconds(15 * 60);

/** The source of evidence that a runner gives about its own attempt. Such evidence never closes a host to others. */
export const RUNNER = "runner";

/** All kinds of evidence, for parsers of messages. */
export const EVIDENCE_KINDS = Object.keys(MEANING) as [EvidenceKind, ...EvidenceKind[]];

/** An attempt's time on its host: when it was claimed, when it was last heard, and when it had ended at the latest. */
export type Stay = { readonly claimedAt: Instant; readonly lastBeatAt: Instant; readonly endedBy: Instant };

/**
 * Whether it can be about an attempt that was claimed at `claimedAt`. No runner claims on a host that is already gone.
 */
export const isAbout = ({ goneAt }: Evidence, claimedAt: Instant): boolean =>
  goneAt === undefined || goneAt > claimedAt;

/** Whether the attempts on the host should leave it. A rebalance recommendation is only advice. */
export const drains = ({ kind, withdrawn }: Evidence): boolean => MEANING[kind].drains && withdrawn !== true;

/** Whether the host is gone once this has happened. */
export const takes = ({ kind, withdrawn }: Evidence): boolean => MEANING[kind].takes && withdrawn !== true;

/** Whether it says that capacity was taken. */
export const explains = ({ kind, withdrawn }: Evidence): boolean => MEANING[kind].explains && withdrawn !== true;

/** Whether an event at `at` can concern an attempt that was on the host from `start` to `end`. */
export const isWithin = (at: Instant, start: Instant, end: Instant): boolean =>
  at >= before(start, SLACK) && at <= after(end, SLACK);

/** When the announced event has happened, if that was said. */
export const happenedBy = ({ at, deadline }: Evidence): Instant => later(at, deadline);

/**
 * Whether it concerns the end of an attempt: it came in the attempt's time, and the attempt did not survive it by long.
 */
export const concerns = (evidence: Evidence, { claimedAt, lastBeatAt, endedBy }: Stay): boolean =>
  isWithin(evidence.at, claimedAt, endedBy) &&
  isAbout(evidence, claimedAt) &&
  after(happenedBy(evidence), REACH) >= lastBeatAt;

/** The evidence that explains the end of an attempt. */
export const explaining = (evidence: readonly Evidence[], stay: Stay): readonly Evidence[] =>
  evidence.filter((each) => explains(each) && concerns(each, stay));

/** How much evidence is kept about one host. 16 entries of 300 B cost two read units. */
const MOST_WORDS = 16;

/** Evidence that happened this long ago decides nothing any more: the longest lease is an hour. */
const FORGOTTEN = seconds(24 * 3600);

/**
 * The evidence about a host with one more piece; the same list if that piece says nothing new. A piece with a known id
 * replaces the older one, unless it comes late. Evidence that is too old is dropped. A kind that is told very often
 * displaces only evidence of its own kind.
 */
export function remembered(words: readonly Evidence[], told: Evidence, now: Instant): readonly Evidence[] {
  const last = words.find(({ id }) => id === told.id);
  // A repetition without a deadline does not take the deadline back.
  const isKept = told.deadline === undefined && last?.deadline !== undefined;
  const word: Evidence = isKept ? { ...told, deadline: last.deadline } : told;
  if (last !== undefined && (isSame(last, word) || isOutdated(word, last))) return words;
  const others = words.filter(({ id }) => id !== told.id).filter((each) => after(happenedBy(each), FORGOTTEN) > now);
  return bounded([...others, word], MOST_WORDS);
}

/** The newest evidence with the id of `word`, or `word` itself if other evidence has displaced it. */
export const knownAs = (word: Evidence, words: readonly Evidence[]): Evidence =>
  words.find(({ id }) => id === word.id) ?? word;

/** When the evidence about a host may expire: `kept` after the last piece of it has happened. */
export const wordsExpire = (words: readonly Evidence[], now: Instant, kept: Span): Instant =>
  after(words.map(happenedBy).reduce(later, now), kept);

const isSame = (one: Evidence, other: Evidence): boolean =>
  Object.keys({ ...one, ...other }).every((name) => one[name as keyof Evidence] === other[name as keyof Evidence]);

/** When it was said. Version 0.1.0 did not store that for a maintenance, so everything that is said now came later. */
const saidAt = ({ kind, at, saidAt: said }: Evidence): Instant => said ?? (kind === "maintenance" ? instant(0) : at);

/** Messages come late and more than once. What was said last counts. Of two at one instant, the withdrawal counts. */
const isOutdated = (told: Evidence, last: Evidence): boolean =>
  saidAt(told) < saidAt(last) || (saidAt(told) === saidAt(last) && last.withdrawn === true);

/** At most `most` pieces of evidence. Of the kind with the most pieces, the first and the newest are kept longest. */
export function bounded(words: readonly Evidence[], most: number): readonly Evidence[] {
  let kept = words;
  while (kept.length > most) {
    const crowd = largestKind(kept);
    const dropped = crowd[1] ?? crowd[0];
    kept = kept.filter((word) => word !== dropped);
  }
  return kept;
}

function largestKind(words: readonly Evidence[]): readonly Evidence[] {
  const kinds = EVIDENCE_KINDS.map((kind) => words.filter((word) => word.kind === kind));
  return kinds.reduce((largest, each) => (each.length > largest.length ? each : largest));
}
