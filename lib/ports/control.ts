import type { Freeze } from "../core/freeze.ts";
import type { Instant } from "../core/time.ts";

/** What the plumbing itself remembers. */
export type Control = {
  /** How many shards new runs are spread over: the highest number ever used. */
  shards(): Promise<number>;
  /** Guard: the last sweep began at or before `unless`. Answers whether this sweep is to run. */
  beginSweep(now: Instant, unless: Instant): Promise<boolean>;
  freeze(): Promise<Freeze | undefined>;
  /** To be written before the verdicts that it holds back. */
  rememberFreeze(freeze: Freeze): Promise<void>;
};
