import { describe, expect, test } from "vitest";
import type { EvidenceKind } from "../../lib/core/evidence.ts";
import { seconds } from "../../lib/core/time.ts";
import { decide } from "../../lib/core/transitions.ts";
import {
  at,
  beating,
  canceling,
  due,
  ended,
  evidence,
  fenceOf,
  finishing,
  following,
  leaving,
  lostLine,
  noticed,
  queued,
  registered,
  released,
  running,
  SUCCEEDED,
  waiting,
  written,
} from "./runs.ts";

const NOW = at("12:02:01");
const SPOT = evidence("spot-interruption", at("12:02:00"));
const NOTED = { write: "none", reply: { kind: "noted" } };

describe("a notice with policy handover", () => {
  test("makes the attempt leave, and announces its successor at once: a debt in the same write", () => {
    const run = running({ host: "i-0abc", progress: { value: 3 } });
    expect(decide(run, noticed(NOW, { ...SPOT, deadline: at("12:04:00") }))).toStrictEqual({
      write: "replace",
      next: leaving({
        host: "i-0abc",
        progress: { value: 3 },
        rev: run.rev + 1,
        reason: "spot-interruption",
        deadline: at("12:04:00"),
        debt: { since: NOW, owes: "handover" },
      }),
      reply: { kind: "leaving" },
    });
  });

  test("reaches the agent with its next beat: drain, with the reason and the deadline", () => {
    const run = written(decide(running(), noticed(NOW, { ...SPOT, deadline: at("12:04:00") })));
    expect(decide(run, beating(at("12:02:10"))).reply).toMatchObject({
      directive: "drain",
      reason: "spot-interruption",
      deadline: at("12:04:00"),
    });
  });

  test("keeps fence, attempt and lease: the old attempt goes on beating", () => {
    const next = written(decide(running(), noticed(NOW, SPOT)));
    expect([next.fence, next.attempt, next.due]).toStrictEqual([fenceOf(1), 1, at("12:03:00")]);
    expect(decide(next, beating(at("12:02:10"))).write).toBe("renew");
  });

  test("may have no deadline", () => {
    expect(written(decide(running(), noticed(NOW, SPOT)))).not.toHaveProperty("deadline");
  });

  test("keeps the ledger part of a debt that stands", () => {
    const run = running({ debt: { since: at("12:01:30"), ledger: lostLine() } });
    expect(written(decide(run, noticed(NOW, SPOT))).debt).toStrictEqual({
      since: NOW,
      owes: "handover",
      ledger: lostLine(),
    });
  });

  test("drains only when the interruption budget is spent: nobody will follow", () => {
    const registration = registered({ budgets: { crashes: 0, interruptions: 1, losses: 3, starts: 5 } });
    const last = running({ attempt: 2, fence: fenceOf(2), charges: "i" });
    const next = written(decide(last, noticed(NOW, SPOT, { registration, fence: fenceOf(2) })));
    expect(next).toMatchObject({ state: "leaving", directive: "drain" });
    expect(next).not.toHaveProperty("debt");
    expect(written(decide(running(), noticed(NOW, SPOT, { registration }))).debt?.owes).toBe("handover");
  });

  test("announces a successor although the interruption budget is spent, where the attempt got further than any before", () => {
    const registration = registered({ budgets: { crashes: 0, interruptions: 1, losses: 3, starts: 5 } });
    const debt = (value: number) => {
      const last = running({ ...following("i"), furthest: 40, progress: { value } });
      return written(decide(last, noticed(NOW, SPOT, { registration, fence: fenceOf(2) }))).debt;
    };
    expect([debt(40), debt(41)]).toStrictEqual([undefined, { since: NOW, owes: "handover" }]);
  });

  test("drains only when the one budget for all is spent", () => {
    const one = registered({ budgets: { attempts: 1 } });
    expect(written(decide(running(), noticed(NOW, SPOT, { registration: one })))).not.toHaveProperty("debt");
  });

  test("drains only from the run's deadline on", () => {
    const debtAt = (deadline: number) =>
      written(decide(running(), noticed(NOW, SPOT, { registration: registered({ deadline: seconds(deadline) }) })))
        .debt;
    expect([debtAt(121), debtAt(121.001)?.owes]).toStrictEqual([undefined, "handover"]);
  });
});

