import { describe, expect, test } from "vitest";
import { saysWhy } from "../../lib/core/finishing.ts";
import type { Canary } from "../../lib/core/freeze.ts";
import type { Ended, Report } from "../../lib/core/run.ts";
import { seconds } from "../../lib/core/time.ts";
import { decide } from "../../lib/core/transitions.ts";
import {
  at,
  CRASHED,
  canceling,
  due,
  ended,
  evidence,
  fenceOf,
  finishing,
  following,
  HOLDER,
  leaving,
  lostLine,
  queued,
  registered,
  released,
  running,
  SUCCEEDED,
  waiting,
  written,
} from "./runs.ts";

const INTERRUPTED: Report = { outcome: "interrupted", reason: "sigterm" };
const SELF_FENCED: Report = { outcome: "interrupted", reason: "self-fenced" };
const KILLED: Report = { outcome: "failed", signal: "SIGKILL" };
const NOTICE = evidence("spot-interruption", at("12:02:00"));

const charged = (...[run, event]: Parameters<typeof decide>) => written(decide(run, event)).charges;

describe("a success", () => {
  test("ends the run, with its ledger line and its archive owed", () => {
    expect(decide(running({ host: "i-0abc" }), finishing(at("12:02:30"), SUCCEEDED))).toStrictEqual({
      write: "replace",
      next: ended({
        rev: running().rev + 1,
        charges: "+",
        outcome: "succeeded",
        cause: "succeeded",
        endedAt: at("12:02:30"),
        due: at("12:03:30"),
        debt: {
          since: at("12:02:30"),
          owes: "archive",
          ledger: {
            attempt: 1,
            fence: fenceOf(1),
            cause: "succeeded",
            endedAt: at("12:02:30"),
            evidence: [],
            claimedAt: at("12:01:00"),
            lastBeatAt: at("12:01:00"),
            holder: HOLDER,
            host: "i-0abc",
            report: SUCCEEDED,
            reportHash: JSON.stringify(SUCCEEDED),
          },
        },
      }),
      reply: { kind: "finished", state: "ended", outcome: "succeeded" },
    });
  });

  test("of a draining attempt is a success", () => {
    expect(charged(leaving(), finishing(at("12:02:30"), SUCCEEDED))).toBe("+");
  });

  test("of a released attempt still wins", () => {
    expect(decide(released(), finishing(at("12:02:30"), SUCCEEDED)).reply).toStrictEqual({
      kind: "finished",
      state: "ended",
      outcome: "succeeded",
    });
  });

  test("past the deadline is a success", () => {
    expect(charged(running({ lastRenewable: at("12:02:00") }), finishing(at("12:02:30"), SUCCEEDED))).toBe("+");
  });

  test("on a doomed host is a success", () => {
    expect(charged(running(), finishing(at("12:02:30"), SUCCEEDED, { evidence: [NOTICE] }))).toBe("+");
  });

  test("that arrives in canceling is noted in the ledger only: canceled stays canceled", () => {
    expect(written(decide(canceling(), finishing(at("12:02:30"), SUCCEEDED)))).toMatchObject({
      outcome: "canceled",
      charges: "-",
      debt: { ledger: { cause: "canceled", report: SUCCEEDED } },
    });
  });
});

