import { describe, expect, test } from "vitest";
import { isInferred } from "../../lib/core/refunding.ts";
import type { LedgerEnd, Run } from "../../lib/core/run.ts";
import { decide } from "../../lib/core/transitions.ts";
import {
  at,
  canceling,
  ended,
  evidence,
  fenceOf,
  following,
  leaving,
  lostLine,
  queued,
  refunding,
  registered,
  running,
  waiting,
  written,
} from "./runs.ts";

const LATER = at("12:06:00");
const EVICTED = evidence("evicted", at("12:02:00"));
const CORRECTED = lostLine({ cause: "interrupted", evidence: [EVICTED] });

const afterALoss: readonly Run[] = [
  queued(following("l")),
  waiting(following("l")),
  running(following("l")),
  leaving(following("l")),
  canceling(following("l")),
];

describe("late evidence", () => {
  test.each(afterALoss)("moves the charge from losses to interruptions in state $state, and changes no more", (run) => {
    expect(decide(run, refunding(LATER))).toStrictEqual({
      write: "replace",
      next: { ...run, rev: run.rev + 1, charges: "i", debt: { since: LATER, ledger: CORRECTED } },
      reply: { kind: "refunded" },
    });
  });

  test("never revives a run: an exhausted one stays so, and owes its archive again", () => {
    expect(decide(ended(), refunding(LATER))).toStrictEqual({
      write: "replace",
      next: ended({
        rev: ended().rev + 1,
        cause: "interrupted",
        charges: "i",
        debt: { since: LATER, owes: "archive", ledger: CORRECTED },
      }),
      reply: { kind: "refunded" },
    });
  });

  test.each([...afterALoss, ended()])("moves it once: the same event again is only noted (state $state)", (run) => {
    const next = written(decide(run, refunding(LATER)));
    expect(decide(next, refunding(at("12:07:00")))).toStrictEqual({ write: "none", reply: { kind: "noted" } });
  });

  test.each(["c", "i", "s", "-", "+"])("moves no charge but that of its line (%s)", (charges) => {
    expect(decide(queued(following(charges)), refunding(LATER))).toStrictEqual({
      write: "none",
      reply: { kind: "noted" },
    });
  });

  test("moves the charge of its own attempt only", () => {
    const run = queued(following("lcll"));
    const line = lostLine({ attempt: 3, fence: fenceOf(3) });
    expect(written(decide(run, refunding(LATER, { line }))).charges).toBe("lcil");
  });

  test("of an earlier attempt leaves the cause by which the run has ended", () => {
    const run = ended({ endedByAttempt: 2, attempt: 2, fence: fenceOf(2), charges: "lc", cause: "crashed" });
    const line = lostLine({ attempt: 1, fence: fenceOf(1) });
    expect(written(decide(run, refunding(LATER, { line })))).toMatchObject({ cause: "crashed", charges: "ic" });
  });

  test("about an attempt that has not ended moves nothing", () => {
    const line = lostLine({ attempt: 2, fence: fenceOf(2) });
    expect(decide(running(following("l")), refunding(LATER, { line })).write).toBe("none");
  });

  test("keeps the message that is still owed", () => {
    const run = queued({ ...following("l"), debt: { since: at("12:03:00"), owes: "message", ledger: lostLine() } });
    expect(written(decide(run, refunding(LATER))).debt).toStrictEqual({
      since: LATER,
      owes: "message",
      ledger: CORRECTED,
    });
  });

  test("keeps the handover that is still owed", () => {
    const run = leaving({ ...following("l"), debt: { since: at("12:03:00"), owes: "handover" } });
    expect(written(decide(run, refunding(LATER))).debt).toStrictEqual({
      since: LATER,
      owes: "handover",
      ledger: CORRECTED,
    });
  });

  test.each<[string, Partial<LedgerEnd>]>([
    ["l", {}],
    ["c", { cause: "crashed", report: { outcome: "failed", signal: "SIGKILL" } }],
    ["c", { cause: "overran" }],
  ])("moves what it would have decided in time (%s)", (charges, own) => {
    const event = refunding(LATER, { line: lostLine(own) });
    expect(written(decide(queued(following(charges)), event))).toMatchObject({ charges: "i" });
  });

  test.each<[string, Partial<LedgerEnd>]>([
    ["c", { cause: "crashed", report: { outcome: "failed", exitCode: 1 } }],
    ["c", { cause: "overran", report: { outcome: "failed", exitCode: 1 } }],
    ["c", { cause: "stalled", report: { outcome: "failed", reason: "stalled" } }],
    ["-", { cause: "requeued" }],
    ["-", { cause: "cut-off", report: { outcome: "interrupted", reason: "self-fenced" } }],
    ["-", { cause: "canceled" }],
  ])("moves nothing where evidence decides nothing (%s)", (charges, own) => {
    const event = refunding(LATER, { line: lostLine(own) });
    expect(decide(queued(following(charges)), event).write).toBe("none");
  });

  test("of an attempt that got further than any before starts the count of interruptions anew", () => {
    const event = refunding(LATER, { line: lostLine({ gotFurther: true }) });
    expect(written(decide(queued(following("l")), event)).charges).toBe("f");
  });

  test("of a former life of the run id, or of another host, moves nothing", () => {
    const run = queued(following("l"));
    const later = { ...registered(), fence: fenceOf(2) };
    expect(decide(run, refunding(LATER, { registration: later })).write).toBe("none");
    const line = lostLine({ host: "i-0abc" });
    expect(decide(run, refunding(LATER, { line, host: "i-0def" })).write).toBe("none");
    expect(decide(run, refunding(LATER, { line, host: "i-0abc" })).write).toBe("replace");
  });

  test("that a runner tells of itself is about its own attempt, on whatever host", () => {
    const event = refunding(LATER, { line: lostLine({ host: "i-0abc" }) });
    expect(written(decide(queued(following("l")), event)).charges).toBe("i");
  });

  test("of an attempt that was never claimed, or of which nobody knows when it was heard, moves nothing", () => {
    const { claimedAt: _, lastBeatAt: __, holder: ___, ...unclaimed } = lostLine({ cause: "overran" });
    const { lastBeatAt: ____, ...unheard } = lostLine();
    expect([isInferred(unclaimed), isInferred(unheard)]).toStrictEqual([false, true]);
    const noted = { write: "none", reply: { kind: "noted" } };
    expect(decide(queued(following("c")), refunding(LATER, { line: unclaimed }))).toStrictEqual(noted);
    expect(decide(queued(following("l")), refunding(LATER, { line: unheard }))).toStrictEqual(noted);
  });

  test("of what the attempt had long survived, or of a host that was gone before, moves nothing", () => {
    const run = queued(following("l"));
    const line = lostLine({ lastBeatAt: at("12:30:00"), endedAt: at("12:32:00") });
    expect(decide(run, refunding(LATER, { line })).write).toBe("none");
    const before = evidence("evicted", at("12:00:30"), { goneAt: at("12:00:45") });
    expect(decide(run, refunding(LATER, { evidence: before })).write).toBe("none");
  });

  test("is found within the whole lease of an attempt that a proof of death has ended early", () => {
    const run = queued(following("l"));
    const line = lostLine({ endedAt: at("12:01:10") }); // its lease would have lasted until 12:03:00
    const at_ = (clock: string) =>
      decide(run, refunding(LATER, { line, evidence: evidence("evicted", at(clock)) })).write;
    expect([at_("12:04:00"), at_("12:04:00.001")]).toStrictEqual(["replace", "none"]);
  });

  test("is not looked for beyond the end that a runner has reported, whatever was left of its lease", () => {
    const report = { outcome: "failed", signal: "SIGKILL" } as const;
    const line = lostLine({ cause: "crashed", report, endedAt: at("12:01:10") });
    const at_ = (clock: string) =>
      decide(queued(following("c")), refunding(LATER, { line, evidence: evidence("evicted", at(clock)) })).write;
    expect([at_("12:02:10"), at_("12:02:10.001")]).toStrictEqual(["replace", "none"]);
  });

  test("is added to what was known of the attempt", () => {
    const known = evidence("rebalance", at("12:01:30"));
    const event = refunding(LATER, { line: lostLine({ evidence: [known] }) });
    expect(written(decide(queued(following("l")), event)).debt?.ledger?.evidence).toStrictEqual([known, EVICTED]);
  });
});
