import { describe, expect, test } from "vitest";
import type { Decision } from "../../lib/core/decision.ts";
import type { Freeze } from "../../lib/core/freeze.ts";
import type { Due, FailedStart } from "../../lib/core/reaping.ts";
import type { Run } from "../../lib/core/run.ts";
import { after, type Instant, instant, seconds } from "../../lib/core/time.ts";
import { decide } from "../../lib/core/transitions.ts";
import {
  at,
  canceling,
  due,
  ended,
  evidence,
  fenceOf,
  following,
  HOLDER,
  leaving,
  proof,
  queued,
  registered,
  released,
  running,
  waiting,
  written,
} from "./runs.ts";

const SPARED = { write: "none", reply: { kind: "spared" } };
const NO_BACKOFF = { backoff: { base: seconds(0), max: seconds(0) } };

describe("a run that is not due", () => {
  test.each([queued(), running(), leaving(), canceling()])("is spared in state $state", (run) => {
    expect(decide({ ...run, due: at("12:30:00") }, due(at("12:29:59.999")))).toStrictEqual(SPARED);
  });

  test("is spared while it waits for its backoff", () => {
    expect(decide(waiting(), due(at("12:10:14.999")))).toStrictEqual(SPARED);
  });

  test("is spared when an attempt beat after the sweep saw it", () => {
    expect(decide(running({ due: at("12:04:30") }), due(at("12:03:00")))).toStrictEqual(SPARED);
  });

  test("is spared for ever once it has ended", () => {
    expect(decide(ended(), due(at("23:59:59")))).toStrictEqual(SPARED);
  });
});

describe("a silent attempt", () => {
  test("is lost at the instant when its lease runs out: the fence rises, one loss is charged", () => {
    expect(decide(running({ host: "i-0abc" }), due(at("12:03:00")))).toStrictEqual({
      write: "replace",
      due: { is: at("12:03:00") },
      next: waiting({
        ...following("l"),
        rev: running().rev + 1,
        due: at("12:03:07.500"),
        debt: {
          since: at("12:03:00"),
          ledger: {
            attempt: 1,
            fence: fenceOf(1),
            cause: "lost",
            endedAt: at("12:03:00"),
            evidence: [],
            claimedAt: at("12:01:00"),
            lastBeatAt: at("12:01:00"),
            holder: HOLDER,
            host: "i-0abc",
          },
        },
      }),
      reply: { kind: "reaped", isByClock: true },
    });
  });

  test("is announced again at once where there is no backoff", () => {
    expect(written(decide(running(), due(at("12:03:00"), { registration: registered(NO_BACKOFF) })))).toMatchObject({
      state: "queued",
      due: at("12:18:00"),
      debt: { owes: "message", ledger: { cause: "lost" } },
    });
  });

  test("is interrupted when a notice explains it, and the evidence is kept", () => {
    const told = evidence("spot-interruption", at("12:02:00"));
    expect(written(decide(running(), due(at("12:03:00"), { evidence: [told] })))).toMatchObject({
      state: "queued",
      charges: "i",
      debt: { ledger: { cause: "interrupted", evidence: [told] } },
    });
  });

  test("is lost when the notice was about an earlier time of its host", () => {
    const told = evidence("evicted", at("11:59:00"));
    expect(written(decide(running(), due(at("12:03:00"), { evidence: [told] })))).toMatchObject({
      charges: "l",
      debt: { ledger: { evidence: [] } },
    });
  });

  test("overran when its deadline has passed", () => {
    const registration = registered({ budgets: { attempts: 2 } });
    const run = running({ lastRenewable: at("12:03:00") });
    expect(written(decide(run, due(at("12:03:00"), { registration })))).toMatchObject({
      charges: "c",
      debt: { ledger: { cause: "overran" } },
    });
  });

  test("is lost when its deadline is still to come", () => {
    const run = running({ lastRenewable: at("12:03:00.001") });
    expect(written(decide(run, due(at("12:03:00")))).charges).toBe("l");
  });

  test("is interrupted although its deadline has passed: positive evidence outranks it", () => {
    const run = running({ lastRenewable: at("12:02:00") });
    const told = [evidence("evicted", at("12:02:30"))];
    expect(written(decide(run, due(at("12:03:00"), { evidence: told }))).charges).toBe("i");
  });

  test("that was draining is interrupted", () => {
    const told = { evidence: [evidence("spot-interruption", at("12:02:00"))] };
    expect(written(decide(leaving(), due(at("12:03:00"), told))).charges).toBe("i");
  });

  test("that its owner released is charged to nothing", () => {
    expect(written(decide(released(), due(at("12:03:00"))))).toMatchObject({
      state: "queued",
      charges: "-",
      debt: { owes: "message", ledger: { cause: "requeued" } },
    });
  });

  test("that was canceled ends its run as canceled", () => {
    expect(written(decide(canceling(), due(at("12:03:00"))))).toMatchObject({
      state: "ended",
      outcome: "canceled",
      charges: "-",
      debt: { owes: "archive", ledger: { cause: "canceled" } },
    });
  });

  test("exhausts the run when no loss may follow", () => {
    expect(written(decide(running(following("lll")), due(at("12:03:00"))))).toMatchObject({
      state: "ended",
      outcome: "exhausted",
      cause: "lost",
      endedByAttempt: 4,
      attempt: 4,
      charges: "llll",
      due: at("12:04:00"),
    });
  });
});