describe("an end of the child's own", () => {
  test("says why, as a success and a stall do: by an exit code without a signal", () => {
    const stalled: Report = { outcome: "failed", reason: "stalled", signal: "SIGKILL" };
    const told: Report = { outcome: "interrupted", exitCode: 143 };
    const reports = [CRASHED, SUCCEEDED, stalled, KILLED, { ...KILLED, exitCode: 137 }, told];
    expect(reports.map(saysWhy)).toStrictEqual([true, true, true, false, false, false]);
  });

  test("fails the run where crashes is 0", () => {
    expect(decide(running(), finishing(at("12:02:30"), CRASHED)).reply).toStrictEqual({
      kind: "finished",
      state: "ended",
      outcome: "failed",
    });
  });

  test("waits for its backoff while crashes are left", () => {
    const registration = registered({ budgets: { crashes: 1, interruptions: 0, losses: 0, starts: 0 } });
    expect(decide(running(), finishing(at("12:02:30"), CRASHED, { registration }))).toMatchObject({
      next: { state: "waiting", attempt: 2, fence: fenceOf(2), charges: "c", due: at("12:02:37.500") },
      reply: { kind: "finished", state: "waiting" },
    });
  });

  test("is a crash although its host was doomed: a real exit code needs no evidence", () => {
    expect(charged(running(), finishing(at("12:02:30"), CRASHED, { evidence: [NOTICE] }))).toBe("c");
  });

  test("is a crash although the attempt was draining", () => {
    expect(charged(leaving(), finishing(at("12:02:30"), CRASHED))).toBe("c");
  });

  test("is an overrun past the deadline", () => {
    const run = running({ lastRenewable: at("12:02:30") });
    expect(written(decide(run, finishing(at("12:02:30"), CRASHED)))).toMatchObject({ cause: "overran", charges: "c" });
  });

  test("is a crash before the deadline", () => {
    const run = running({ lastRenewable: at("12:02:30.001") });
    expect(written(decide(run, finishing(at("12:02:30"), CRASHED)))).toMatchObject({ cause: "crashed" });
  });
});

describe("an end for want of memory", () => {
  const OUT: Report = { outcome: "failed", reason: "out-of-memory", signal: "SIGKILL", memoryLimitBytes: 536_870_912 };

  test("is charged to memory, and has another attempt although no crash may have one", () => {
    expect(written(decide(running(), finishing(at("12:02:30"), OUT)))).toMatchObject({
      state: "waiting",
      charges: "m",
      debt: { ledger: { cause: "out-of-memory", report: OUT } },
    });
  });

  test("is one whatever happened to its host, with an exit code of its own, and past its deadline", () => {
    const run = running({ lastRenewable: at("12:02:00") });
    const report: Report = { outcome: "failed", reason: "out-of-memory", exitCode: 1 };
    expect(charged(run, finishing(at("12:02:30"), report, { evidence: [NOTICE] }))).toBe("m");
    expect(saysWhy(OUT)).toBe(true);
  });
});

test("a command that could not be started is tried once more", () => {
  const registration = registered({ budgets: { crashes: 9, interruptions: 0, losses: 0, starts: 0 } });
  const report: Report = { outcome: "failed", reason: "unstartable", exitCode: 127, message: "trian: not found" };
  const finished = (charges: string) =>
    written(
      decide(
        running(following(charges)),
        finishing(at("12:02:30"), report, { registration, fence: fenceOf(charges.length + 1) }),
      ),
    );
  expect(finished("")).toMatchObject({ state: "waiting", charges: "u" });
  expect(finished("u")).toMatchObject({ state: "ended", outcome: "failed", cause: "unstartable", charges: "uu" });
});

test("a user's cancel at the terminal ends the run, charges nothing, and needs no evidence", () => {
  const report: Report = { outcome: "canceled", reason: "sigint", exitCode: 130 };
  const next = written(decide(running(), finishing(at("12:02:30"), report, { evidence: [NOTICE] })));
  expect(next).toMatchObject({ state: "ended", outcome: "canceled", cause: "canceled", charges: "-" });
  expect(saysWhy(report)).toBe(true);
});

