import { chargeAt, recharge } from "./causes.ts";
import { type Decision, refuse } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import type { Debt, LedgerEnd, Run } from "./run.ts";
import type { Instant } from "./time.ts";

/** Evidence that came after the verdict: the attempt was not lost for no reason, its capacity was taken. */
export type Refund = {
  readonly kind: "refund";
  readonly now: Instant;
  readonly evidence: Evidence;
  /** The end of the attempt, as the ledger or the open debt has it. */
  readonly line: LedgerEnd;
};

/**
 * Moves the charge of an attempt from losses to interruptions, visibly, once, in whatever state the run is by now. It never
 * revives a run. The corrected ledger line is a debt in the same write; an ended run owes its archive again.
 */
export function refund(run: Run, { now, evidence, line }: Refund): Decision {
  if (chargeAt(run.charges, line.attempt) !== "l") return refuse({ kind: "noted" });
  const owes = run.debt?.owes ?? (run.state === "ended" ? "archive" : undefined);
  const ledger: LedgerEnd = { ...line, cause: "interrupted", evidence: [...line.evidence, evidence] };
  const debt: Debt = { since: now, ledger, ...(owes !== undefined && { owes }) };
  const cause = run.state === "ended" && run.by === line.attempt ? { cause: "interrupted" as const } : {};
  const next: Run = { ...run, ...cause, rev: run.rev + 1, charges: recharge(run.charges, line.attempt, "i"), debt };
  return { write: "replace", next, reply: { kind: "refunded" } };
}
