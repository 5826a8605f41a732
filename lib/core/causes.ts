/**
 * Why an attempt ended. Four causes are charged to no budget: `succeeded`; `canceled` and `requeued`, which the owner
 * asked for; and `cut-off`, when an agent stopped its child because our front door was unreachable.
 */
export type Cause =
  | "succeeded"
  | "interrupted"
  | "crashed"
  | "out-of-memory"
  | "unstartable"
  | "stalled"
  | "overran"
  | "never-started"
  | "lost"
  | "cut-off"
  | "canceled"
  | "requeued";

/** The budgets of a run. Each cause that is charged names one of them. */
export const BUDGETS = ["crashes", "memory", "interruptions", "losses", "starts"] as const;
export type Budget = (typeof BUDGETS)[number];

/**
 * One letter for each ended attempt, in order. It says what the attempt was charged to. The spent budgets are derived
 * from it.
 */
export type Charges = string;

/** `f`: interrupted, but with more progress than any attempt before. `u`: a crash whose command could not be started. */
export type Charge = "c" | "u" | "m" | "i" | "f" | "l" | "s" | "-" | "+";

const LETTERS: Record<Cause, Exclude<Charge, "f">> = {
  succeeded: "+",
  interrupted: "i",
  crashed: "c",
  "out-of-memory": "m",
  unstartable: "u",
  stalled: "c",
  overran: "c",
  "never-started": "s",
  lost: "l",
  "cut-off": "-",
  canceled: "-",
  requeued: "-",
};

const PAYS: Record<Charge, Budget | undefined> = {
  c: "crashes",
  u: "crashes",
  m: "memory",
  i: "interruptions",
  f: "interruptions",
  l: "losses",
  s: "starts",
  "-": undefined,
  "+": undefined,
};

/** The letter that this cause leaves in the charges. */
export const chargeOf = (cause: Cause): Exclude<Charge, "f"> => LETTERS[cause];

/** The budget that this cause is charged to; undefined when it costs nothing. */
export const budgetOf = (cause: Cause): Budget | undefined => PAYS[chargeOf(cause)];

/** The budget that paid for one attempt (counted from 1); undefined when it cost nothing or has not ended. */
export const paidBy = (charges: Charges, attempt: number): Budget | undefined => PAYS[charges[attempt - 1] as Charge];

/** The letter of one attempt (counted from 1), or undefined while it has not ended. */
export const chargeAt = (charges: Charges, attempt: number): string | undefined => charges[attempt - 1];

/** The charges with the letter of one attempt replaced: a refund, or a success that came late. */
export const recharge = (charges: Charges, attempt: number, letter: Charge): Charges =>
  charges.slice(0, attempt - 1) + letter + charges.slice(attempt);

/** How many attempts were charged with one of these letters. */
export function count(charges: Charges, letters: string): number {
  let found = 0;
  for (const letter of charges) if (letters.includes(letter)) found += 1;
  return found;
}
