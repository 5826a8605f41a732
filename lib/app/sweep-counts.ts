import type { LogLine } from "../ports/runtime.ts";

export type SweepCounts = {
  readonly live: number;
  readonly reaped: number;
  readonly spared: number;
  /** Due, but the fault may be ours. */
  readonly frozen: number;
  /** Due, but this sweep has already declared as many lost as it may. */
  readonly limited: number;
  readonly settled: number;
  readonly removed: number;
  readonly failed: number;
  /** 1 if the whole fleet, or a whole lease class, was found silent at once. */
  readonly silent: number;
  /** 1 if the canary could not reach the front door, or not get through it. */
  readonly canary: number;
  /** 1 if that has lasted so long that the first verdicts go on anyway. */
  readonly valve: number;
  /** The age of the oldest debt in seconds; 0 if nothing is owed. */
  readonly debtAge: number;
};

export type Counts = { -readonly [K in keyof SweepCounts]: number };

export const noCounts = (): Counts => ({
  live: 0,
  reaped: 0,
  spared: 0,
  frozen: 0,
  limited: 0,
  settled: 0,
  removed: 0,
  failed: 0,
  silent: 0,
  canary: 0,
  valve: 0,
  debtAge: 0,
});

/** The decision in the line of a sweep. */
export const SWEPT = "swept";

/** Counts that describe the fleet or a cluster, and not what a sweep or a look has done. */
const GAUGES: ReadonlySet<string> = new Set(["live", "debtAge", "ended", "known"]);

/** Whether a line is worth reading. A sweep or a look that found nothing to do is not news. */
export const isNews = ({ counts }: LogLine): boolean =>
  counts === undefined || Object.entries(counts).some(([name, count]) => !GAUGES.has(name) && count > 0);
