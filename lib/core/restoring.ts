import { endAttempt, MOST_ATTEMPTS } from "./ending.ts";
import { asFence, type Ended, type Fence, isClaimed, type LiveRun, type Waiting } from "./run.ts";
import type { Registration } from "./spec.ts";
import { after, type Instant, later, unixSeconds } from "./time.ts";

/**
 * A fence above every fence that was given out before `at`. The first fence of a run is the Unix second of its
 * registration, each attempt raises it by one, and the number of attempts has a bound.
 */
const above = (at: Instant): Fence => asFence(unixSeconds(at) + MOST_ATTEMPTS + 1);

/** Whether the run already has a fence that no attempt before `at` can have had. */
export const isPast = (run: LiveRun, at: Instant): boolean => run.fence >= above(at);

/**
 * The next state of a live run after its table was restored, at `at`, to an earlier state, while nobody could beat.
 * Attempts that the table no longer knows may have come after that state. So the current attempt ends, charged to
 * nothing, and the next one gets a fence above all that were given out. It waits for as long as a lease that was
 * renewed up to `at` may last.
 */
export function restored(run: LiveRun, registration: Registration, at: Instant): Waiting | Ended {
  const cause = run.state === "canceling" ? "canceled" : "requeued";
  const next = endAttempt(run, registration, { cause, now: at, roll: 0 });
  const number = above(at);
  if (next.state === "ended") return { ...next, fence: number };
  const { debt: { owes: _, ...debt } = { since: at }, ...rest } = next;
  // A queued run, too, may have been claimed since, by an agent that beat until the door was closed.
  const due = later(after(at, run.lease), isClaimed(run) ? run.due : at);
  return { ...rest, state: "waiting", fence: number, due, debt };
}
