import fc from "fast-check";
import type { Decision } from "../../lib/core/decision.ts";
import type { EvidenceKind } from "../../lib/core/evidence.ts";
import { asFence, type Fence, type LedgerEnd, type Report, type Run } from "../../lib/core/run.ts";
import { settled } from "../../lib/core/settling.ts";
import type { Registration, Spec } from "../../lib/core/spec.ts";
import { after, type Instant, milliseconds, seconds } from "../../lib/core/time.ts";
import { decide, type Event } from "../../lib/core/transitions.ts";
import {
  at,
  beating,
  claim,
  due,
  evidence,
  finishing,
  HOLDER,
  OTHER_HOLDER,
  proof,
  queued,
  registered,
} from "./runs.ts";

/** One thing that somebody does to a run. It is made an event when its turn comes, from what is known then. */
export type Move = {
  readonly does: "claim" | "beat" | "finish" | "due" | "cancel" | "requeue" | "notice" | "refund" | "settle";
  /** Milliseconds since the last move; or the run's own due time, if that is still to come. */
  readonly wait: number | "until-due";
  readonly roll: number;
  /** How many attempts ago the credential was made that is shown; 0 is the current one, -1 a handover's. */
  readonly ago: number;
  readonly isOther: boolean;
  readonly isExplained: boolean;
  readonly report: Report;
  /** What holds back a verdict by the clock. */
  readonly restraint: "none" | "floor" | "limit";
  /** Proof that the host is gone; `early`: it is going, and is not gone yet. */
  readonly proof: "none" | "now" | "early";
  readonly told: EvidenceKind;
};

/** A life as it went: what was seen, what happened, what was decided, and the run after it. */
export type Step = {
  readonly seen: Run;
  readonly event: Event | "settle";
  readonly now: Instant;
  readonly decision: Decision | undefined;
  readonly next: Run;
};

const REPORTS: readonly Report[] = [
  { outcome: "succeeded", exitCode: 0 },
  { outcome: "failed", exitCode: 1 },
  { outcome: "failed", signal: "SIGKILL" },
  { outcome: "interrupted", reason: "sigterm" },
  { outcome: "interrupted", reason: "self-fenced" },
];

const does = fc.constantFrom<Move["does"]>(
  ...([
    "claim",
    "claim",
    "claim",
    "beat",
    "beat",
    "finish",
    "due",
    "due",
    "due",
    "requeue",
    "notice",
    "refund",
    "settle",
    "cancel",
  ] as const),
);

const move: fc.Arbitrary<Move> = fc.record({
  does,
  wait: fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.constant("until-due" as const)),
  roll: fc.constantFrom(0, 0.25, 0.75),
  ago: fc.constantFrom(0, 0, 0, 0, 1, 2, -1),
  isOther: fc.constantFrom(false, false, true),
  isExplained: fc.boolean(),
  report: fc.constantFrom(...REPORTS),
  restraint: fc.constantFrom<Move["restraint"]>("none", "none", "none", "floor", "limit"),
  proof: fc.constantFrom<Move["proof"]>("none", "none", "now", "early"),
  told: fc.constantFrom<EvidenceKind>("spot-interruption", "maintenance", "rebalance", "stopping"),
});

/** What may happen in a life: up to 40 moves of its holders, its owner and the sweep. Short lives see little. */
export const moves: fc.Arbitrary<readonly Move[]> = fc.array(move, { minLength: 10, maxLength: 40, size: "max" });

const budget = fc.integer({ min: 0, max: 3 });

/** Specs that end and go on in different ways. */
export const specs: fc.Arbitrary<Partial<Spec>> = fc.record(
  {
    budgets: fc.oneof(
      fc.record({ crashes: budget, memory: budget, interruptions: budget, losses: budget, starts: budget }),
      fc.record({ attempts: fc.integer({ min: 1, max: 5 }) }),
    ),
    backoff: fc.constantFrom({ base: seconds(0), max: seconds(0) }, { base: seconds(15), max: seconds(600) }),
    attemptDeadline: fc.constant(seconds(300)),
    deadline: fc.constant(seconds(1800)),
    onNotice: fc.constantFrom<Spec["onNotice"]>("handover", "drain", "ignore"),
  },
  { requiredKeys: ["budgets", "backoff"] },
);

const GENEROUS = { budgets: { crashes: 3, interruptions: 3, losses: 3, starts: 3 } };

type Known = { readonly now: Instant; readonly lines: ReadonlyMap<Fence, LedgerEnd>; readonly of: Registration };

function eventOf(
  run: Run,
  { does: kind, roll, ago, isOther, isExplained, report, restraint, proof: proved, told: word }: Move,
  known: Known,
): Event | "settle" {
  const { now, lines, of: registration } = known;
  const shown = asFence(run.fence - ago);
  const told = isExplained ? [evidence("spot-interruption", now)] : [];
  switch (kind) {
    case "claim": {
      const holder = isOther ? OTHER_HOLDER : HOLDER;
      return claim(now, { fence: shown, holder, host: "i-0abc", registration, evidence: told });
    }
    case "beat":
      return beating(now, shown);
    case "finish": {
      const line = lines.get(shown);
      const attempt = shown - registration.fence + 1;
      const own = { attempt, fence: shown, roll, registration, evidence: told, ...(line !== undefined && { line }) };
      return finishing(now, report, own);
    }
    case "due":
      return due(now, {
        roll,
        registration,
        evidence: told,
        ...(restraint === "floor" && { freeze: { since: now, lastBad: now, floor: now } }),
        ...(restraint === "limit" && { isLimited: true }),
        ...(proved !== "none" && { proof: proof(after(now, seconds(proved === "now" ? 0 : 15)), { at: now }) }),
      });
    case "notice":
      return { kind, now, fence: shown, registration, evidence: evidence(word, now) };
    case "refund": {
      const all = [...lines.values()];
      const line = all.findLast(({ cause }) => cause === "lost") ?? all.at(-1);
      return line === undefined ? "settle" : { kind, now, registration, evidence: evidence("evicted", now), line };
    }
    case "cancel":
      return { kind, now, registration };
    case "requeue":
      return { kind, now, registration, ...(isOther && { attempt: run.attempt + ago }) };
    case "settle":
      return "settle";
  }
}

function written(run: Run, decision: Decision): Run {
  switch (decision.write) {
    case "none":
      return run;
    case "renew":
      return { ...run, due: decision.renewal.due };
    case "replace":
      return decision.next;
  }
}

const paid = (run: Run, registration: Registration, now: Instant): Run =>
  run.debt === undefined ? run : settled(run, registration, now);

/** The life of a run that is registered at 12:00:00 and led through these moves, each seeing what the last one wrote. */
export function stepsOf(all: readonly Move[], own: Partial<Spec> = GENEROUS): readonly Step[] {
  const registration = registered(own);
  const lines = new Map<Fence, LedgerEnd>();
  const steps: Step[] = [];
  let run: Run = queued();
  let now = at("12:00:00");
  for (const each of all) {
    const waited = each.wait === "until-due" ? run.due : after(now, milliseconds(each.wait));
    if (waited > now) now = waited;
    const event = eventOf(run, each, { now, lines, of: registration });
    const decision: Decision | undefined = event === "settle" ? undefined : decide(run, event);
    const next: Run = decision === undefined ? paid(run, registration, now) : written(run, decision);
    const line = next.debt?.ledger;
    if (line !== undefined) lines.set(line.fence, line);
    steps.push({ seen: run, event, now, decision, next });
    run = next;
  }
  return steps;
}
