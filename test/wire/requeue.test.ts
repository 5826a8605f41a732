import { describe, expect, test } from "vitest";
import { seconds } from "../../lib/core/time.ts";
import type { LedgerLine } from "../../lib/ports/records.ts";
import { type RequeueEvent, requeueMessage } from "../../lib/wire/requeue.ts";
import { at, evidence, fenceOf, following, HOLDER, leaving, lostLine, queued, registered } from "../core/runs.ts";

const previous: LedgerLine = {
  fence: fenceOf(1),
  claim: {
    attempt: 1,
    fence: fenceOf(1),
    claimedAt: at("12:01:00"),
    holder: { id: HOLDER, host: "i-0abc", pod: "etl-7d9f" },
  },
  end: {
    ...lostLine({
      cause: "interrupted",
      lastBeatAt: at("12:02:30"),
      endedAt: at("12:04:30"),
      evidence: [evidence("spot-interruption", at("12:02:45"))],
    }),
    charge: "i",
  },
};

const announcement = {
  next: queued({ ...following("i"), due: at("12:19:30"), debt: { since: at("12:04:30"), owes: "message" } }),
  registration: registered({ labels: { team: "ml" } }),
  previous,
  ticket: "the-ticket",
  startBy: at("12:19:30"),
  isHandover: false,
} as const;

const eventOf = (own: Partial<Parameters<typeof requeueMessage>[0]> = {}): RequeueEvent =>
  JSON.parse(requeueMessage({ ...announcement, ...own }).body);

describe("the requeue message", () => {
  test("is a CloudEvent that says what was lost, why, and what comes next", () => {
    expect(eventOf()).toEqual({
      specversion: "1.0",
      id: "etl.1795348801",
      source: "lastbeat",
      type: "lastbeat.run.requeue.v1",
      subject: "runs/etl/attempts/2",
      time: "2026-11-22T12:04:30.000Z",
      datacontenttype: "application/json",
      data: {
        run: "etl",
        cause: "interrupted",
        previous: {
          attempt: 1,
          fence: 1_795_348_800,
          holder: { id: HOLDER, host: "i-0abc", pod: "etl-7d9f" },
          lastBeatAt: "2026-11-22T12:02:30.000Z",
          detectedAt: "2026-11-22T12:04:30.000Z",
          evidence: [
            {
              id: "spot-interruption-1",
              source: "aws.ec2",
              kind: "spot-interruption",
              at: "2026-11-22T12:02:45.000Z",
            },
          ],
        },
        next: {
          attempt: 2,
          fence: 1_795_348_801,
          ticket: "the-ticket",
          startBy: "2026-11-22T12:19:30.000Z",
          capacity: "any",
          held: false,
          isLast: false,
        },
        budgets: {
          crashes: { used: 0, max: 0 },
          interruptions: { used: 1, max: 10 },
          memory: { used: 0, max: 1 },
          losses: { used: 0, max: 3 },
          starts: { used: 0, max: 5 },
        },
        target: { kind: "queue" },
        labels: { team: "ml" },
      },
    });
  });

  test("after an attempt that ran out of memory says so, with the limit, for whoever chooses the next size", () => {
    const report = { outcome: "failed", reason: "out-of-memory", memoryLimitBytes: 536_870_912 } as const;
    const end = { ...lostLine({ cause: "out-of-memory", report }), charge: "m" as const };
    expect(eventOf({ previous: { fence: fenceOf(1), end } }).data).toMatchObject({
      cause: "out-of-memory",
      previous: { outOfMemory: true, memoryLimitBytes: 536_870_912 },
    });
    expect(eventOf({}).data.previous).not.toHaveProperty("outOfMemory");
  });

  test("is known by run and fence: the same id however often it is sent", () => {
    expect(requeueMessage({ ...announcement, startBy: at("12:40:00") }).id).toBe("etl.1795348801");
  });

  test("of a first attempt has the cause first, and nothing before it", () => {
    const { time, data } = eventOf({ next: queued(), previous: undefined });
    expect([time, data.cause, data.previous]).toEqual(["2026-11-22T12:00:00.000Z", "first", undefined]);
  });

  test("after an attempt that was never claimed names no holder and no beat", () => {
    const { claimedAt: _, lastBeatAt: __, holder: ___, ...end } = lostLine({ cause: "never-started" });
    expect(eventOf({ previous: { fence: fenceOf(1), end: { ...end, charge: "s" } } }).data).toMatchObject({
      cause: "never-started",
      previous: { attempt: 1, fence: 1_795_348_800, detectedAt: "2026-11-22T12:03:00.000Z", evidence: [] },
    });
  });

  test("of a handover says that the attempt before is going, and that the next one is held until it is gone", () => {
    const { end: _, ...unended } = previous;
    const next = { ...leaving({ debt: { since: at("12:02:46"), owes: "handover" } }), attempt: 2, fence: fenceOf(2) };
    expect(eventOf({ next, previous: unended, isHandover: true })).toMatchObject({
      id: "etl.1795348801",
      subject: "runs/etl/attempts/2",
      time: "2026-11-22T12:02:46.000Z",
      data: {
        cause: "interrupted",
        previous: {
          attempt: 1,
          fence: 1_795_348_800,
          holder: { id: HOLDER, host: "i-0abc", pod: "etl-7d9f" },
          evidence: [],
        },
        next: { attempt: 2, fence: 1_795_348_801, held: true },
      },
    });
  });

  test("of a handover has the id of the message that the end will send", () => {
    const { next, ...rest } = announcement;
    const held = { ...leaving(), attempt: next.attempt, fence: next.fence };
    expect(requeueMessage({ ...rest, next: held, isHandover: true }).id).toBe(requeueMessage(announcement).id);
  });

  test("says nothing of an attempt before it of which neither claim nor end is known", () => {
    expect(eventOf({ previous: { fence: fenceOf(1) } }).data).not.toHaveProperty("previous");
  });

  test("says that the last attempts should not stand on spot", () => {
    expect(eventOf({ next: queued(following("i".repeat(9))) }).data.next.capacity).toBe("on-demand");
  });

  test("says that nothing may follow the next attempt", () => {
    const registration = registered({ budgets: { attempts: 2 } });
    const { next, budgets } = eventOf({ registration }).data;
    expect([next.isLast, budgets]).toEqual([true, { attempts: { used: 1, max: 2 } }]);
  });

  test("fits into SQS with the longest labels that are allowed", () => {
    const labels = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`${index}`.padEnd(128, "k"), "v".repeat(256)]),
    );
    const { body } = requeueMessage({ ...announcement, registration: registered({ labels, lease: seconds(5) }) });
    expect(body.length).toBeLessThan(256 * 1024);
  });
});
