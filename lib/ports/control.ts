import type { Freeze } from "../core/freeze.ts";
import type { Instant } from "../core/time.ts";

/** What the plumbing knew when a sweep began. */
export type Standing = {
  /** How many shards new runs are spread over: the highest number ever used. */
  readonly shards: number;
  /** When the sweep before began; absent before the first. */
  readonly lastSweep?: Instant;
  /** When the canary last found that runners cannot reach us. */
  readonly canaryFailedAt?: Instant;
};

/** What the plumbing itself remembers. */
export type Control = {
  /** The number of shards for a new run. It is remembered before the first run is put into a new shard. */
  shards(): Promise<number>;
  /** Guard: the last sweep began at or before `unless`. Answers what is known, or undefined when this sweep is not to run. */
  beginSweep(now: Instant, unless: Instant): Promise<Standing | undefined>;
  freeze(): Promise<Freeze | undefined>;
  /** To be written before the verdicts that it holds back. */
  rememberFreeze(freeze: Freeze): Promise<void>;
  canaryFailed(at: Instant): Promise<void>;
};