describe("an end by a signal", () => {
  test("of an attempt that nothing explains is a crash", () => {
    expect(charged(running(), finishing(at("12:02:30"), KILLED))).toBe("c");
  });

  test("of a draining attempt, by our own TERM or KILL, charges interruptions", () => {
    expect(charged(leaving(), finishing(at("12:02:30"), KILLED, { evidence: [NOTICE] }))).toBe("i");
  });

  test("on a doomed host charges interruptions, and keeps the evidence", () => {
    expect(written(decide(running(), finishing(at("12:02:30"), KILLED, { evidence: [NOTICE] })))).toMatchObject({
      charges: "i",
      debt: { ledger: { cause: "interrupted", evidence: [NOTICE] } },
    });
  });

  test("may be told without signal and code: on a doomed host it is an interruption all the same", () => {
    expect(charged(running(), finishing(at("12:02:30"), { outcome: "failed" }, { evidence: [NOTICE] }))).toBe("i");
  });

  test("past the deadline is an overrun", () => {
    const run = running({ lastRenewable: at("12:02:00") });
    expect(written(decide(run, finishing(at("12:02:30"), KILLED)))).toMatchObject({ cause: "overran" });
  });

  test("on a doomed host past the deadline is an interruption: positive evidence outranks the clock", () => {
    const run = running({ lastRenewable: at("12:02:00") });
    expect(charged(run, finishing(at("12:02:30"), KILLED, { evidence: [NOTICE] }))).toBe("i");
  });
});

describe("an interruption", () => {
  test("has its successor at once, with the message owed", () => {
    expect(written(decide(running(), finishing(at("12:02:30"), INTERRUPTED)))).toMatchObject({
      state: "queued",
      attempt: 2,
      fence: fenceOf(2),
      charges: "i",
      due: at("12:17:30"),
      debt: { since: at("12:02:30"), owes: "message", ledger: { cause: "interrupted" } },
    });
  });

  test.each<[string, Report]>([
    ["an exit code of the child's own", { ...INTERRUPTED, exitCode: 3 }],
    ["another agent's reason", { outcome: "interrupted", reason: "stalled" }],
  ])("stays one with %s: only a failure is charged to crashes", (_, report) => {
    expect(charged(running(), finishing(at("12:02:30"), report))).toBe("i");
  });

  test("by a self-fence is a loss: nothing is known but the silence", () => {
    expect(charged(running(), finishing(at("12:02:30"), SELF_FENCED))).toBe("l");
  });

  test("by a self-fence on a doomed host is an interruption", () => {
    expect(charged(running(), finishing(at("12:02:30"), SELF_FENCED, { evidence: [NOTICE] }))).toBe("i");
  });
});

describe("a self-fence", () => {
  const frozenAt = (floor: string) => ({ since: at(floor), lastBad: at(floor), floor: at(floor) });
  const fencedWith = (floor: string | undefined, own: Parameters<typeof finishing>[2] = {}) =>
    written(
      decide(
        running(),
        finishing(at("12:02:30"), SELF_FENCED, {
          frontDoor: { canary: {}, ...(floor !== undefined && { freeze: frozenAt(floor) }) },
          ...own,
        }),
      ),
    );

  test("while the fleet was silent at once is charged to nothing: we had cut it off", () => {
    expect(fencedWith("12:02:20")).toMatchObject({
      state: "queued",
      charges: "-",
      debt: { owes: "message", ledger: { cause: "cut-off" } },
    });
  });

  test("is a loss when the fleet was last silent before its last beat", () => {
    expect([fencedWith("12:01:00").charges, fencedWith("12:00:59.999").charges]).toStrictEqual(["-", "l"]);
  });

  test("among few hosts is a loss only where the canary got through meanwhile, in time for a beat more", () => {
    const charge = (canary: Canary) =>
      charged(running(), finishing(at("12:03:10"), SELF_FENCED, { frontDoor: { canary } }));
    // It was last heard at 12:01:00, should have been by 12:02:05, and needs 35 s to be heard again before its lease ends.
    const sang = ["12:02:04.999", "12:02:05", "12:02:25", "12:02:25.001"].map((clock) =>
      charge({ throughAt: at(clock) }),
    );
    expect(sang).toStrictEqual(["-", "l", "l", "-"]);
    expect(charge({ throughAt: at("12:02:20"), throughSince: at("12:01:00") })).toBe("l");
    expect(charge({})).toBe("l"); // there is nobody to ask
  });

  test("has its successor at once when we had cut it off, and after a backoff when it was lost", () => {
    expect([fencedWith("12:02:20").state, fencedWith(undefined).state]).toStrictEqual(["queued", "waiting"]);
  });

  test("that was our fault costs nothing on a doomed host either; else it is an interruption there", () => {
    const evidence = [NOTICE];
    expect([fencedWith("12:02:20", { evidence }).charges, fencedWith(undefined, { evidence }).charges]).toStrictEqual([
      "-",
      "i",
    ]);
  });

  test("past its deadline has overrun, whoever was at fault", () => {
    const run = running({ lastRenewable: at("12:02:00") });
    const frontDoor = { canary: {}, freeze: frozenAt("12:02:20") };
    expect(charged(run, finishing(at("12:02:30"), SELF_FENCED, { frontDoor }))).toBe("c");
  });

  test("is what the front door is asked for: an end of another kind stays one", () => {
    const frontDoor = { canary: {}, freeze: frozenAt("12:02:20") };
    expect(charged(running(), finishing(at("12:02:30"), INTERRUPTED, { frontDoor }))).toBe("i");
    const failed: Report = { ...KILLED, reason: "self-fenced" };
    expect(charged(running(), finishing(at("12:02:30"), failed, { frontDoor }))).toBe("c");
  });
});

