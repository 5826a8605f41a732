import { describe, expect, test } from "vitest";
import { cancel } from "../../lib/app/ask.ts";
import { drain, relay } from "../../lib/app/drain.ts";
import { finish } from "../../lib/app/finish.ts";
import { parseEvent } from "../../lib/aws/notices/parse.ts";
import { instant, seconds } from "../../lib/core/time.ts";
import { ownMessage } from "../../lib/wire/notices.ts";
import { service, tokenOf } from "./service.ts";

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
          evidence: { kind: "drain", source: "lastbeat", at: app.now() },
          deadline: instant(Date.parse("2026-11-22T12:01:30.000Z")),
        },
      ],
    });
  });

  test("may set no deadline", async () => {
    const app = service();
    await drain(app, "i-a", {});
    const parsed = parseEvent(app.notices.sent[0], app.now());
    expect(parsed).toMatchObject({ kind: "notices", notices: [{ host: "i-a" }] });
    expect(JSON.stringify(parsed)).not.toContain("deadline");
  });

  test("sends another notice each time he asks", async () => {
    const app = service();
    await drain(app, "i-a", {});
    await drain(app, "i-a", {});
    const ids = app.notices.sent.map((event) => JSON.stringify(event).match(/"id":"([^"]+)"/)?.[1]);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("a runner that tells what it was told", () => {
  test("is heard while its attempt is current: the notice is queued, with the attempt", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    expect(await relay(app, token, TOLD)).toBeUndefined();
    expect(ownMessage(app.notices.sent[0])).toMatchObject({
      "detail-type": "Lastbeat Attempt Notice",
      detail: { run: "etl", shard: token.shard, fence: token.fence, ...TOLD },
    });
  });

  test("is told that it is superseded, and nothing is sent", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(120));
    await app.swept();
    expect(await relay(app, token, TOLD)).toMatchObject({ kind: "superseded", attempt: 2 });
    expect(app.notices.sent).toEqual([]);
  });

  test("is told that its run has ended, whether or not its item is still there", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await finish(app, token, { outcome: "succeeded" });
    expect(await relay(app, token, TOLD)).toEqual({ kind: "ended" });
    app.pass(seconds(100));
    await app.swept();
    expect(app.runs.items().length).toBe(0);
    expect(await relay(app, token, TOLD)).toEqual({ kind: "ended" });
    expect(app.notices.sent).toEqual([]);
  });

  test("is heard while its run is being canceled", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await cancel(app, "etl");
    expect(await relay(app, token, TOLD)).toBeUndefined();
  });
});
