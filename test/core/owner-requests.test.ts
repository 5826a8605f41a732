import { describe, expect, test } from "vitest";
import type { Cancel, Requeue } from "../../lib/core/owner-requests.ts";
import { seconds } from "../../lib/core/time.ts";
import { decide } from "../../lib/core/transitions.ts";
import {
  at,
  canceling,
  ended,
  fenceOf,
  following,
  leaving,
  lostLine,
  queued,
  registered,
  released,
  running,
  waiting,
  written,
} from "./runs.ts";

const cancel = (own: Partial<Cancel> = {}): Cancel => ({
  kind: "cancel",
  now: at("12:02:00"),
  registration: registered(),
  ...own,
});

const requeue = (own: Partial<Requeue> = {}): Requeue => ({
  kind: "requeue",
  now: at("12:02:00"),
  registration: registered(),
  ...own,
});

describe("cancel", () => {
  test.each([queued(following("l")), waiting(following("l"))])("ends a run in state $state at once", (run) => {
    expect(decide(run, cancel())).toStrictEqual({
      write: "replace",
      next: ended({
        attempt: 2,
        fence: fenceOf(3),
        rev: run.rev + 1,
        charges: "l-",
        outcome: "canceled",
        cause: "canceled",
        endedByAttempt: 2,
        endedAt: at("12:02:00"),
        due: at("12:03:00"),
        debt: {
          since: at("12:02:00"),
          owes: "archive",
          ledger: { attempt: 2, fence: fenceOf(2), cause: "canceled", endedAt: at("12:02:00"), evidence: [] },
        },
      }),
      reply: { kind: "accepted", state: "ended" },
    });
  });

  test.each([running(), leaving()])("tells the holder in state $state to stop, and ends its renewals", (run) => {
    expect(decide(run, cancel())).toStrictEqual({
      write: "replace",
      next: canceling({ rev: run.rev + 1, lastRenewable: at("12:02:00") }),
      reply: { kind: "accepted", state: "canceling" },
    });
  });

  test("keeps the fence and the lease of a held attempt, its host and its progress", () => {
    const run = running({
      ...following("l"),
      host: "i-0abc",
      furthest: 40,
      progress: { value: 82 },
      due: at("12:03:30"),
    });
    expect(written(decide(run, cancel()))).toMatchObject({
      furthest: 40,
      fence: fenceOf(2),
      attempt: 2,
      charges: "l",
      due: at("12:03:30"),
      host: "i-0abc",
      progress: { value: 82 },
    });
  });

  test("says why, if its owner did", () => {
    expect(written(decide(running(), cancel({ reason: "wrong input" })))).toMatchObject({ reason: "wrong input" });
  });

  test("drops an open handover message", () => {
    const run = leaving({ debt: { since: at("12:01:30"), owes: "message" } });
    expect(written(decide(run, cancel()))).not.toHaveProperty("debt");
  });

  test("is accepted again while it is carried out, and changes nothing", () => {
    expect(decide(canceling(), cancel())).toStrictEqual({
      write: "none",
      reply: { kind: "accepted", state: "canceling" },
    });
  });

  test("is refused once the run has ended", () => {
    expect(decide(ended(), cancel())).toStrictEqual({ write: "none", reply: { kind: "ended" } });
  });

  test("of a run that was canceled already is accepted again: the first reply may have been lost", () => {
    const run = ended({ outcome: "canceled", cause: "canceled", charges: "-" });
    expect(decide(run, cancel())).toStrictEqual({ write: "none", reply: { kind: "accepted", state: "ended" } });
  });
});

describe("manual requeue", () => {
  test.each([running(), leaving({ deadline: at("12:04:00") })])(
    "tells the holder in state $state to stop, free of charge",
    (run) => {
      expect(decide(run, requeue())).toStrictEqual({
        write: "replace",
        next: {
          ...run,
          rev: run.rev + 1,
          state: "leaving",
          directive: "stop",
          isFree: true,
          lastRenewable: at("12:02:00"),
          reason: "requeued",
        },
        reply: { kind: "accepted", state: "leaving" },
      });
    },
  );

  test("says why, if its owner did", () => {
    expect(written(decide(running(), requeue({ reason: "stuck" })))).toMatchObject({ reason: "stuck" });
  });

  test("keeps the debt of an open handover", () => {
    const debt = { since: at("12:01:30"), owes: "message" } as const;
    expect(written(decide(leaving({ debt }), requeue()))).toHaveProperty("debt", debt);
  });

  test("never moves the attempt's deadline away, though the owner's clock is ahead; nor does a cancel", () => {
    const run = running({ lastRenewable: at("12:01:30") });
    for (const event of [requeue(), cancel()])
      expect(written(decide(run, event))).toMatchObject({ lastRenewable: at("12:01:30") });
  });

  test("of a released attempt is accepted again, and changes nothing", () => {
    expect(decide(released(), requeue())).toStrictEqual({
      write: "none",
      reply: { kind: "accepted", state: "leaving" },
    });
  });

  test("of a waiting run makes it due now", () => {
    expect(decide(waiting(), requeue({ now: at("12:10:05") }))).toStrictEqual({
      write: "replace",
      next: queued({
        ...following("c"),
        rev: waiting().rev + 1,
        due: at("12:25:05"),
        debt: { since: at("12:10:05"), owes: "message" },
      }),
      reply: { kind: "accepted", state: "queued" },
    });
  });

  test("of a queued run owes the same message again, with its full time to start", () => {
    expect(decide(queued(following("l")), requeue())).toStrictEqual({
      write: "replace",
      next: queued({
        ...following("l"),
        rev: queued().rev + 1,
        due: at("12:17:00"),
        debt: { since: at("12:02:00"), owes: "message" },
      }),
      reply: { kind: "accepted", state: "queued" },
    });
  });

  test("of a queued run keeps the ledger line that is still owed", () => {
    const run = queued({ ...following("l"), debt: { since: at("12:01:00"), ledger: lostLine(), owes: "message" } });
    expect(written(decide(run, requeue())).debt).toStrictEqual({
      since: at("12:02:00"),
      ledger: lostLine(),
      owes: "message",
    });
  });

  test("of a run that is being canceled is refused", () => {
    expect(decide(canceling(), requeue())).toStrictEqual({ write: "none", reply: { kind: "canceling" } });
  });

  test("of an ended run is refused", () => {
    expect(decide(ended(), requeue())).toStrictEqual({ write: "none", reply: { kind: "ended" } });
  });

  test.each([queued, waiting, running, leaving])("of an attempt that is not the current one is refused", (of) => {
    expect(decide(of(following("l")), requeue({ attempt: 1 }))).toStrictEqual({
      write: "none",
      reply: { kind: "superseded", attempt: 2, fence: fenceOf(2) },
    });
  });

  test.each([queued, waiting, running, leaving])("of the current attempt, named, is accepted", (of) => {
    expect(decide(of(following("l")), requeue({ attempt: 2 })).reply.kind).toBe("accepted");
  });

  test("past the run's deadline leaves a waiting run nothing but its end", () => {
    const registration = registered({ deadline: seconds(600) });
    expect(decide(waiting(), requeue({ now: at("12:10:05"), registration }))).toMatchObject({
      next: {
        state: "ended",
        outcome: "failed",
        cause: "overran",
        charges: "cc",
        endedByAttempt: 2,
        debt: { owes: "archive" },
      },
      reply: { kind: "accepted", state: "ended" },
    });
  });
});
