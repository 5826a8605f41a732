import { describe, expect, test } from "vitest";
import { beat } from "../../lib/app/beat.ts";
import { drain } from "../../lib/app/drain.ts";
import { finish } from "../../lib/app/finish.ts";
import { cancel } from "../../lib/app/owner-requests.ts";
import { forwardNotice, noticeOfRunner } from "../../lib/app/runner-notice.ts";
import { after, instant, milliseconds, seconds } from "../../lib/core/time.ts";
import { parseEvent } from "../../lib/evidence/aws/parse.ts";
import { fromIso, iso } from "../../lib/wire/instants.ts";
import { ownMessage } from "../../lib/wire/own-events.ts";
import { service, specWith, tokenOf } from "./service.ts";

const TOLD = { kind: "spot", at: "2026-11-22T12:00:00.000Z", deadline: "2026-11-22T12:02:00.000Z" } as const;

describe("an operator who drains a host", () => {
  test("sends a notice with a deadline, which is read as every other", async () => {
    const app = service();
    await drain(app, "ip-10-0-0-1.ec2.internal", { deadlineSeconds: 90, reason: "kernel update" });
    expect(app.notices.sent).toMatchObject([{ source: "lastbeat", detail: { reason: "kernel update" } }]);
    expect(parseEvent(app.notices.sent[0], app.now())).toMatchObject({
      kind: "notices",
      notices: [
        {
          host: "ip-10-0-0-1.ec2.internal",
          evidence: {
            kind: "drain",
            source: "lastbeat",
            at: app.now(),
            deadline: instant(Date.parse("2026-11-22T12:01:30.000Z")),
          },
        },
      ],
    });
  });

  test("is told how many attempts are there now: those elsewhere and those that have ended do not count", async () => {
    const app = service();
    const on = (host: string, digit: string) => ({ id: digit.repeat(32), host });
    await tokenOf(app, "one", specWith(), on("i-a", "1"));
    await tokenOf(app, "two", specWith(), on("i-a", "2"));
    await tokenOf(app, "elsewhere", specWith(), on("i-b", "3"));
    const gone = await tokenOf(app, "gone", specWith(), on("i-a", "4"));
    await finish(app, gone, { outcome: "failed", exitCode: 1 });
    expect([await drain(app, "i-a", {}), await drain(app, "i-b", {}), await drain(app, "i-c", {})]).toEqual([2, 1, 0]);
  });

  test("may set no deadline", async () => {
    const app = service();
    await drain(app, "i-a", {});
    const parsed = parseEvent(app.notices.sent[0], app.now());
    expect(parsed).toMatchObject({ kind: "notices", notices: [{ host: "i-a" }] });
    expect(JSON.stringify(parsed)).not.toContain("deadline");
  });

  test("sends the same notice each time they ask: a controller that repeats itself says nothing new", async () => {
    const app = service();
    await drain(app, "i-a", {});
    await drain(app, "i-a", {});
    await drain(app, "i-b", {});
    const ids = app.notices.sent.map((event) => JSON.stringify(event).match(/"id":"([^"]+)"/)?.[1]);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[1]);
  });
});