describe("a stalled attempt", () => {
  const STALLED: Report = { outcome: "failed", signal: "SIGTERM", reason: "stalled" };
  const registration = registered({ budgets: { crashes: 1, interruptions: 0, losses: 0, starts: 0 } });

  test.each([running(), leaving()])("is charged to crashes although a signal ended it (state $state)", (run) => {
    expect(written(decide(run, finishing(at("12:02:30"), STALLED, { registration })))).toMatchObject({
      charges: "c",
      debt: { ledger: { cause: "stalled" } },
    });
  });

  test("is stalled past its deadline, and on a doomed host: its agent has seen that it did not move", () => {
    const run = running({ lastRenewable: at("12:02:00") });
    const event = finishing(at("12:02:30"), STALLED, { registration, evidence: [NOTICE] });
    expect(written(decide(run, event)).debt?.ledger?.cause).toBe("stalled");
  });

  test("that its owner released is charged to nothing", () => {
    expect(charged(released(), finishing(at("12:02:30"), STALLED))).toBe("-");
  });
});

describe("the end of an attempt that its owner wanted to be rid of", () => {
  test.each([CRASHED, KILLED, INTERRUPTED])("is charged to nothing ($outcome)", (report) => {
    expect(written(decide(released(), finishing(at("12:02:30"), report)))).toMatchObject({
      state: "queued",
      charges: "-",
      debt: { owes: "message", ledger: { cause: "requeued" } },
    });
  });

  test.each([CRASHED, KILLED, INTERRUPTED])("ends a canceled run as canceled ($outcome)", (report) => {
    expect(decide(canceling(), finishing(at("12:02:30"), report)).reply).toStrictEqual({
      kind: "finished",
      state: "ended",
      outcome: "canceled",
    });
  });
});

