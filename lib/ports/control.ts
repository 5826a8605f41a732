import type { Freeze, FrontDoor } from "../core/freeze.ts";
import type { Instant, Span } from "../core/time.ts";
import type { Write } from "./runs.ts";

/** What a sweep has to know before it looks at the fleet. */
export type Standing = FrontDoor & {
  /** How many shards new runs are spread over: the highest number ever used. */
  readonly shards: number;
  /** When the last sweep began that judged, or that left its sign of life of the minute; absent before the first. */
  readonly lastSweep?: Instant;
};

/** What the service remembers about itself. */
export type Control = {
  /** The number of shards for a new run. It is stored before the first run is put into a new shard. */
  shards(): Promise<number>;
  /** Eventually consistent. It decides where to look, but no verdict. */
  standing(): Promise<Standing>;
  /**
   * Guard: the last sweep began at or before `unless`, or, because of a wrong clock, more than a period after now.
   * Returns whether this sweep may judge.
   */
  beginSweep(now: Instant, unless: Instant, period: Span): Promise<boolean>;
  /** Strongly consistent. */
  frontDoor(): Promise<FrontDoor>;
  /** It is stored before the verdicts that it holds back. Guard: no freeze that was found later is stored. */
  rememberFreeze(freeze: Freeze): Promise<Write>;
  /** The canary found that runners cannot reach us. */
  canaryFailed(at: Instant): Promise<void>;
  /** A beat of the canary got through. `isUnbroken`: no beat before it failed. */
  canarySang(at: Instant, isUnbroken: boolean): Promise<void>;
};
