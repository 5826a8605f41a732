import { after, before, type Instant, seconds } from "./time.ts";

/** What is known about a host beside its silence. `kind` is our word, `source` says who told us. */
export type Evidence = {
  readonly id: string;
  readonly source: string;
  readonly kind: EvidenceKind;
  readonly at: Instant;
};

export type EvidenceKind =
  | "spot-interruption"
  | "rebalance"
  | "stopping"
  | "terminated"
  | "scale-in"
  | "maintenance"
  | "drain"
  | "sigterm";

/**
 * How far outside an attempt's time an event may lie and still belong to it: clocks of AWS services, of the host and
 * ours differ, and a reclaimed instance's job was seen to end 4 to 14 s after its eviction.
 */
const SLACK = seconds(60);

/** A rebalance recommendation is advice, never a sign that capacity was taken. */
const isPositive = (evidence: Evidence): boolean => evidence.kind !== "rebalance";

/** The evidence that explains the end of an attempt that stood on the host from `start` to `end`. */
export const explaining = (evidence: readonly Evidence[], start: Instant, end: Instant): readonly Evidence[] =>
  evidence.filter((each) => isPositive(each) && each.at >= before(start, SLACK) && each.at <= after(end, SLACK));
