import { lingering } from "./ended-run.ts";
import type { Run } from "./run.ts";
import { type Registration, startBy } from "./spec.ts";
import { after, type Instant, seconds } from "./time.ts";

/**
 * The run after its debt is settled. An attempt whose message went out late gets its full time to start, and an ended
 * run gets its full time to linger. Nothing else moves.
 */
export function settled(run: Run, registration: Registration, now: Instant): Run {
  if (run.state === "ended") return lingering(run, now);
  const { debt, ...rest } = run;
  const next = { ...rest, rev: run.rev + 1 };
  if (next.state === "queued" && debt?.owes === "message" && (run.due <= now || isDebtOld(debt.since, now)))
    return { ...next, due: startBy(registration, now) };
  return next;
}

/** How long a debt may stand before a sweep settles it. The process that made the debt may have crashed. */
export const SETTLE_DELAY = seconds(30);

/** Whether a debt of this age is for the sweep to settle. */
export const isDebtOld = (since: Instant, now: Instant): boolean => after(since, SETTLE_DELAY) <= now;
