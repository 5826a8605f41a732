import { after, before, type Instant, seconds } from "./time.ts";

/** What is known about a host beside its silence. `kind` is our word, `source` says who told us. */
export type Evidence = {
  readonly id: string;
  readonly source: string;
  readonly kind: EvidenceKind;
  /** When it takes effect: for an announced maintenance its start, for everything else when it happened. */
  readonly at: Instant;
  /** From this instant on the host is gone for good, and whatever stood on it is dead. */
  readonly goneAt?: Instant;
  /** A game day: somebody plays the event. */
  readonly drill?: true;
  /** What an operator said. */
  readonly note?: string;
  /** `<run>.<fence>`: told by a runner of its own attempt, and of no other on its host. */
  readonly only?: string;
};

/** A word about one host, from AWS, an operator or a runner, before or after it goes. */
export type Notice = {
  readonly host: string;
  readonly evidence: Evidence;
  /** When the host is expected to go. */
  readonly deadline?: Instant;
};

export type EvidenceKind = keyof typeof MEANING;

/**
 * What each kind means. `drains`: the host is going, so what stands on it should leave. `explains`: capacity was taken,
 * which is nobody's fault; a state change alone says that a host goes, not why.
 */
const MEANING = {
  "spot-interruption": { drains: true, explains: true },
  "capacity-reservation": { drains: true, explains: true },
  evicted: { drains: true, explains: true },
  "scale-in": { drains: true, explains: true },
  drain: { drains: true, explains: true },
  sigterm: { drains: true, explains: true },
  stopping: { drains: true, explains: false },
  terminated: { drains: true, explains: false },
  maintenance: { drains: false, explains: true },
  rebalance: { drains: false, explains: false },
} as const;

/**
 * How far outside an attempt's time an event may lie and still belong to it: clocks of AWS services, of the host and
 * ours differ, and a reclaimed instance's job was seen to end 4 to 14 s after its eviction.
 */
export const SLACK = seconds(60);

/** The kinds, for whoever reads them from outside. */
export const EVIDENCE_KINDS = Object.keys(MEANING) as [EvidenceKind, ...EvidenceKind[]];

/** Whether it can be about an attempt that was claimed then: who claims does not stand on a host that was gone before. */
export const isAbout = ({ goneAt }: Evidence, claimedAt: Instant): boolean =>
  goneAt === undefined || goneAt > claimedAt;

/** Whether what stands on the host should leave it. A rebalance recommendation is advice, never more. */
export const drains = ({ kind }: Evidence): boolean => MEANING[kind].drains;

/** Whether it says that capacity was taken. */
export const explains = ({ kind }: Evidence): boolean => MEANING[kind].explains;

/** Whether an attempt was told to leave for a reason that says that its host goes, and not why. */
export const isUnexplained = (reason: string | undefined): boolean =>
  EVIDENCE_KINDS.some((kind) => kind === reason && !MEANING[kind].explains);

/** Whether an event at `at` can concern an attempt that stood on the host from `start` to `end`. */
export const isWithin = (at: Instant, start: Instant, end: Instant): boolean =>
  at >= before(start, SLACK) && at <= after(end, SLACK);

/** The evidence that explains the end of an attempt that stood on the host from `start` to `end`. */
export const explaining = (evidence: readonly Evidence[], start: Instant, end: Instant): readonly Evidence[] =>
  evidence.filter((each) => explains(each) && isWithin(each.at, start, end));
