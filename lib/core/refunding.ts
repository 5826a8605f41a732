import { type Cause, chargeAt, chargeOf, recharge } from "./causes.ts";
import { type Decision, refuse } from "./decision.ts";
import { chargeOfInterruption, keptOf } from "./ending.ts";
import { concerns, type Evidence, explains } from "./evidence.ts";
import { saysWhy } from "./finishing.ts";
import type { Debt, LedgerEnd, Run } from "./run.ts";
import type { Registration } from "./spec.ts";
import { stayOfEnd } from "./stay.ts";
import type { Instant } from "./time.ts";

/** Evidence that came after the verdict and explains it: the attempt's capacity was taken. */
export type Refund = {
  readonly kind: "refund";
  readonly now: Instant;
  readonly evidence: Evidence;
  /** The host that the evidence is about; absent if a runner speaks about itself. */
  readonly host?: string;
  readonly registration: Registration;
  /** The end of the attempt, from the ledger or from the open debt. */
  readonly line: LedgerEnd;
};

/** The causes that evidence would have changed if it had come in time. */
const INFERRED: ReadonlySet<Cause> = new Set(["lost", "overran", "crashed"]);

/**
 * Whether late evidence may still move the charge of this end: the attempt was claimed, and the cause of its end was
 * only inferred.
 */
export const isInferred = ({ cause, claimedAt, report }: LedgerEnd): boolean =>
  claimedAt !== undefined && INFERRED.has(cause) && (report === undefined || !saysWhy(report));

/** Whether the evidence is about this registration of the run and about this host, and explains this end. */
function fits({ evidence, host, registration, line }: Refund): boolean {
  if (line.fence < registration.fence) return false;
  if (host !== undefined && line.host !== host) return false;
  const stay = stayOfEnd(line, registration.spec.lease);
  return stay !== undefined && isInferred(line) && explains(evidence) && concerns(evidence, stay);
}

/**
 * Moves the charge of an attempt to interruptions, visibly and once, in any state of the run. The result is the charge
 * that the evidence would have caused in time. It never revives a run. The corrected ledger line is a debt in the same
 * write. An ended run owes its archive again.
 */
export function refund(run: Run, event: Refund): Decision {
  const { now, evidence, line } = event;
  if (!fits(event) || chargeAt(run.charges, line.attempt) !== chargeOf(line.cause)) return refuse({ kind: "noted" });
  const owes = run.debt?.owes ?? (run.state === "ended" ? "archive" : undefined);
  const ledger: LedgerEnd = { ...line, cause: "interrupted", evidence: keptOf([...line.evidence, evidence]) };
  const debt: Debt = { since: now, ledger, ...(owes !== undefined && { owes }) };
  const cause = run.state === "ended" && run.endedByAttempt === line.attempt ? { cause: "interrupted" as const } : {};
  const charges = recharge(run.charges, line.attempt, chargeOfInterruption(line.gotFurther === true));
  const next: Run = { ...run, ...cause, rev: run.rev + 1, charges, debt };
  return { write: "replace", next, reply: { kind: "refunded" } };
}
