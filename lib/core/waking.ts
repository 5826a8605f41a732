import { carriedOver, endAttempt } from "./ending.ts";
import type { Ended, Queued, Waiting } from "./run.ts";
import { endOfRun, type Registration, startBy } from "./spec.ts";
import type { Instant } from "./time.ts";

/**
 * A waiting run whose backoff is over is queued, and its message is owed. After the run's own deadline it has overrun.
 */
export function wakeUp(
  run: Waiting,
  { registration, now, roll }: { registration: Registration; now: Instant; roll: number },
): Queued | Waiting | Ended {
  const end = endOfRun(registration);
  if (end !== undefined && end <= now) return endAttempt(run, registration, { cause: "overran", now, roll });
  return queueUp(run, registration, now);
}

const queueUp = (run: Waiting, registration: Registration, now: Instant): Queued => ({
  ...carriedOver(run),
  state: "queued",
  fence: run.fence,
  attempt: run.attempt,
  charges: run.charges,
  due: startBy(registration, now),
  debt: { since: now, owes: "message" },
});
