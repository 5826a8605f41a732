import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Decision } from "../../lib/core/decision.ts";
import type { Due } from "../../lib/core/reaping.ts";
import { type Directive, directiveOf, isClaimed, type Report, type Run, type State } from "../../lib/core/run.ts";
import { seconds } from "../../lib/core/time.ts";
import { decide, type Effect, type Event, transitions } from "../../lib/core/transitions.ts";
import { moves, type Step, specs, stepsOf } from "./lives.ts";
import {
  at,
  beating,
  canceling,
  claim,
  due,
  ended,
  evidence,
  fenceOf,
  finishing,
  following,
  HOLDER,
  leaving,
  lostLine,
  noticed,
  OTHER_HOLDER,
  proof,
  queued,
  refunding,
  registered,
  released,
  running,
  waiting,
} from "./runs.ts";

const NOW = at("12:30:00");
const LATER = at("12:40:00");
const EARLIER = at("12:20:00");

const REPORTS: readonly Report[] = [
  { outcome: "succeeded" },
  { outcome: "failed", exitCode: 1 },
  { outcome: "failed", signal: "SIGKILL" },
  { outcome: "interrupted", reason: "sigterm" },
  { outcome: "interrupted", reason: "self-fenced" },
];

const REGISTRATIONS = [
  registered(),
  registered({ budgets: { crashes: 2, interruptions: 2, losses: 2, starts: 2 } }),
  registered({ budgets: { attempts: 1 } }),
  registered({ backoff: { base: seconds(0), max: seconds(0) } }),
  registered({ deadline: seconds(600) }),
];

const owed = { since: EARLIER, ledger: lostLine(), owes: "message" } as const;

/** Runs of each state: due or not, owing or not, renewable or not. */
const RUNS: { readonly [S in State]: readonly Run[] } = {
  queued: ["", "l", "c"].flatMap((charges) => [
    queued({ ...following(charges), due: EARLIER }),
    queued({ ...following(charges), due: LATER }),
    queued({ ...following(charges), due: EARLIER, debt: owed }),
  ]),
  waiting: ["l", "c"].flatMap((charges) => [
    waiting({ ...following(charges), due: EARLIER }),
    waiting({ ...following(charges), due: LATER, debt: { since: EARLIER, ledger: lostLine() } }),
  ]),
  running: ["", "l"].flatMap((charges) => [
    running({ ...following(charges), due: EARLIER }),
    running({ ...following(charges), due: LATER }),
    running({ ...following(charges), due: EARLIER, lastRenewable: EARLIER }),
  ]),
  leaving: ["", "l"].flatMap((charges) => [
    leaving({ ...following(charges), due: EARLIER }),
    leaving({ ...following(charges), due: EARLIER, reason: "stopping" }),
    leaving({ ...following(charges), due: LATER, debt: { since: EARLIER, owes: "handover" } }),
    leaving({ ...following(charges), due: EARLIER, lastRenewable: EARLIER }),
    released({ ...following(charges), due: EARLIER }),
    released({ ...following(charges), due: LATER }),
  ]),
  canceling: ["", "l"].flatMap((charges) => [
    canceling({ ...following(charges), due: EARLIER }),
    canceling({ ...following(charges), due: LATER }),
  ]),
  ended: [
    ended(),
    ended({ outcome: "succeeded", cause: "succeeded", charges: "+" }),
    ended({ charges: "lc", cause: "crashed" }),
    ended({ charges: "-", cause: "canceled", outcome: "canceled" }),
  ],
};

const KINDS: readonly Event["kind"][] = ["claim", "beat", "finish", "due", "cancel", "requeue", "notice", "refund"];

