import { charged, spent } from "../core/budgets.ts";
import type { Charges } from "../core/causes.ts";
import type { Budgets } from "../core/spec.ts";

export type BudgetView = Readonly<Record<string, { readonly used: number; readonly max: number }>>;

/** How much of each budget is used. One budget for all kinds counts attempts; the others count charges. */
export function budgetsView(budgets: Budgets, charges: Charges): BudgetView {
  if ("attempts" in budgets) return { attempts: { used: charged(charges), max: budgets.attempts } };
  const used = spent(charges);
  return {
    crashes: { used: used.crashes, max: budgets.crashes },
    interruptions: { used: used.interruptions, max: budgets.interruptions },
    losses: { used: used.losses, max: budgets.losses },
    starts: { used: used.starts, max: budgets.starts },
  };
}