describe("a queued attempt", () => {
  test("that nobody claimed by startBy has never started", () => {
    expect(decide(queued(), due(at("12:15:00")))).toMatchObject({
      due: { is: at("12:15:00") },
      next: { state: "waiting", attempt: 2, charges: "s", debt: { ledger: { cause: "never-started" } } },
      reply: { kind: "reaped" },
    });
  });

  test("has no holder in its ledger line", () => {
    expect(written(decide(queued(), due(at("12:15:00")))).debt?.ledger).toStrictEqual({
      attempt: 1,
      fence: fenceOf(1),
      cause: "never-started",
      endedAt: at("12:15:00"),
      evidence: [],
    });
  });

  test("that still owes its message is settled, not reaped", () => {
    const run = queued({ debt: { since: at("12:00:00"), owes: "message" } });
    expect(decide(run, due(at("12:15:00")))).toStrictEqual({ write: "none", reply: { kind: "owing" } });
  });

  test("that has owed its message for a day has never started: nobody will be told any more", () => {
    const run = queued({ debt: { since: at("12:00:00"), owes: "message" } });
    const aDayLater = after(at("12:00:00"), seconds(24 * 3600));
    expect(decide(run, due(instant(aDayLater - 1))).reply.kind).toBe("owing");
    expect(written(decide(run, due(aDayLater)))).toMatchObject({
      charges: "s",
      debt: { ledger: { cause: "never-started" } },
    });
  });

  test("has never started, and not overran, while the run's deadline is still to come", () => {
    const registration = registered({ deadline: seconds(3600) });
    expect(written(decide(queued(), due(at("12:15:00"), { registration }))).charges).toBe("s");
  });

  test("that still owes only its ledger line is reaped", () => {
    const run = queued({ debt: { since: at("12:00:00") } });
    expect(decide(run, due(at("12:15:00"))).reply.kind).toBe("reaped");
  });

  test("past the run's deadline overran, whether or not it owes its message", () => {
    const registration = registered({ deadline: seconds(900) });
    const run = queued({ debt: { since: at("12:00:00"), owes: "message" } });
    expect(written(decide(run, due(at("12:15:00"), { registration })))).toMatchObject({
      state: "ended",
      outcome: "failed",
      cause: "overran",
      charges: "c",
    });
  });

  test("is never interrupted: it stands on no host", () => {
    const told = [evidence("evicted", at("12:14:00"))];
    expect(written(decide(queued(), due(at("12:15:00"), { evidence: told }))).charges).toBe("s");
  });
});

describe("a waiting run that falls due", () => {
  test("is queued with its message owed, in one write, and keeps its attempt and fence", () => {
    expect(decide(waiting(), due(at("12:10:15")))).toStrictEqual({
      write: "replace",
      due: { is: at("12:10:15") },
      next: queued({
        ...following("c"),
        rev: waiting().rev + 1,
        due: at("12:25:15"),
        debt: { since: at("12:10:15"), owes: "message" },
      }),
      reply: { kind: "reaped" },
    });
  });

  test("has to start before the run's own deadline", () => {
    const registration = registered({ deadline: seconds(900) });
    expect(written(decide(waiting(), due(at("12:10:15"), { registration }))).due).toBe(at("12:15:00"));
  });

  test("overran when the run's deadline has passed meanwhile", () => {
    const registration = registered({ deadline: seconds(615), budgets: { attempts: 5 } });
    expect(decide(waiting(), due(at("12:10:15"), { registration }))).toMatchObject({
      due: { is: at("12:10:15") },
      next: { state: "ended", outcome: "exhausted", cause: "overran", charges: "cc", endedByAttempt: 2 },
    });
  });
});