/** Events of one kind, as they may reach that run: with old, current and future credentials, on time and late. */
function eventsFor(run: Run, kind: Event["kind"]): readonly Event[] {
  const attempts = [run.attempt - 1, run.attempt, run.attempt + 1];
  const told = [evidence("spot-interruption", NOW)];
  switch (kind) {
    case "claim":
      return attempts.flatMap((attempt) =>
        [HOLDER, OTHER_HOLDER].flatMap((holder) =>
          REGISTRATIONS.flatMap((registration) => [
            claim(NOW, { fence: fenceOf(attempt), holder, registration }),
            claim(NOW, { fence: fenceOf(attempt), holder, registration, evidence: told }),
          ]),
        ),
      );
    case "beat":
      return attempts.flatMap((attempt) => [beating(NOW, fenceOf(attempt)), beating(at("12:02:00"), fenceOf(attempt))]);
    case "finish":
      return attempts.flatMap((attempt) =>
        REPORTS.flatMap((report) =>
          REGISTRATIONS.flatMap((registration) => {
            const own = { attempt, fence: fenceOf(attempt), registration };
            const line = lostLine({ attempt, fence: fenceOf(attempt) });
            return [
              finishing(NOW, report, own),
              finishing(NOW, report, { ...own, evidence: told }),
              finishing(NOW, report, { ...own, line }),
              finishing(NOW, report, { ...own, line: { ...line, reportHash: JSON.stringify(report) } }),
              finishing(NOW, report, { ...own, line: { ...line, reportHash: "another" } }),
            ];
          }),
        ),
      );
    case "due":
      return REGISTRATIONS.flatMap((registration) => [
        due(NOW, { registration }),
        due(NOW, { registration, evidence: told }),
        due(NOW, { registration, freeze: { since: NOW, lastBad: NOW, floor: NOW } }),
        due(NOW, { registration, isLimited: true }),
        due(NOW, { registration, proof: proof(NOW) }),
      ]);
    case "cancel":
      return [{ kind, now: NOW, registration: registered() }];
    case "requeue":
      return REGISTRATIONS.flatMap((registration) => [
        { kind, now: NOW, registration },
        { kind, now: NOW, registration, attempt: run.attempt },
        { kind, now: NOW, registration, attempt: run.attempt + 1 },
      ]);
    case "notice":
      return [...REGISTRATIONS, registered({ onNotice: "drain" }), registered({ onNotice: "ignore" })].flatMap(
        (registration) =>
          (["spot-interruption", "stopping", "maintenance", "rebalance"] as const).flatMap((word) => [
            noticed(NOW, evidence(word, NOW, { deadline: LATER }), { registration, fence: run.fence }),
            noticed(NOW, evidence(word, at("11:00:00")), { registration, fence: run.fence }),
          ]),
      );
    case "refund":
      return [1, 2].map((attempt) => refunding(NOW, { line: lostLine({ attempt, fence: fenceOf(attempt) }) }));
  }
}

/** What a decision leaves to be done, or does to the lease. */
function effectsOf(seen: Run, decision: Decision): readonly Effect[] {
  if (decision.write === "none") return [];
  if (decision.write === "renew") return ["lease"];
  const { next } = decision;
  const { debt } = next;
  const isNew = debt !== seen.debt;
  return [
    ...(isClaimed(next) && !isClaimed(seen) ? (["lease"] as const) : []),
    ...(isNew && debt?.ledger !== undefined ? (["ledger"] as const) : []),
    ...(isNew && debt?.owes !== undefined ? [debt.owes] : []),
  ];
}

const stateAfter = (seen: Run, decision: Decision): State =>
  decision.write === "replace" ? decision.next.state : seen.state;

const CELLS = (Object.keys(RUNS) as State[]).flatMap((state) => KINDS.map((kind) => ({ state, kind })));

type Outcome = { readonly seen: Run; readonly decision: Decision };

const outcomesOf = (state: State, kind: Event["kind"]): readonly Outcome[] =>
  RUNS[state].flatMap((seen) => eventsFor(seen, kind).map((event) => ({ seen, decision: decide(seen, event) })));

const sorted = (names: Iterable<string>): readonly string[] => [...new Set(names)].sort();

describe.each(CELLS)("a run that is $state, at $kind,", ({ state, kind }) => {
  const row = transitions[state][kind];
  const outcomes = outcomesOf(state, kind);

  test("goes to the next states of the table, to each of them and to no other", () => {
    expect(sorted(outcomes.map(({ seen, decision }) => stateAfter(seen, decision)))).toStrictEqual(sorted(row.next));
  });

  test("has the effects of the table, each of them and no other", () => {
    expect(sorted(outcomes.flatMap(({ seen, decision }) => effectsOf(seen, decision)))).toStrictEqual(
      sorted(row.effects),
    );
  });

  test("gives the replies of the table, each of them and no other", () => {
    expect(sorted(outcomes.map(({ decision }) => decision.reply.kind))).toStrictEqual(sorted(row.replies));
  });
});

/** Checks every step of every life. */
const inEveryLife = (check: (step: Step, steps: readonly Step[]) => void): void =>
  fc.assert(
    fc.property(moves, specs, (all, own) => {
      const steps = stepsOf(all, own);
      for (const step of steps) check(step, steps);
    }),
  );

