import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPast, restored } from "../../lib/core/restoring.ts";
import { asFence, isClaimed, type LiveRun } from "../../lib/core/run.ts";
import { after, seconds } from "../../lib/core/time.ts";
import { moves, stepsOf } from "./lives.ts";
import {
  at,
  canceling,
  ended,
  fenceOf,
  following,
  HOLDER,
  leaving,
  queued,
  registered,
  running,
  waiting,
} from "./runs.ts";

const AT = at("12:10:00");
/** The Unix second of 12:10:00, and one more than the attempts that a run may have. */
const ABOVE = asFence(1_795_349_400 + 201);

describe("a run whose table was put back to an earlier state", () => {
  test("has its attempt ended, charged to nothing; the next one waits for a lease, with a fence above all that were given out", () => {
    const run = running({ host: "i-0abc", furthest: 40 });
    expect(restored(run, registered(), AT)).toStrictEqual(
      waiting({
        ...following("-"),
        fence: ABOVE,
        rev: run.rev + 1,
        furthest: 40,
        due: at("12:12:00"),
        debt: {
          since: AT,
          ledger: {
            attempt: 1,
            fence: fenceOf(1),
            cause: "requeued",
            endedAt: AT,
            evidence: [],
            claimedAt: at("12:01:00"),
            lastBeatAt: at("12:01:00"),
            holder: HOLDER,
            host: "i-0abc",
          },
        },
      }),
    );
  });

  test("owes its ledger line in every state, and no message before its time has come", () => {
    for (const run of [queued(), waiting(), running(), leaving()]) {
      const next = restored(run, registered(), AT);
      const { attempt, fence } = run;
      expect(next).toMatchObject({ state: "waiting", fence: ABOVE, charges: `${run.charges}-` });
      expect(next.debt).toMatchObject({ since: AT, ledger: { attempt, fence, cause: "requeued" } });
      expect(next.debt).not.toHaveProperty("owes");
    }
  });

  test("waits for the lease that it remembers where a clock was ahead, and for no time to start", () => {
    const due = (run: LiveRun) => restored(run, registered(), AT).due;
    expect(due(running({ due: at("12:12:00.250") }))).toBe(at("12:12:00.250"));
    expect(due(running({ due: at("12:11:59.999") }))).toBe(at("12:12:00"));
    expect(due(queued({ due: at("12:15:00") }))).toBe(at("12:12:00"));
    expect(due(waiting({ due: at("12:20:00") }))).toBe(at("12:12:00"));
    expect(due(running({ lease: seconds(3600) }))).toBe(at("13:10:00"));
  });

  test("that was being canceled ends as canceled, with a fence above all that were given out", () => {
    expect(restored(canceling(), registered(), AT)).toStrictEqual(
      ended({
        fence: ABOVE,
        rev: canceling().rev + 1,
        charges: "-",
        outcome: "canceled",
        cause: "canceled",
        endedAt: AT,
        due: at("12:11:00"),
        debt: {
          since: AT,
          owes: "archive",
          ledger: {
            attempt: 1,
            fence: fenceOf(1),
            cause: "canceled",
            endedAt: AT,
            evidence: [],
            claimedAt: at("12:01:00"),
            lastBeatAt: at("12:01:00"),
            holder: HOLDER,
            leaveReason: "canceled",
          },
        },
      }),
    );
  });

  test("past its deadline, or its last attempt, is exhausted", () => {
    const registration = registered({ deadline: seconds(600) });
    const last = running(following("-".repeat(199)));
    expect(restored(running(), registration, AT)).toMatchObject({ state: "ended", outcome: "exhausted", fence: ABOVE });
    expect(restored(last, registered(), AT)).toMatchObject({ state: "ended", outcome: "exhausted", fence: ABOVE });
  });

  test("is past the restore once it has such a fence, and so is whatever follows from it", () => {
    const isPastWith = (fence: number) => isPast(queued({ fence: asFence(fence) }), AT);
    expect([isPastWith(ABOVE - 1), isPastWith(ABOVE), isPastWith(ABOVE + 1)]).toStrictEqual([false, true, true]);
  });

  test("from whatever state, meets no credential and no lease of what came after that state", () => {
    fc.assert(
      fc.property(moves, fc.nat({ max: 39 }), (all, earlier) => {
        const steps = stepsOf(all);
        const backup = steps[earlier % steps.length]?.next;
        const last = steps.at(-1);
        if (backup === undefined || last === undefined || backup.state === "ended") return;
        expect(isPast(backup, last.now)).toBe(false);
        const next = restored(backup, registered(), last.now);
        expect(next.fence).toBeGreaterThan(last.next.fence);
        if (next.state === "ended") return;
        expect(isPast(next, last.now)).toBe(true);
        expect(next.due).toBeGreaterThanOrEqual(isClaimed(last.next) ? last.next.due : after(last.now, backup.lease));
      }),
    );
  });
});
