import { type Budget, type Cause, type Charges, chargeOf, count } from "./causes.ts";
import type { Outcome } from "./run.ts";
import type { Budgets, Spec } from "./spec.ts";

const LETTERS: Record<Exclude<Budget, "interruptions">, string> = { crashes: "c", losses: "l", starts: "s" };

/** The letters of attempts that were charged to a budget. */
const CHARGED = "cifls";

/** How many attempts count when one budget pays for all kinds of ends. */
export const charged = (charges: Charges): number => count(charges, CHARGED);

/**
 * How many attempts each budget has paid for. An interruption that got further than any attempt before restarts the
 * count of interruptions. A run that makes progress on spot capacity must not be given up only because it is long.
 */
export function spent(charges: Charges): Record<Budget, number> {
  return {
    crashes: count(charges, LETTERS.crashes),
    interruptions: count(charges.slice(charges.lastIndexOf("f") + 1), "i"),
    losses: count(charges, LETTERS.losses),
    starts: count(charges, LETTERS.starts),
  };
}

/**
 * How many more charges of this kind may be followed by another attempt; below 0 when the budget is overdrawn. With one
 * budget for all kinds, the attempt that uses it up is the last: `attempts: 3` allows two charges with a successor.
 */
export const remaining = (budgets: Budgets, charges: Charges, budget: Budget): number =>
  "attempts" in budgets ? budgets.attempts - 1 - charged(charges) : budgets[budget] - spent(charges)[budget];

/**
 * The outcome of the run if its newest charge, which is already in `charges`, may not be followed by another attempt;
 * undefined if it may. `failed`: the work itself failed, and no retry was ever allowed. `exhausted`: a budget was used
 * up.
 */
export function overdrawn(budgets: Budgets, charges: Charges, cause: Cause): Outcome | undefined {
  switch (chargeOf(cause)) {
    case "c":
      return remaining(budgets, charges, "crashes") < 0 ? outcomeOfCrash(budgets) : undefined;
    case "i":
      return remaining(budgets, charges, "interruptions") < 0 ? "exhausted" : undefined;
    case "l":
      return remaining(budgets, charges, "losses") < 0 ? "exhausted" : undefined;
    case "s":
      return remaining(budgets, charges, "starts") < 0 ? "exhausted" : undefined;
    case "+":
    case "-":
      return undefined;
  }
}

/** `failed` if no crash was ever allowed a successor, `exhausted` if at least one was. */
const outcomeOfCrash = (budgets: Budgets): Outcome =>
  ("attempts" in budgets ? budgets.attempts - 1 : budgets.crashes) === 0 ? "failed" : "exhausted";

/** Whether the run ends with the next attempt, however that ends. A request of its owner is the exception. */
export const isLast = (budgets: Budgets, charges: Charges): boolean =>
  (["crashes", "interruptions", "losses", "starts"] as const).every(
    (budget) => remaining(budgets, charges, budget) <= 0,
  );

/** The capacity that the next attempt should ask for. The last attempts should not run on spot capacity. */
export const capacityFor = (spec: Spec, charges: Charges): "any" | "on-demand" =>
  remaining(spec.budgets, charges, "interruptions") <= spec.onDemandLast ? "on-demand" : "any";
