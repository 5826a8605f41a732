import { left } from "./budgets.ts";
import { type Decision, refuse } from "./decision.ts";
import { drains, type Evidence, explains, isAbout, isWithin } from "./evidence.ts";
import type { Leaving, Queued, Run, Running } from "./run.ts";
import { endOfRun, type Registration } from "./spec.ts";
import type { Instant } from "./time.ts";

/** A word about the host that the run item names, or about the runner itself. */
export type Noticed = {
  readonly kind: "notice";
  readonly now: Instant;
  readonly evidence: Evidence;
  readonly deadline?: Instant;
  readonly registration: Registration;
};

/** What a notice makes of a running attempt, by the run's policy. */
export function leave(run: Running, notice: Noticed): Decision {
  const { evidence, now, registration } = notice;
  if (!isWithin(evidence.at, run.claimedAt, now) || !isAbout(evidence, run.claimedAt)) return refuse({ kind: "noted" });
  if (drains(evidence) && registration.spec.onNotice !== "ignore")
    return { write: "replace", next: leaving(run, notice), reply: { kind: "left" } };
  if (!explains(evidence)) return refuse({ kind: "noted" });
  // Nothing changes but rev: a verdict that was found without this evidence is stale then, and looks again.
  return { write: "replace", next: { ...run, rev: run.rev + 1 }, reply: { kind: "noted" } };
}

/**
 * The attempt drains. With policy handover its successor is announced at once, as a debt in the same write, unless an
 * interruption would be the run's end.
 */
function leaving(run: Running, { now, evidence, deadline, registration }: Noticed): Leaving {
  const { budgets, onNotice } = registration.spec;
  const end = endOfRun(registration);
  const isFollowed = left(budgets, run.charges, "interruptions") > 0 && (end === undefined || end > now);
  return {
    ...run,
    rev: run.rev + 1,
    state: "leaving",
    directive: "drain",
    reason: evidence.note ?? evidence.kind,
    ...(deadline !== undefined && { deadline }),
    ...(onNotice === "handover" && isFollowed && { debt: { ...run.debt, since: now, owes: "handover" } as const }),
  };
}

/**
 * A claim of this attempt may be on its way, decided before this evidence was there: it finds rev moved, and reads again what
 * is known about its host.
 */
export const warn = (run: Queued, { evidence }: Noticed): Decision =>
  drains(evidence)
    ? { write: "replace", next: { ...run, rev: run.rev + 1 }, reply: { kind: "noted" } }
    : refuse({ kind: "noted" });

/** A notice for a run that leaves already, or that stands nowhere. */
export const noted = (_run: Run): Decision => refuse({ kind: "noted" });