describe("proof that the host is gone", () => {
  const frozenAt = (floor: Instant): Freeze => ({ since: floor, lastBad: floor, floor });
  const GONE = proof(at("12:02:00"));
  const early = (run: Parameters<typeof decide>[0], told = GONE, now = at("12:02:01")) =>
    decide(run, due(now, { proof: told }));

  test.each([running(), leaving(), canceling(), released()])("does not wait for the lease (state $state)", (run) => {
    expect(early(run)).toMatchObject({
      due: { atMost: at("12:04:05") }, // gone + lease + margin
      next: { fence: fenceOf(2), debt: { ledger: { endedAt: at("12:02:01") } } },
      reply: { kind: "reaped" },
    });
  });

  test("of an eviction is an interruption, and is kept once", () => {
    const evicted = proof(at("12:02:00"), { kind: "evicted" });
    const next = written(decide(running(), due(at("12:02:01"), { proof: evicted, evidence: [evicted] })));
    expect(next).toMatchObject({ charges: "i", debt: { ledger: { cause: "interrupted", evidence: [evicted] } } });
  });

  test("stands in the ledger beside what else is known of the host", () => {
    const told = [evidence("spot-interruption", at("12:01:30"))];
    expect(written(decide(running(), due(at("12:02:01"), { proof: GONE, evidence: told })))).toMatchObject({
      charges: "i",
      debt: { ledger: { evidence: [...told, GONE] } },
    });
  });

  test("of a termination does not say why: a loss, with the proof as its evidence, and not by the clock alone", () => {
    const decision = early(running());
    expect(decision.reply).toStrictEqual({ kind: "reaped" });
    expect(written(decision)).toMatchObject({ charges: "l", debt: { ledger: { cause: "lost", evidence: [GONE] } } });
  });

  test("goes on during a freeze, and past the limit of a sweep", () => {
    const now = at("12:02:01");
    const restraint = { proof: GONE, freeze: frozenAt(now), isLimited: true };
    expect(decide(running(), due(now, restraint)).reply).toStrictEqual({ kind: "reaped" });
    const drained = { ...restraint, evidence: [evidence("drain", at("12:01:30"))] };
    expect(decide(running(), due(now, drained))).toMatchObject({ next: { charges: "i" }, reply: { kind: "reaped" } });
  });

  test("is disproved by a beat from later than the death, the margin aside", () => {
    expect(early(running({ due: at("12:04:05") })).reply.kind).toBe("reaped");
    expect(early(running({ due: at("12:04:05.001") }))).toStrictEqual(SPARED);
  });

  test("is about an attempt that was claimed before the event less a second: a host name may be used again at once", () => {
    const claimed = (clock: string) => running({ claimedAt: at(clock), due: at("12:04:00") });
    expect(early(claimed("12:01:58.999")).reply.kind).toBe("reaped");
    expect(early(claimed("12:01:59"))).toStrictEqual(SPARED);
    expect(early(claimed("12:02:00.500"))).toStrictEqual(SPARED);
  });

  test("of a death that is still to come proves nothing yet", () => {
    const soon = proof(at("12:02:15"), { at: at("12:02:00") });
    expect(early(running(), soon, at("12:02:14.999"))).toStrictEqual(SPARED);
    expect(early(running(), soon, at("12:02:15")).reply.kind).toBe("reaped");
  });

  test("without an instant of death is none", () => {
    expect(early(running(), evidence("terminated", at("12:02:00")))).toStrictEqual(SPARED);
  });

  test("that proves nothing leaves even a due attempt to the sweep, with its freeze and its limit", () => {
    const told = evidence("evicted", at("12:02:00"));
    expect(decide(running(), due(at("12:03:00"), { proof: told, evidence: [told] }))).toStrictEqual(SPARED);
    const tomorrow = evidence("terminated", at("12:02:00"), { goneAt: at("12:59:00") });
    expect(decide(running(), due(at("12:30:00"), { proof: tomorrow, freeze: frozenAt(at("12:29:00")) }))).toStrictEqual(
      SPARED,
    );
  });

  test("says nothing about a queued attempt: it stands nowhere", () => {
    expect(early(queued())).toStrictEqual(SPARED);
  });
});