/** Until when a lease of 120 s can run whose last beat came before the host was gone; its margin is 5 s. */
const lastDue = ({ lease }: Run, { proof: told }: Due): number => (told?.goneAt ?? Number.NaN) + lease + 5000;

const RANK: Record<Directive, number> = { continue: 0, drain: 1, stop: 2 };

describe("in every life of a run", () => {
  test("there is something to see: the lives lead through each state and each event", () => {
    const lives = fc.sample(fc.tuple(moves, specs), { numRuns: 600, seed: 1 });
    const seen = lives.flatMap(([all, own]) =>
      stepsOf(all, own).map(({ seen: { state }, event }) => (event === "settle" ? event : `${state}, ${event.kind}`)),
    );
    expect(sorted(seen)).toStrictEqual(sorted([...CELLS.map(({ state, kind }) => `${state}, ${kind}`), "settle"]));
  });

  test("each decision stays within its row of the table", () => {
    inEveryLife(({ seen, event, decision }) => {
      if (event === "settle" || decision === undefined) return;
      const row = transitions[seen.state][event.kind];
      expect(row.next).toContain(stateAfter(seen, decision));
      expect(row.replies).toContain(decision.reply.kind);
      for (const effect of effectsOf(seen, decision)) expect(row.effects).toContain(effect);
    });
  });

  test("the fence only rises, by one at a time", () => {
    inEveryLife(({ seen, next }) => {
      expect([seen.fence, seen.fence + 1]).toContain(next.fence);
    });
  });

  test("the fence rises when an attempt ends, and with it one letter is charged", () => {
    inEveryLife(({ seen, next }) => {
      const isWithdrawn = next.state === "ended" && next.endedByAttempt < next.attempt;
      if (!isWithdrawn) expect(next.fence - seen.fence).toBe(next.charges.length - seen.charges.length);
    });
  });

  test("rev rises with every change of the item, beats aside", () => {
    inEveryLife(({ seen, decision, next }) => {
      const isWritten = decision === undefined ? seen.debt !== undefined : decision.write === "replace";
      expect(next.rev).toBe(seen.rev + (isWritten ? 1 : 0));
    });
  });

  test("the charges have exactly one letter per ended attempt", () => {
    inEveryLife(({ next }) => {
      const isOver = next.state === "ended" && next.endedByAttempt === next.attempt;
      expect(next.charges).toHaveLength(isOver ? next.attempt : next.attempt - 1);
    });
  });

  test("no charge is moved but by a success that came late, and by late evidence to interruptions where nobody was sure", () => {
    inEveryLife(({ seen, event, next }) => {
      const moved = [...seen.charges].flatMap((letter, index) => (next.charges[index] === letter ? [] : [index]));
      const refunded = next.state === "ended" && next.outcome === "succeeded" ? [next.endedByAttempt - 1] : [];
      const isRefund = event !== "settle" && event.kind === "refund";
      if (!isRefund) expect(refunded).toStrictEqual(expect.arrayContaining(moved));
      // Lost, or a crash that was inferred: of a deadline that had passed, or of a signal.
      else for (const index of moved) expect(`${seen.charges[index]}${next.charges[index]}`).toMatch(/^[lc][if]$/);
    });
  });

  test("late evidence moves at most one charge, and changes neither state nor attempt nor fence", () => {
    inEveryLife(({ seen, event, next }) => {
      if (event === "settle" || event.kind !== "refund") return;
      expect([...seen.charges].filter((letter, index) => next.charges[index] !== letter).length).toBeLessThan(2);
      expect([next.state, next.attempt, next.fence, next.due]).toStrictEqual([
        seen.state,
        seen.attempt,
        seen.fence,
        seen.due,
      ]);
    });
  });

  test("only an attempt that leaves owes a handover", () => {
    inEveryLife(({ next }) => {
      if (next.debt?.owes === "handover") expect(next.state).toBe("leaving");
    });
  });

  test("advice to rebalance changes nothing", () => {
    inEveryLife(({ event, decision }) => {
      if (event === "settle" || event.kind !== "notice" || event.evidence.kind !== "rebalance") return;
      expect(decision).toStrictEqual({ write: "none", reply: { kind: "noted" } });
    });
  });

  test("no decision lowers the due time of a held attempt", () => {
    inEveryLife(({ seen, next }) => {
      if (isClaimed(seen) && isClaimed(next)) expect(next.due).toBeGreaterThanOrEqual(seen.due);
    });
  });

  test("a renewal never shortens a lease", () => {
    inEveryLife(({ seen, decision }) => {
      if (decision?.write === "renew") expect(decision.renewal.due).toBeGreaterThan(seen.due);
    });
  });

  test("no attempt is ever reaped before it is due, but on proof that its host is gone", () => {
    inEveryLife(({ seen, event, now, decision }) => {
      if (event === "settle" || event.kind !== "due" || decision?.reply.kind !== "reaped" || seen.due <= now) return;
      expect(isClaimed(seen)).toBe(true);
      expect(event.proof?.goneAt).toBeLessThanOrEqual(now);
      expect(seen.due).toBeLessThanOrEqual(lastDue(seen, event));
    });
  });

  test("every verdict names the due time that it rests on: the one that was seen, or the last that a proof allows", () => {
    inEveryLife(({ seen, event, decision }) => {
      if (event === "settle" || event.kind !== "due" || decision?.write !== "replace") return;
      const isProved = event.proof !== undefined && isClaimed(seen);
      expect(decision.due).toStrictEqual(isProved ? { atMost: lastDue(seen, event) } : { is: seen.due });
    });
  });

  test("only a verdict rests on the clock", () => {
    inEveryLife(({ event, decision }) => {
      if (decision?.write === "replace" && event !== "settle" && event.kind !== "due")
        expect(decision).not.toHaveProperty("due");
    });
  });

  test("nobody is declared lost by the clock while the fleet is silent at once, or past the limit of a sweep", () => {
    inEveryLife(({ event, decision }) => {
      if (event === "settle" || event.kind !== "due" || decision?.reply.kind !== "reaped") return;
      if (event.freeze !== undefined || event.isLimited === true) expect(decision.reply.isByClock).toBeUndefined();
    });
  });

  test("an attempt has at most one holder", () => {
    inEveryLife(({ seen, next }) => {
      if (isClaimed(seen) && isClaimed(next))
        expect([next.fence, next.holder, next.claimedAt]).toStrictEqual([seen.fence, seen.holder, seen.claimedAt]);
    });
  });

  test("for one fence the stored directive only rises", () => {
    inEveryLife(({ seen, next }) => {
      if (isClaimed(seen) && isClaimed(next))
        expect(RANK[directiveOf(next)]).toBeGreaterThanOrEqual(RANK[directiveOf(seen)]);
    });
  });

  test("canceled stays canceled", () => {
    inEveryLife(({ seen, next }) => {
      if (seen.state === "canceling" && next.state !== "canceling") expect(next).toMatchObject({ outcome: "canceled" });
    });
  });

  test("an ended run stays ended, and changes its outcome only to succeeded", () => {
    inEveryLife(({ seen, next }) => {
      if (seen.state !== "ended") return;
      expect([seen.outcome, "succeeded"]).toContain(next.state === "ended" ? next.outcome : next.state);
    });
  });

  test("a decision that is refused changes nothing", () => {
    inEveryLife(({ seen, decision, next }) => {
      if (decision?.write === "none") expect(next).toBe(seen);
    });
  });

  test("a run that ends an attempt owes its ledger line in the same write", () => {
    inEveryLife(({ seen, next }) => {
      if (next.charges.length > seen.charges.length)
        expect(next.debt?.ledger).toMatchObject({ attempt: seen.attempt, fence: seen.fence });
    });
  });

  test("an attempt that may be claimed now was announced, or its message is owed", () => {
    inEveryLife(({ seen, next }) => {
      if (next.state === "queued" && seen.state !== "queued") expect(next.debt?.owes).toBe("message");
    });
  });

  test("a finish and a reap of one attempt are never both written, and charge it once", () => {
    inEveryLife(({ seen, event, now, decision }) => {
      if (event === "settle" || event.kind !== "finish" || decision?.write !== "replace" || !isClaimed(seen)) return;
      const { next } = decision;
      const verdict = decide(next, due(now, { registration: event.registration }));
      const reaped = decide({ ...seen, due: now }, due(now, { registration: event.registration }));
      expect(reaped).toMatchObject({ write: "replace", next: { rev: next.rev } });
      if (verdict.write === "replace") expect(verdict.next.charges.startsWith(next.charges)).toBe(true);
    });
  });
});
