import { type Budget, type Cause, type Charges, chargeOf, count } from "./causes.ts";
import type { Outcome } from "./run.ts";
import type { Budgets, Spec } from "./spec.ts";

const LETTERS: Record<Exclude<Budget, "interruptions">, string> = { crashes: "c", losses: "l", starts: "s" };

/** Letters of attempts that something paid for. */
const CHARGED = "cifls";

/** How many attempts count where one budget pays for all. */
export const charged = (charges: Charges): number => count(charges, CHARGED);

/**
 * How many attempts each budget has paid for. An interruption that got further than any attempt before starts the count of
 * interruptions anew: a run that makes its way on spot capacity is not to be given up for being long.
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
 * How many more charges of a kind may be followed by another attempt; below 0 when the budget is overdrawn. With one
 * budget for all, the attempt that runs out of it is the last: `attempts: 3` means that two charges have a successor.
 */
export const remaining = (budgets: Budgets, charges: Charges, budget: Budget): number =>
  "attempts" in budgets ? budgets.attempts - 1 - charged(charges) : budgets[budget] - spent(charges)[budget];

/**
 * What the run ends with if its newest charge, already in `charges`, may have no successor; undefined when it may.
 * `failed` is the work's own failure where no retry was ever allowed, `exhausted` a budget that was used up.
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

/** `failed` where no crash may have a successor, `exhausted` where some could have had one. */
const outcomeOfCrash = (budgets: Budgets): Outcome =>
  ("attempts" in budgets ? budgets.attempts - 1 : budgets.crashes) === 0 ? "failed" : "exhausted";

/** Whether whatever ends the next attempt will end the run, a request of its owner aside. */
export const isLast = (budgets: Budgets, charges: Charges): boolean =>
  (["crashes", "interruptions", "losses", "starts"] as const).every(
    (budget) => remaining(budgets, charges, budget) <= 0,
  );

/** The capacity that the next attempt should ask for: the last tries do not stand on spot. */
export const capacityFor = (spec: Spec, charges: Charges): "any" | "on-demand" =>
  remaining(spec.budgets, charges, "interruptions") <= spec.onDemandLast ? "on-demand" : "any";
