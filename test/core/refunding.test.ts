import { describe, expect, test } from "vitest";
import type { Run } from "../../lib/core/run.ts";
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

  test.each(["c", "i", "s", "-", "+"])("moves no charge but a loss (%s)", (charges) => {
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
    const run = ended({ by: 2, attempt: 2, fence: fenceOf(2), charges: "lc", cause: "crashed" });
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

  test("is added to what was known of the attempt", () => {
    const known = evidence("rebalance", at("12:01:30"));
    const event = refunding(LATER, { line: lostLine({ evidence: [known] }) });
    expect(written(decide(queued(following("l")), event)).debt?.ledger?.evidence).toStrictEqual([known, EVICTED]);
  });
});
