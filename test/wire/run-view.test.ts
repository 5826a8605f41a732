import { describe, expect, test } from "vitest";
import type { Pause } from "../../lib/core/freeze.ts";
import type { LedgerLine } from "../../lib/ports/records.ts";
import { endedView, recordView, runView } from "../../lib/wire/run-view.ts";
import {
  at,
  CRASHED,
  canceling,
  ended,
  evidence,
  fenceOf,
  following,
  HOLDER,
  leaving,
  lostLine,
  queued,
  registered,
  released,
  running,
  waiting,
} from "../core/runs.ts";

const FIRST = { run: "etl", attempt: 1, fence: 1_795_348_800 };

describe("a run, as people read it,", () => {
  test("says until when it may start while it is queued", () => {
    expect(runView(queued())).toEqual({ ...FIRST, state: "queued", startBy: "2026-11-22T12:15:00.000Z" });
  });

  test("says from when it may start while it waits", () => {
    expect(runView(waiting())).toEqual({
      run: "etl",
      state: "waiting",
      attempt: 2,
      fence: 1_795_348_801,
      notBefore: "2026-11-22T12:10:15.000Z",
    });
  });

  test("says where it runs and when it was last heard of", () => {
    const run = running({ due: at("12:04:30"), host: "i-0abc", progress: { value: 82, of: 100 } });
    expect(runView(run)).toEqual({
      ...FIRST,
      state: "running",
      leaseUntil: "2026-11-22T12:04:30.000Z",
      lastBeatAt: "2026-11-22T12:02:30.000Z",
      claimedAt: "2026-11-22T12:01:00.000Z",
      host: "i-0abc",
      directive: "continue",
      progress: { value: 82, of: 100 },
    });
  });

  test("says nothing of a host or progress that is not known", () => {
    expect(runView(running())).not.toHaveProperty("host");
    expect(runView(running())).not.toHaveProperty("progress");
  });

  test.each([
    [leaving({ reason: "spot-interruption" }), "drain", "spot-interruption"],
    [released(), "stop", "requeued"],
    [canceling(), "stop", "canceled"],
  ])("says what its holder is told, and why (%#)", (run, directive, reason) => {
    expect(runView(run)).toMatchObject({ state: run.state, directive, reason });
  });

  test("says how it ended", () => {
    expect(runView(ended())).toEqual({
      run: "etl",
      state: "ended",
      attempt: 1,
      fence: 1_795_348_801,
      outcome: "exhausted",
      cause: "lost",
      endedAt: "2026-11-22T12:03:00.000Z",
    });
  });

  test("is the same from its item and from what stays of it", () => {
    const { state: _, due: __, ...result } = ended();
    expect(endedView(result)).toEqual(runView(ended()));
  });
});

