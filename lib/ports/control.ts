import type { Freeze } from "../core/freeze.ts";
import type { Instant } from "../core/time.ts";

/** What a sweep has to know before it looks at the fleet. */
export type Standing = {
  /** How many shards new runs are spread over: the highest number ever used. */
  readonly shards: number;
  /** When the last sweep began that judged, or that was told of because a minute had passed; absent before the first. */
  readonly lastSweep?: Instant;
  /** When the canary last found that runners cannot reach us. */
  readonly canaryFailedAt?: Instant;
};

/** What the plumbing itself remembers. */
export type Control = {
  /** The number of shards for a new run. It is remembered before the first run is put into a new shard. */
  shards(): Promise<number>;
  /** Eventually consistent: it decides what to look at, and no verdict. */
  standing(): Promise<Standing>;
  /** Guard: the last sweep began at or before `unless`. Answers whether this sweep may judge. */
  beginSweep(now: Instant, unless: Instant): Promise<boolean>;
  freeze(): Promise<Freeze | undefined>;
  /** To be written before the verdicts that it holds back. */
  rememberFreeze(freeze: Freeze): Promise<void>;
  canaryFailed(at: Instant): Promise<void>;
};
