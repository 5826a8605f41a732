import { allowed, charged, spent } from "../core/budgets.ts";
import { BUDGETS, type Charges } from "../core/causes.ts";
import type { Budgets } from "../core/spec.ts";

export type BudgetView = Readonly<Record<string, { readonly used: number; readonly max: number }>>;

/** How much of each budget is used. One budget for all kinds counts attempts; the others count charges. */
export function budgetsView(budgets: Budgets, charges: Charges): BudgetView {
  if ("attempts" in budgets) return { attempts: { used: charged(charges), max: budgets.attempts } };
  const used = spent(charges);
  return Object.fromEntries(BUDGETS.map((budget) => [budget, { used: used[budget], max: allowed(budgets, budget) }]));
}