describe("the record of a run", () => {
  const told = evidence("spot-interruption", at("12:02:45"));
  const claim = { attempt: 1, fence: fenceOf(1), claimedAt: at("12:01:00"), holder: { id: HOLDER, host: "i-0abc" } };
  const end = { ...lostLine({ cause: "interrupted", evidence: [told] }), charge: "i" };
  const line: LedgerLine = { fence: fenceOf(1), claim, end };

  const attempts = (lines: readonly LedgerLine[], charges = "i") =>
    recordView(registered(), running(following(charges)), lines).attempts;

  test("has the run, its spec, what is spent, and its ledger", () => {
    expect(recordView(registered(), queued(following("i")), [line])).toEqual({
      run: "etl",
      state: "queued",
      attempt: 2,
      fence: 1_795_348_801,
      startBy: "2026-11-22T12:15:00.000Z",
      registeredAt: "2026-11-22T12:00:00.000Z",
      spec: {
        start: "self",
        leaseSeconds: 120,
        startWithinSeconds: 900,
        budgets: { crashes: 0, memory: 1, interruptions: 10, losses: 3, starts: 5 },
        backoff: { baseSeconds: 15, maxSeconds: 600 },
        onNotice: "handover",
        onCutOff: "stop",
        onDemandLast: 1,
        target: { kind: "queue" },
        labels: {},
      },
      spent: { crashes: 0, memory: 0, interruptions: 1, losses: 0, starts: 0 },
      budgets: {
        crashes: { used: 0, max: 0 },
        interruptions: { used: 1, max: 10 },
        memory: { used: 0, max: 1 },
        losses: { used: 0, max: 3 },
        starts: { used: 0, max: 5 },
      },
      attempts: [
        {
          attempt: 1,
          fence: 1_795_348_800,
          holder: { id: HOLDER, host: "i-0abc" },
          claimedAt: "2026-11-22T12:01:00.000Z",
          lastBeatAt: "2026-11-22T12:01:00.000Z",
          endedAt: "2026-11-22T12:03:00.000Z",
          cause: "interrupted",
          charged: "interruptions",
          evidence: [
            { id: "spot-interruption-1", source: "aws.ec2", kind: "spot-interruption", at: "2026-11-22T12:02:45.000Z" },
          ],
        },
      ],
    });
  });

  test("has what stays of a run whose item is gone", () => {
    const { state: _, due: __, ...result } = ended();
    expect(recordView(registered(), result, [])).toMatchObject({
      state: "ended",
      outcome: "exhausted",
      spent: { losses: 1 },
      attempts: [],
    });
  });

  test("has an attempt that is claimed and has not ended", () => {
    expect(attempts([{ fence: fenceOf(1), claim }], "")).toEqual([
      {
        attempt: 1,
        fence: 1_795_348_800,
        holder: { id: HOLDER, host: "i-0abc" },
        claimedAt: "2026-11-22T12:01:00.000Z",
        evidence: [],
      },
    ]);
  });

  test("has what the runner of an attempt has told of itself, until it has ended: then it is among the evidence", () => {
    const word = evidence("sigterm", at("12:02:30"), { source: "runner" });
    expect(attempts([{ fence: fenceOf(1), claim, words: [word] }], "")[0]?.evidence).toEqual([
      { id: "sigterm-1", source: "runner", kind: "sigterm", at: "2026-11-22T12:02:30.000Z" },
    ]);
    expect(attempts([{ ...line, words: [word] }])[0]?.evidence.map(({ kind }) => kind)).toEqual(["spot-interruption"]);
  });

  test("says since when and until when at most no verdict by the clock is found on it, and why", () => {
    const hold: Pause = { since: at("12:01:00"), until: at("12:16:00"), why: "canary" };
    expect(recordView(registered(), running(), [], hold).freeze).toEqual({
      since: "2026-11-22T12:01:00.000Z",
      until: "2026-11-22T12:16:00.000Z",
      why: "canary",
    });
    expect(recordView(registered(), running(), [])).not.toHaveProperty("freeze");
  });

  test("has the claim of an attempt from its end, where its own line is missing", () => {
    expect(attempts([{ fence: fenceOf(1), end }])[0]?.claimedAt).toBe("2026-11-22T12:01:00.000Z");
  });

  test("has no budget for an attempt that cost nothing", () => {
    const requeued: LedgerLine = { fence: fenceOf(1), end: { ...lostLine({ cause: "requeued" }), charge: "-" } };
    expect(attempts([requeued], "-")[0]).not.toHaveProperty("charged");
  });

  test("has what the agent reported of its child", () => {
    const report = { ...CRASHED, message: "out of disk" };
    expect(attempts([{ fence: fenceOf(1), end: { ...end, report } }])[0]).toMatchObject({
      exitCode: 1,
      message: "out of disk",
    });
  });

  test("has the cause of an end, not the outcome that its agent claimed", () => {
    expect(attempts([{ fence: fenceOf(1), end: { ...end, report: CRASHED } }])[0]).not.toHaveProperty("outcome");
  });

  test("notes a success that came too late to count", () => {
    expect(attempts([{ ...line, lateSuccessAt: at("12:20:00") }])[0]?.lateSuccessAt).toBe("2026-11-22T12:20:00.000Z");
  });

  test("charges each attempt to the budget that its own letter names", () => {
    const second: LedgerLine = {
      fence: fenceOf(2),
      end: { ...lostLine({ attempt: 2, fence: fenceOf(2) }), charge: "l" },
    };
    expect(attempts([line, second], "il").map(({ charged }) => charged)).toEqual(["interruptions", "losses"]);
  });
});
