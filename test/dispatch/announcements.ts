import type { JobTarget } from "../../lib/core/spec.ts";
import { after, instant, seconds } from "../../lib/core/time.ts";
import type { Requeue } from "../../lib/ports/dispatch.ts";

const NOON = instant(Date.parse("2026-11-22T12:00:00Z"));
const FIRST_FENCE = 1_795_348_800;

export const TARGET: JobTarget = {
  kind: "job",
  cluster: "test",
  namespace: "default",
  template: "a-template-of-22-words",
  minFence: "lease",
  agent: "exec",
  sizes: [],
};

/** The announcement of an attempt of the run. */
export const requeueOf = (attempt: number, more: Partial<Requeue> = {}): Requeue => ({
  run: "etl",
  attempt,
  fence: FIRST_FENCE + attempt,
  ticket: `a-ticket-${attempt}`,
  message: "{}",
  startBy: after(NOON, seconds(900)),
  isHeld: false,
  capacity: "any",
  outOfMemory: 0,
  ...(attempt > 1 && { previous: { attempt: attempt - 1, fence: FIRST_FENCE + attempt - 1, isReported: false } }),
  target: TARGET,
  at: NOON,
  ...more,
});