describe("a notice with policy drain", () => {
  test("makes the attempt leave, and announces nobody before it is gone", () => {
    const registration = registered({ onNotice: "drain" });
    const next = written(decide(running(), noticed(NOW, SPOT, { registration })));
    expect(next).toStrictEqual(leaving({ rev: running().rev + 1, reason: "spot-interruption" }));
    expect(written(decide(next, due(at("12:03:00"), { registration, evidence: [SPOT] })))).toMatchObject({
      state: "queued",
      charges: "i",
      debt: { owes: "message", ledger: { leaveReason: "spot-interruption" } },
    });
  });
});

describe("a notice with policy ignore", () => {
  const registration = registered({ onNotice: "ignore" });

  test("is evidence only: nothing changes but rev, so that a reap in flight looks again", () => {
    expect(decide(running(), noticed(NOW, SPOT, { registration }))).toStrictEqual({
      write: "replace",
      next: running({ rev: running().rev + 1 }),
      reply: { kind: "noted" },
    });
  });

  test("changes not even rev when it explains nothing", () => {
    expect(decide(running(), noticed(NOW, evidence("terminated", at("12:02:00")), { registration }))).toStrictEqual(
      NOTED,
    );
  });
});

describe("the kind of a notice", () => {
  test.each<EvidenceKind>([
    "spot-interruption",
    "capacity-reservation",
    "evicted",
    "scale-in",
    "drain",
    "sigterm",
    "stopping",
    "terminated",
  ])("%s makes the attempt leave, with that reason", (kind) => {
    expect(decide(running(), noticed(NOW, evidence(kind, at("12:02:00"))))).toMatchObject({
      next: { state: "leaving", directive: "drain", reason: kind },
      reply: { kind: "leaving" },
    });
  });

  test.each([running(), leaving(), canceling(), queued(), waiting(), ended()])(
    "rebalance never changes anything (state $state)",
    (run) => {
      for (const onNotice of ["handover", "drain", "ignore"] as const)
        expect(
          decide(run, noticed(NOW, evidence("rebalance", NOW), { registration: registered({ onNotice }) })),
        ).toStrictEqual(NOTED);
    },
  );

  test("maintenance counts without a drain: rev rises, and nothing else", () => {
    expect(decide(running(), noticed(NOW, evidence("maintenance", at("12:02:00"))))).toStrictEqual({
      write: "replace",
      next: running({ rev: running().rev + 1 }),
      reply: { kind: "noted" },
    });
  });
});

