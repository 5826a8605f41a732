import type { Freeze, FrontDoor } from "../core/freeze.ts";
import type { Instant, Span } from "../core/time.ts";
import type { Write } from "./runs.ts";

/** What a sweep has to know before it looks at the fleet. */
export type Standing = FrontDoor & {
  /** How many shards new runs are spread over: the highest number ever used. */
  readonly shards: number;
  /** When the last sweep began that judged, or that was told of because a minute had passed; absent before the first. */
  readonly lastSweep?: Instant;
};

/** What the plumbing itself remembers. */
export type Control = {
  /** The number of shards for a new run. It is remembered before the first run is put into a new shard. */
  shards(): Promise<number>;
  /** Eventually consistent: it decides what to look at, and no verdict. */
  standing(): Promise<Standing>;
  /**
   * Guard: the last sweep began at or before `unless`, or, by a wrong clock, more than a period after now. Answers whether this
   * sweep may judge.
   */
  beginSweep(now: Instant, unless: Instant, period: Span): Promise<boolean>;
  /** Strongly consistent. */
  frontDoor(): Promise<FrontDoor>;
  /** To be written before the verdicts that it holds back. Guard: none that was found later is remembered. */
  rememberFreeze(freeze: Freeze): Promise<Write>;
  /** Runners cannot reach us. */
  canaryFailed(at: Instant): Promise<void>;
  /** A beat of the canary got through; `isUnbroken`: at once. */
  canarySang(at: Instant, isUnbroken: boolean): Promise<void>;
};