describe("a finish that is sent again", () => {
  const reportHash = JSON.stringify(CRASHED);

  test("with the same body is answered as before, from the debt", () => {
    const run = queued({
      ...following("c"),
      debt: { since: at("12:02:30"), owes: "message", ledger: lostLine({ reportHash }) },
    });
    expect(decide(run, finishing(at("12:02:31"), CRASHED))).toStrictEqual({
      write: "none",
      reply: { kind: "finished", state: "queued" },
    });
  });

  test("with the same body is answered as before, from the ledger", () => {
    expect(decide(waiting(), finishing(at("12:10:05"), CRASHED, { line: lostLine({ reportHash }) }))).toStrictEqual({
      write: "none",
      reply: { kind: "finished", state: "waiting" },
    });
  });

  test("with the same body is answered while a later attempt runs", () => {
    expect(
      decide(running(following("c")), finishing(at("12:10:30"), CRASHED, { line: lostLine({ reportHash }) })).reply,
    ).toStrictEqual({
      kind: "finished",
      state: "running",
    });
  });

  test("with the same body is answered after the run has ended, with its outcome", () => {
    const run = ended({ charges: "c", outcome: "failed", cause: "crashed" });
    expect(decide(run, finishing(at("12:03:30"), CRASHED, { line: lostLine({ reportHash }) })).reply).toStrictEqual({
      kind: "finished",
      state: "ended",
      outcome: "failed",
    });
  });

  test.each([
    queued(following("c")),
    waiting(),
    running(following("c")),
    leaving(following("c")),
    canceling(following("c")),
    ended(),
  ])("with another body is refused in state $state", (run) => {
    expect(decide(run, finishing(at("12:10:05"), SUCCEEDED, { line: lostLine({ reportHash }) }))).toStrictEqual({
      write: "none",
      reply: { kind: "finished-otherwise" },
    });
  });

  test("is judged by the debt, which is newer than the ledger", () => {
    const debt = { since: at("12:02:30"), ledger: lostLine({ reportHash }) };
    const event = finishing(at("12:10:05"), CRASHED, { line: lostLine({ reportHash: "older" }) });
    expect(decide(waiting({ debt }), event).reply.kind).toBe("finished");
  });

  test("is not judged by the debt of another attempt", () => {
    const debt = {
      since: at("12:02:30"),
      ledger: lostLine({ attempt: 2, fence: fenceOf(2), reportHash: "another's" }),
    };
    const run = queued({ ...following("cl"), debt });
    expect(decide(run, finishing(at("12:10:05"), CRASHED, { line: lostLine({ reportHash }) })).reply.kind).toBe(
      "finished",
    );
  });
});

describe("a late success", () => {
  const late = (own: Parameters<typeof finishing>[2] = {}) =>
    finishing(at("12:05:00"), SUCCEEDED, { line: lostLine(), ...own });

  test.each([queued(following("l")), waiting(following("l"))])("makes a run in state $state succeed", (run) => {
    expect(decide(run, late())).toStrictEqual({
      write: "replace",
      next: ended({
        attempt: 2,
        fence: fenceOf(3),
        rev: run.rev + 1,
        charges: "+",
        outcome: "succeeded",
        cause: "succeeded",
        endedByAttempt: 1,
        endedAt: at("12:05:00"),
        due: at("12:06:00"),
        debt: {
          since: at("12:05:00"),
          owes: "archive",
          ledger: {
            ...lostLine(),
            cause: "succeeded",
            reportedAt: at("12:05:00"),
            report: SUCCEEDED,
            reportHash: JSON.stringify(SUCCEEDED),
          },
        },
      }),
      reply: { kind: "finished", state: "ended", outcome: "succeeded" },
    });
  });

  test("withdraws the pending requeue: its claim finds the run ended", () => {
    const run = written(
      decide(queued({ ...following("l"), debt: { since: at("12:03:00"), owes: "message" } }), late()),
    );
    expect(run).toMatchObject({ state: "ended", debt: { owes: "archive" } });
  });

  test.each<Ended["cause"]>(["lost", "interrupted", "never-started"])(
    "makes a run succeed that was exhausted by %s",
    (cause) => {
      const run = ended({ cause, charges: "l" });
      expect(written(decide(run, late()))).toMatchObject({ outcome: "succeeded", charges: "+", fence: fenceOf(2) });
    },
  );

  test("refunds the charge of its own attempt only", () => {
    const run = queued(following("clss"));
    const event = late({ attempt: 2, fence: fenceOf(2), line: lostLine({ attempt: 2, fence: fenceOf(2) }) });
    expect(written(decide(run, event))).toMatchObject({ charges: "c+ss", endedByAttempt: 2 });
  });

  test("counts for an attempt that was reaped as interrupted, without a finish", () => {
    expect(decide(queued(following("i")), late()).reply.kind).toBe("finished");
  });

  test("counts for an attempt whose loss was found to be an interruption later", () => {
    expect(written(decide(queued(following("f")), late()))).toMatchObject({ outcome: "succeeded", charges: "+" });
  });

  test("keeps the time of an end that was there before", () => {
    const run = ended({ cause: "lost", charges: "l", endedAt: at("12:03:00") });
    expect(written(decide(run, late()))).toMatchObject({ endedAt: at("12:03:00") });
  });

  test("counts while later attempts were never started", () => {
    expect(decide(queued(following("lss")), late()).reply.kind).toBe("finished");
  });

  test.each(["ll", "li", "lc", "l-", "ls-"])("is refused once a later attempt was claimed (charges %s)", (charges) => {
    expect(decide(queued(following(charges)), late()).reply.kind).toBe("superseded");
  });

  test.each([running, leaving, canceling])("is refused while a later attempt is held", (of) => {
    expect(decide(of(following("l")), late()).reply.kind).toBe("superseded");
  });

  test.each(["c", "-", "s"])("is refused to an attempt that was not declared lost (charge %s)", (charges) => {
    expect(decide(queued(following(charges)), late()).reply.kind).toBe("superseded");
  });

  test.each<Ended["outcome"]>(["canceled", "failed"])("does not change a run that was %s", (outcome) => {
    expect(decide(ended({ outcome }), late()).reply).toStrictEqual({ kind: "ended" });
  });

  test("does not change a run that was exhausted by its crashes", () => {
    expect(decide(ended({ charges: "lc", cause: "crashed", endedByAttempt: 2 }), late()).reply).toStrictEqual({
      kind: "ended",
    });
  });

  test("does not change a run whose later attempt overran while it was queued", () => {
    expect(decide(ended({ charges: "lc", cause: "overran", endedByAttempt: 2 }), late()).reply).toStrictEqual({
      kind: "ended",
    });
  });

  test("is not believed without the ledger line that declared the loss", () => {
    const { line: _, ...unknown } = late();
    expect(decide(queued(following("l")), unknown).reply.kind).toBe("superseded");
  });
});