describe("an attempt that was told to leave", () => {
  const verdict = (reason: string, told: Parameters<typeof due>[1] = {}) =>
    decide(leaving({ reason }), due(at("12:03:00"), told));

  test("because capacity is taken, or an operator wants it, was interrupted", () => {
    for (const kind of ["spot-interruption", "drain"] as const)
      expect(verdict(kind, { evidence: [evidence(kind, at("12:02:00"))] })).toMatchObject({ next: { charges: "i" } });
  });

  test("by a bare change of state was lost, unless something explains it: the order of events does not matter", () => {
    expect(verdict("stopping", { evidence: [evidence("stopping", at("12:02:00"))] })).toMatchObject({
      next: { charges: "l" },
    });
    const evicted = evidence("evicted", at("12:02:00"));
    expect(verdict("stopping", { evidence: [evicted] })).toMatchObject({ next: { charges: "i" } });
  });

  test("and went on for hours has not ended for what it was told then", () => {
    const run = leaving({ reason: "spot-interruption", due: at("14:00:00") });
    const told = due(at("14:00:00"), { evidence: [evidence("spot-interruption", at("12:02:00"))] });
    expect(decide(run, told)).toMatchObject({ next: { charges: "l" } });
  });

  test("and is past its deadline has overrun, whether it was told before or after", () => {
    const own = { lastRenewable: at("12:02:30") };
    const stopping = { evidence: [evidence("stopping", at("12:02:00"))] };
    expect(decide(leaving({ reason: "stopping", ...own }), due(at("12:03:00"), stopping))).toMatchObject({
      next: { charges: "c" },
    });
    expect(decide(running(own), due(at("12:03:00"), stopping))).toMatchObject({ next: { charges: "c" } });
  });
});

describe("an attempt without an agent", () => {
  const late = at("13:00:00");

  test("is not ended by silence, nor because somebody drains its host", () => {
    expect(decide(running({ isWatched: true }), due(late))).toStrictEqual(SPARED);
    const drained = leaving({ isWatched: true });
    expect(decide(drained, due(late, { evidence: [evidence("drain", at("12:01:00"))] }))).toStrictEqual(SPARED);
  });

  test("is ended by what is seen, by a deadline, and by its owner", () => {
    const gone = evidence("pod-ended", at("12:03:00"), { goneAt: at("12:03:00") });
    const held = { isWatched: true } as const;
    expect(decide(running(held), due(late, { proof: gone })).reply).toMatchObject({ kind: "reaped" });
    expect(decide(running({ ...held, lastRenewable: at("12:10:00") }), due(late)).reply).toMatchObject({
      kind: "reaped",
    });
    expect(decide(canceling(held), due(late)).reply).toMatchObject({ kind: "reaped" });
    expect(decide(leaving({ ...held, isFree: true }), due(late)).reply).toMatchObject({ kind: "reaped" });
  });
});

describe("an attempt that cannot start", () => {
  const seen = evidence("pod-ended", at("12:05:00"));
  const failing = (run: Run, own: Partial<Due>): Decision => decide(run, due(at("12:05:00"), { proof: seen, ...own }));
  const start = (cause: FailedStart["cause"], fence = queued().fence): Partial<Due> => ({
    failedStart: { fence, cause },
  });

  test.each(["unstartable", "never-started"] as const)("is over at once, as %s, long before its time is", (cause) => {
    expect(failing(queued(), start(cause))).toMatchObject({
      write: "replace",
      due: { is: at("12:15:00") },
      next: { debt: { ledger: { cause, endedAt: at("12:05:00"), evidence: [seen] } } },
      reply: { kind: "reaped" },
    });
  });

  test("is another one if its fence is, and none if somebody has claimed it", () => {
    expect(failing(queued(), start("unstartable", fenceOf(7)))).toStrictEqual(SPARED);
    expect(failing(queued(), {})).toStrictEqual(SPARED);
    const held = running({ due: at("12:15:00") });
    expect(failing(held, start("unstartable", held.fence))).toStrictEqual(SPARED);
  });

  test("is past the deadline of its run, if that is over", () => {
    const registration = registered({ deadline: seconds(60) });
    expect(failing(queued(), { ...start("unstartable"), registration })).toMatchObject({
      next: { debt: { ledger: { cause: "overran" } } },
    });
  });
});
