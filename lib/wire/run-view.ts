import { spent } from "../core/budgets.ts";
import { type Budget, paidBy } from "../core/causes.ts";
import type { Evidence } from "../core/evidence.ts";
import type { Pause } from "../core/freeze.ts";
import { directiveOf, isClaimed, type Result, type Run } from "../core/run.ts";
import type { Registration } from "../core/spec.ts";
import { before } from "../core/time.ts";
import type { EndedRun, LedgerLine } from "../ports/records.ts";
import { type BudgetView, budgetsView } from "./budgets.ts";
import { type FreezeView, freezeView } from "./freeze.ts";
import { iso } from "./instants.ts";
import { type EvidenceView, evidenceView } from "./requeue.ts";
import type { SpecBody } from "./schemas.ts";
import { specBody } from "./spec.ts";

/** One attempt, as people read it. Instants are RFC 3339. */
export type AttemptView = {
  readonly attempt: number;
  readonly fence: number;
  readonly holder?: Readonly<Record<string, string>>;
  readonly claimedAt?: string;
  readonly lastBeatAt?: string;
  readonly endedAt?: string;
  readonly cause?: string;
  /** The budget that paid for it; absent if it cost nothing. */
  readonly charged?: Budget;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly message?: string;
  readonly reason?: string;
  /** The limit of the memory that it ran into. */
  readonly memoryLimitBytes?: number;
  readonly evidence: readonly EvidenceView[];
  /** When its success came, if that was after it had been declared lost at `endedAt`. */
  readonly reportedAt?: string;
  /** When a success came that no longer counted. */
  readonly lateSuccessAt?: string;
  /** Why it was told to leave. */
  readonly told?: string;
};

/** The live part of a run. The state decides which fields are there. */
export type RunView = {
  readonly run: string;
  readonly state: Run["state"];
  readonly attempt: number;
  readonly fence: number;
  readonly startBy?: string;
  readonly notBefore?: string;
  readonly leaseUntil?: string;
  readonly lastBeatAt?: string;
  readonly claimedAt?: string;
  readonly host?: string;
  readonly directive?: string;
  readonly deadline?: string;
  readonly reason?: string;
  readonly progress?: { readonly value: number; readonly of?: number; readonly note?: string };
  readonly outcome?: string;
  readonly cause?: string;
  readonly endedAt?: string;
};

export type RecordView = RunView & {
  readonly registeredAt: string;
  readonly spec: SpecBody;
  readonly spent: Readonly<Record<Budget, number>>;
  readonly budgets: BudgetView;
  readonly attempts: readonly AttemptView[];
  /** A verdict by the clock on this run has to wait. */
  readonly freeze?: FreezeView;
};

export function runView(run: Run): RunView {
  const common = { run: run.run, state: run.state, attempt: run.attempt, fence: run.fence };
  if (run.state === "queued") return { ...common, startBy: iso(run.due) };
  if (run.state === "waiting") return { ...common, notBefore: iso(run.due) };
  if (!isClaimed(run)) return endedView(run);
  return {
    ...common,
    leaseUntil: iso(run.due),
    lastBeatAt: iso(before(run.due, run.lease)),
    claimedAt: iso(run.claimedAt),
    ...(run.host !== undefined && { host: run.host }),
    directive: directiveOf(run),
    ...(run.state === "leaving" && run.deadline !== undefined && { deadline: iso(run.deadline) }),
    ...(run.reason !== undefined && { reason: run.reason }),
    ...(run.progress !== undefined && { progress: run.progress }),
  };
}

export const endedView = (ended: Result | EndedRun): RunView => ({
  run: ended.run,
  state: "ended",
  attempt: ended.attempt,
  fence: ended.fence,
  outcome: ended.outcome,
  cause: ended.cause,
  endedAt: iso(ended.endedAt),
});

/** A line that has neither a claim nor an end is of an attempt that could not be started yet, and may still be held. */
const numberOf = (fence: number, { attempt, fence: now }: Run | Result): number => attempt + (fence > now ? 1 : 0);

function attemptView({ fence, claim, end, words, lateSuccessAt }: LedgerLine, current: Run | Result): AttemptView {
  const attempt = end?.attempt ?? claim?.attempt ?? numberOf(fence, current);
  const { charges } = current;
  const charged = end === undefined ? undefined : paidBy(charges, attempt);
  const claimedAt = claim?.claimedAt ?? end?.claimedAt;
  return {
    attempt,
    fence,
    ...(claim !== undefined && { holder: claim.holder }),
    ...(claimedAt !== undefined && { claimedAt: iso(claimedAt) }),
    ...(end?.lastBeatAt !== undefined && { lastBeatAt: iso(end.lastBeatAt) }),
    ...(end !== undefined && { endedAt: iso(end.endedAt), cause: end.cause }),
    ...(charged !== undefined && { charged }),
    ...(end?.reportedAt !== undefined && { reportedAt: iso(end.reportedAt) }),
    ...(end?.leaveReason !== undefined && { told: end.leaveReason }),
    ...reported(end),
    evidence: evidenceIn(end, words).map(evidenceView),
    ...(lateSuccessAt !== undefined && { lateSuccessAt: iso(lateSuccessAt) }),
  };
}

/** What an end was judged by, and beside it a second process, which has no part in any verdict. */
function evidenceIn(end: LedgerLine["end"], words: readonly Evidence[] = []): readonly Evidence[] {
  if (end === undefined) return words;
  const beside = words.filter(
    ({ kind, id }) => kind === "second-start" && !end.evidence.some((each) => each.id === id),
  );
  return [...end.evidence, ...beside];
}

function reported(
  end: LedgerLine["end"],
): Pick<AttemptView, "exitCode" | "signal" | "message" | "reason" | "memoryLimitBytes"> {
  const { outcome: _, ...said } = end?.report ?? { outcome: "interrupted" };
  return said;
}

/** The whole record: the run, its spec, its budgets, and its ledger in order of attempt. */
export function recordView(
  { registeredAt, spec }: Registration,
  current: Run | Result,
  lines: readonly LedgerLine[],
  hold?: Pause,
): RecordView {
  const { charges } = current;
  return {
    ...("state" in current ? runView(current) : endedView(current)),
    registeredAt: iso(registeredAt),
    spec: specBody(spec),
    spent: spent(charges),
    budgets: budgetsView(spec.budgets, charges),
    attempts: lines.map((line) => attemptView(line, current)),
    ...(hold !== undefined && { freeze: freezeView(hold) }),
  };
}