describe("a late failure", () => {
  const late = finishing(at("12:05:00"), CRASHED, { line: lostLine() });

  test("never charges anything again", () => {
    expect(decide(queued(following("l")), late)).toStrictEqual({
      write: "none",
      reply: { kind: "superseded", attempt: 2, fence: fenceOf(2) },
    });
  });

  test("of an ended run is refused as ended", () => {
    expect(decide(ended(), late)).toStrictEqual({ write: "none", reply: { kind: "ended" } });
  });
});

describe("a finish and a reap race for one write", () => {
  const finish = (own: Parameters<typeof finishing>[2] = {}) => finishing(at("12:03:00"), SUCCEEDED, own);

  test("both name the same rev, so only one of them is written", () => {
    const [one, other] = [finish(), due(at("12:03:00"))].map((event) => written(decide(running(), event)).rev);
    expect([one, other]).toStrictEqual([running().rev + 1, running().rev + 1]);
  });

  test("when the finish comes first, the reap spares", () => {
    const run = written(decide(running(), finish()));
    expect(decide(run, due(at("12:03:00"))).reply).toStrictEqual({ kind: "spared" });
  });

  test("when the reap comes first, the success is a late one", () => {
    const run = written(decide(running(), due(at("12:03:00"))));
    expect(written(decide(run, finish()))).toMatchObject({ outcome: "succeeded", charges: "+" });
  });

  test("when the reap comes first, the end is charged once", () => {
    const run = written(decide(running(), due(at("12:03:00"))));
    expect(decide(run, finishing(at("12:03:00"), CRASHED)).write).toBe("none");
  });

  test("a run past its deadline that finishes in time is not charged as overrun", () => {
    const registration = registered({ deadline: seconds(120) });
    const run = running({ lastRenewable: at("12:02:00") });
    expect(charged(run, finish({ registration }))).toBe("+");
  });
});
