import { after, before, type Instant, instant, later, type Span, seconds } from "./time.ts";

/** What is known about a host, or about one attempt, beside its silence. `kind` is our word, `source` says who told us. */
export type Evidence = {
  readonly id: string;
  readonly source: string;
  readonly kind: EvidenceKind;
  /** When it takes effect: for an announced maintenance its start, for everything else when it happened. */
  readonly at: Instant;
  /** When it was said, where that is not `at`: a maintenance is announced before it starts. */
  readonly saidAt?: Instant;
  /** When the host is expected to go, or the maintenance to be over, as far as it was said. */
  readonly deadline?: Instant;
  /** From this instant on the host is gone for good, and whatever stood on it is dead. */
  readonly goneAt?: Instant;
  /** A game day: somebody plays the event. */
  readonly drill?: true;
  /** Who told it has taken it back. */
  readonly withdrawn?: true;
  /** What an operator said. */
  readonly note?: string;
};

/** A word about one host, from AWS, an operator or a runner, before or after it goes. */
export type Notice = {
  readonly host: string;
  readonly evidence: Evidence;
  /** When the host is expected to go, where the evidence does not say it itself. */
  readonly deadline?: Instant;
};

/** The evidence of a notice, with the deadline that was told beside it. */
export const evidenceOf = ({ evidence, deadline }: Notice): Evidence =>
  deadline === undefined ? evidence : { ...evidence, deadline };

export type EvidenceKind = keyof typeof MEANING;

/**
 * What each kind means. `drains`: the host is going, so its attempts should leave. `explains`: capacity was taken,
 * which is nobody's fault; a state change alone says that a host goes, not why. `takes`: once that has happened, the host is not
 * there; what is drained or maintained may be.
 */
const MEANING = {
  "spot-interruption": { drains: true, explains: true, takes: true },
  "capacity-reservation": { drains: true, explains: true, takes: true },
  evicted: { drains: true, explains: true, takes: true },
  "scale-in": { drains: true, explains: true, takes: true },
  drain: { drains: true, explains: true, takes: false },
  sigterm: { drains: true, explains: true, takes: false },
  stopping: { drains: true, explains: false, takes: true },
  terminated: { drains: true, explains: false, takes: true },
  maintenance: { drains: false, explains: true, takes: false },
  rebalance: { drains: false, explains: false, takes: false },
} as const;

/**
 * How far outside an attempt's time an event may lie and still belong to it: clocks of AWS services, of the host and
 * ours differ, and a reclaimed instance's job was seen to end 4 to 14 s after its eviction.
 */
export const SLACK = seconds(60);

/**
 * How long after its deadline a word still explains an end. AWS takes a spot instance two minutes after its warning, and
 * Auto Scaling its hooks' time; who has beaten for a quarter of an hour since has survived it, and dies of something else.
 */
const REACH = seconds(15 * 60);

/** The source of what a runner says of its own attempt. Such a word never closes a host to others. */
export const RUNNER = "runner";

/** The kinds, for those who read them from outside. */
export const EVIDENCE_KINDS = Object.keys(MEANING) as [EvidenceKind, ...EvidenceKind[]];

/** An attempt's time on its host: since its claim, last heard of then, and ended by then at the latest. */
export type Stay = { readonly claimedAt: Instant; readonly lastBeatAt: Instant; readonly endedBy: Instant };

/** Whether it can be about an attempt that was claimed then: who claims does not stand on a host that was gone before. */
export const isAbout = ({ goneAt }: Evidence, claimedAt: Instant): boolean =>
  goneAt === undefined || goneAt > claimedAt;

/** Whether the attempts on the host should leave it. A rebalance recommendation is advice, never more. */
export const drains = ({ kind, withdrawn }: Evidence): boolean => MEANING[kind].drains && withdrawn !== true;

/** Whether the host is gone once it has happened. */
export const takes = ({ kind, withdrawn }: Evidence): boolean => MEANING[kind].takes && withdrawn !== true;

/** Whether it says that capacity was taken. */
export const explains = ({ kind, withdrawn }: Evidence): boolean => MEANING[kind].explains && withdrawn !== true;

/** Whether an event at `at` can concern an attempt that stood on the host from `start` to `end`. */
export const isWithin = (at: Instant, start: Instant, end: Instant): boolean =>
  at >= before(start, SLACK) && at <= after(end, SLACK);

/** When what was announced has happened, as far as it was said. */
export const happenedBy = ({ at, deadline }: Evidence): Instant => later(at, deadline);

/** Whether it concerns the end of an attempt: it came in the attempt's time, and the attempt has not long survived it. */
export const concerns = (evidence: Evidence, { claimedAt, lastBeatAt, endedBy }: Stay): boolean =>
  isWithin(evidence.at, claimedAt, endedBy) &&
  isAbout(evidence, claimedAt) &&
  after(happenedBy(evidence), REACH) >= lastBeatAt;

/** The evidence that explains the end of an attempt. */
export const explaining = (evidence: readonly Evidence[], stay: Stay): readonly Evidence[] =>
  evidence.filter((each) => explains(each) && concerns(each, stay));

/** What is kept of all that is said about one host: 16 words of 300 B are read in two units. */
const MOST_WORDS = 16;

/** What was said so long ago, and has happened by then, decides nothing any more: the longest lease is an hour. */
const FORGOTTEN = seconds(24 * 3600);

/**
 * The words about a host with one more; the very same list when it says nothing new. The same id again replaces what it said
 * before, unless it comes late. What has become too old goes, and a kind that is told very often displaces its own words alone.
 */
export function remembered(words: readonly Evidence[], told: Evidence, now: Instant): readonly Evidence[] {
  const last = words.find(({ id }) => id === told.id);
  // Who repeats himself without a deadline takes none back.
  const isKept = told.deadline === undefined && last?.deadline !== undefined;
  const word: Evidence = isKept ? { ...told, deadline: last.deadline } : told;
  if (last !== undefined && (isSame(last, word) || isOutdated(word, last))) return words;
  const others = words.filter(({ id }) => id !== told.id).filter((each) => after(happenedBy(each), FORGOTTEN) > now);
  return bounded([...others, word], MOST_WORDS);
}

/** What is known by the id of a word: what was said last, or the word itself where others have displaced it. */
export const knownAs = (word: Evidence, words: readonly Evidence[]): Evidence =>
  words.find(({ id }) => id === word.id) ?? word;

/** When the words about a host may go: so long after the last of them has happened. */
export const wordsExpire = (words: readonly Evidence[], now: Instant, kept: Span): Instant =>
  after(words.map(happenedBy).reduce(later, now), kept);

const isSame = (one: Evidence, other: Evidence): boolean =>
  Object.keys({ ...one, ...other }).every((name) => one[name as keyof Evidence] === other[name as keyof Evidence]);

/** When it was said. Of a maintenance 0.1.0 did not keep that: whatever is said now came later. */
const saidAt = ({ kind, at, saidAt: said }: Evidence): Instant => said ?? (kind === "maintenance" ? instant(0) : at);

/** Messages come late and again. What was said last counts; of two words of one instant the one that takes it back. */
const isOutdated = (told: Evidence, last: Evidence): boolean =>
  saidAt(told) < saidAt(last) || (saidAt(told) === saidAt(last) && last.withdrawn === true);

/** At most so many words: of the kind with the most of them the first and the newest stay the longest. */
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