describe("a runner that tells what it was told", () => {
  test("is heard while its attempt is current: the notice is queued, with the attempt", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    expect(await forwardNotice(app, token, TOLD)).toBeUndefined();
    expect(ownMessage(app.notices.sent[0])).toMatchObject({
      "detail-type": "Lastbeat Attempt Notice",
      detail: { run: "etl", shard: token.shard, fence: token.fence, host: "i-a", ...TOLD },
    });
  });

  test("is heard once for each kind", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await forwardNotice(app, token, TOLD);
    const own = ownMessage(app.notices.sent[0]);
    if (own?.["detail-type"] !== "Lastbeat Attempt Notice") throw new Error("another message");
    await noticeOfRunner(app, token, { id: own.id, source: "runner", kind: "spot-interruption", at: app.now() });
    expect(await forwardNotice(app, token, TOLD)).toBeUndefined();
    expect(app.notices.sent).toHaveLength(1);
    await forwardNotice(app, token, { kind: "sigterm", at: TOLD.at });
    expect(app.notices.sent).toHaveLength(2);
  });

  test("a thousand times at once is heard once, before anybody has heeded it", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    for (let n = 0; n < 1000; n += 1) {
      app.pass(milliseconds(4));
      await forwardNotice(app, token, {
        ...TOLD,
        at: iso(app.now()),
        deadline: iso(after(app.now(), seconds(60 + (n % 2)))),
      });
    }
    expect(app.notices.sent).toHaveLength(1);
  });

  test("is heard again when its deadline has moved, and not for what it said before that", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    const told = async (at: string, deadline: string): Promise<number> => {
      await forwardNotice(app, token, { kind: "spot", at: `2026-11-22T${at}Z`, deadline: `2026-11-22T${deadline}Z` });
      for (const message of app.notices.sent.splice(0)) {
        const own = ownMessage(message);
        if (own?.["detail-type"] !== "Lastbeat Attempt Notice") throw new Error("another message");
        const { kind: _, ...said } = own.detail;
        const instants = { at: fromIso(said.at), deadline: fromIso(said.deadline ?? "") };
        await noticeOfRunner(app, token, { id: own.id, source: "runner", kind: "spot-interruption", ...instants });
        return 1;
      }
      return 0;
    };
    expect(await told("12:00:00", "12:02:00")).toBe(1);
    expect(await told("12:00:05", "12:02:00")).toBe(0);
    expect(await told("12:00:10", "12:01:00")).toBe(1);
    expect(await told("12:00:00", "12:02:00")).toBe(0);
    expect(await beat(app, token)).toMatchObject({ directive: "drain", deadline: fromIso("2026-11-22T12:01:00Z") });
  });

  test.each([
    ["0001-01-01T00:00:00Z", "2026-11-22T12:00:00.000Z"],
    ["2026-11-22T12:09:59Z", "2026-11-22T12:09:59.000Z"],
    ["2027-01-01T00:00:00Z", "2026-11-22T12:10:00.000Z"],
  ])("is believed a deadline from now to ten minutes ahead (%s)", async (deadline, believed) => {
    const app = service();
    await forwardNotice(app, await tokenOf(app, "etl"), { ...TOLD, deadline });
    expect(app.notices.sent).toMatchObject([{ detail: { deadline: believed } }]);
  });

  test.each([
    ["2026-11-22T11:59:30Z", "2026-11-22T11:59:30.000Z"],
    ["2026-11-22T11:59:29.999Z", "2026-11-22T12:00:00.000Z"],
    ["2026-11-22T12:00:30.000000001Z", "2026-11-22T12:00:30.000Z"],
    ["2026-11-22T12:00:30.001Z", "2026-11-22T12:00:00.000Z"],
  ])("is believed a time within 30 s of ours, in our own form (%s)", async (at, believed) => {
    const app = service();
    await forwardNotice(app, await tokenOf(app, "etl"), { kind: "sigterm", at });
    expect(app.notices.sent).toMatchObject([{ detail: { at: believed } }]);
  });

  test("is told that it is superseded, and nothing is sent", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(120));
    await app.swept();
    expect(await forwardNotice(app, token, TOLD)).toMatchObject({ kind: "superseded", attempt: 2 });
    expect(app.notices.sent).toEqual([]);
  });

  test("is told that its run has ended, whether or not its item is still there", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await finish(app, token, { outcome: "succeeded" });
    expect(await forwardNotice(app, token, TOLD)).toEqual({ kind: "ended" });
    app.pass(seconds(100));
    await app.swept();
    expect(app.runs.items().length).toBe(0);
    expect(await forwardNotice(app, token, TOLD)).toEqual({ kind: "ended" });
    expect(app.notices.sent).toEqual([]);
  });

  test("is heard while its run is being canceled", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await cancel(app, "etl");
    expect(await forwardNotice(app, token, TOLD)).toBeUndefined();
  });
});
