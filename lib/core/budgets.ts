import { BUDGETS, type Budget, budgetOf, type Cause, type Charges, count } from "./causes.ts";
import type { Outcome } from "./run.ts";
import type { Budgets, Spec } from "./spec.ts";

const LETTERS: Record<Exclude<Budget, "interruptions">, string> = {
  crashes: "cu",
  memory: "m",
  losses: "l",
  starts: "s",
};

/** The letters of attempts that were charged to a budget. */
const CHARGED = "cumifls";

/** Two attempts in a row whose command could not be started: where two hosts cannot start it, none will. */
const UNSTARTABLE = "uu";

/** How many attempts count when one budget pays for all kinds of ends. */
export const charged = (charges: Charges): number => count(charges, CHARGED);

/**
 * How many attempts each budget has paid for. An interruption that got further than any attempt before restarts the
 * count of interruptions. A run that makes progress on spot capacity must not be given up only because it is long.
 */
export function spent(charges: Charges): Record<Budget, number> {
  return {
    crashes: count(charges, LETTERS.crashes),
    memory: count(charges, LETTERS.memory),
    interruptions: count(charges.slice(charges.lastIndexOf("f") + 1), "i"),
    losses: count(charges, LETTERS.losses),
    starts: count(charges, LETTERS.starts),
  };
}

/**
 * How many charges of this kind may be followed by another attempt in all. A registration of version 0.1.0 has no budget of memory: such an
 * end was a crash then, and what its owner was promised stays.
 */
export const allowed = (budgets: Exclude<Budgets, { attempts: number }>, budget: Budget): number =>
  (budget === "memory" ? budgets.memory : budgets[budget]) ?? budgets.crashes;

/**
 * How many more charges of this kind may be followed by another attempt; below 0 when the budget is overdrawn. With one
 * budget for all kinds, the attempt that uses it up is the last: `attempts: 3` allows two charges with a successor.
 */
export const remaining = (budgets: Budgets, charges: Charges, budget: Budget): number =>
  "attempts" in budgets ? budgets.attempts - 1 - charged(charges) : allowed(budgets, budget) - spent(charges)[budget];

/**
 * The outcome of the run if its newest charge, which is already in `charges`, may not be followed by another attempt;
 * undefined if it may. `failed`: the work itself failed, and no retry was ever allowed. `exhausted`: a budget was used
 * up.
 */
export function overdrawn(budgets: Budgets, charges: Charges, cause: Cause): Outcome | undefined {
  const budget = budgetOf(cause);
  if (budget === undefined) return undefined;
  if (cause === "unstartable" && charges.endsWith(UNSTARTABLE)) return "failed";
  if (remaining(budgets, charges, budget) >= 0) return undefined;
  return isOfTheWork(budget) && remaining(budgets, "", budget) === 0 ? "failed" : "exhausted";
}

/** Whether the work itself is at fault, and not what it ran on. */
const isOfTheWork = (budget: Budget): boolean => budget === "crashes" || budget === "memory";

/** Whether the run ends with the next attempt, however that ends. A request of its owner is the exception. */
export const isLast = (budgets: Budgets, charges: Charges): boolean =>
  BUDGETS.every((budget) => remaining(budgets, charges, budget) <= 0);

/** The capacity that the next attempt should ask for. The last attempts should not run on spot capacity. */
export const capacityFor = (spec: Spec, charges: Charges): "any" | "on-demand" =>
  remaining(spec.budgets, charges, "interruptions") <= spec.onDemandLast ? "on-demand" : "any";