describe("a notice", () => {
  test("moves the rev of a queued run, and nothing else, so that a claim that is under way looks at its host again", () => {
    expect(decide(queued(), noticed(NOW, SPOT))).toStrictEqual({
      write: "replace",
      next: queued({ rev: queued().rev + 1 }),
      reply: { kind: "noted" },
    });
    expect(decide(queued(), noticed(NOW, evidence("rebalance", NOW)))).toStrictEqual(NOTED);
  });

  test.each([waiting(), released(), canceling(), ended()])("changes nothing in state $state", (run) => {
    expect(decide(run, noticed(NOW, { ...SPOT, deadline: at("12:04:00") }))).toStrictEqual(NOTED);
  });

  test("about another host than the run item names is about somebody else, and so is one about another attempt", () => {
    const run = running({ host: "i-0abc" });
    expect(decide(run, noticed(NOW, SPOT, { host: "i-0def" }))).toStrictEqual(NOTED);
    expect(decide(run, noticed(NOW, SPOT, { host: "i-0abc" })).reply.kind).toBe("leaving");
    expect(decide(run, noticed(NOW, SPOT, { host: "i-0abc", fence: fenceOf(2) }))).toStrictEqual(NOTED);
    expect(decide(queued(), noticed(NOW, SPOT, { fence: fenceOf(2) }))).toStrictEqual(NOTED);
    expect(decide(leaving({ host: "i-0abc" }), noticed(NOW, SPOT, { host: "i-0def" }))).toStrictEqual(NOTED);
  });

  test("that comes hours late does not move an attempt that has long survived what it says", () => {
    const run = running({ due: at("14:00:00") });
    expect(decide(run, noticed(at("13:59:00"), SPOT))).toStrictEqual(NOTED);
    expect(decide(leaving({ due: at("14:00:00") }), noticed(at("13:59:00"), SPOT))).toStrictEqual(NOTED);
  });

  test("brings an attempt that leaves already a nearer deadline, with its reason, and no later one", () => {
    const run = leaving({ reason: "drain", deadline: at("13:00:00") });
    const nearer = written(decide(run, noticed(NOW, { ...SPOT, deadline: at("12:04:00") })));
    expect(nearer).toMatchObject({ reason: "spot-interruption", deadline: at("12:04:00"), rev: run.rev + 1 });
    const later = written(decide(nearer, noticed(NOW, evidence("drain", NOW, { deadline: at("12:30:00") }))));
    expect(later).toMatchObject({ reason: "spot-interruption", deadline: at("12:04:00") });
    expect(decide(nearer, noticed(NOW, evidence("drain", NOW, { deadline: at("12:04:00") })))).toStrictEqual({
      write: "replace",
      next: { ...nearer, rev: nearer.rev + 1 },
      reply: { kind: "noted" },
    });
    const first = written(decide(leaving(), noticed(NOW, { ...SPOT, deadline: at("12:04:00") })));
    expect(first).toMatchObject({ deadline: at("12:04:00") });
  });

  test("that explains makes a verdict on an attempt that leaves stale, and one that does not changes nothing", () => {
    const run = leaving({ reason: "stopping" });
    expect(decide(run, noticed(NOW, SPOT))).toStrictEqual({
      write: "replace",
      next: { ...run, rev: run.rev + 1 },
      reply: { kind: "noted" },
    });
    expect(decide(run, noticed(NOW, evidence("terminated", NOW)))).toStrictEqual(NOTED);
    expect(decide(run, noticed(NOW, { ...SPOT, withdrawn: true }))).toStrictEqual(NOTED);
  });

  test("of an event from 60 s before the claim concerns the attempt, from earlier it does not", () => {
    const reply = (clock: string) => decide(running(), noticed(NOW, evidence("drain", at(clock)))).reply.kind;
    expect([reply("12:00:00"), reply("11:59:59.999")]).toStrictEqual(["leaving", "noted"]);
  });

  test("of an event up to 60 s ahead of our clock concerns the attempt, from later on it does not", () => {
    const reply = (clock: string) => decide(running(), noticed(NOW, evidence("drain", at(clock)))).reply.kind;
    expect([reply("12:03:01"), reply("12:03:01.001")]).toStrictEqual(["leaving", "noted"]);
  });

  test("makes a reap in flight stale, which then finds it explained", () => {
    const seen = running();
    const told = written(
      decide(seen, noticed(at("12:03:00"), SPOT, { registration: registered({ onNotice: "ignore" }) })),
    );
    expect(told.rev).toBeGreaterThan(seen.rev);
    expect(written(decide(told, due(at("12:03:00"), { evidence: [SPOT] }))).charges).toBe("i");
  });

  test("for an attempt that succeeds after all leaves no successor: the run has ended", () => {
    const run = written(decide(running(), noticed(NOW, SPOT)));
    expect(written(decide(run, finishing(at("12:02:30"), SUCCEEDED)))).toMatchObject({
      state: "ended",
      outcome: "succeeded",
      charges: "+",
      debt: { owes: "archive" },
    });
  });
});
