import { describe, expect, test } from "vitest";
import { attemptNotice, hostDrain, ownMessage } from "../../lib/wire/notices.ts";

const AT = "2026-11-22T12:00:00.000Z";
const TOLD = { run: "etl", shard: 3, fence: 1_795_348_800, kind: "spot", at: AT } as const;
const ENVELOPE = { id: "e1", time: AT, source: "lastbeat" };

describe("our own messages in the notice queue", () => {
  test("have the form of EventBridge's events", () => {
    expect([hostDrain("e1", AT, { host: "i-0abc" }), attemptNotice("e1", AT, TOLD)]).toEqual([
      { ...ENVELOPE, "detail-type": "Lastbeat Host Drain", detail: { host: "i-0abc" } },
      { ...ENVELOPE, "detail-type": "Lastbeat Attempt Notice", detail: TOLD },
    ]);
  });

  test("are known again when they come back as JSON", () => {
    const sent = attemptNotice("e1", AT, { ...TOLD, deadline: "2026-11-22T12:02:00.000Z" });
    expect(ownMessage(JSON.parse(JSON.stringify(sent)))).toEqual(sent);
  });

  test("are not what an operator sends: that is read as every other event", () => {
    expect(ownMessage(hostDrain("e1", AT, { host: "i-0abc" }))).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a text", "Lastbeat Attempt Notice"],
    ["an event of AWS", { ...ENVELOPE, source: "aws.ec2", "detail-type": "Lastbeat Attempt Notice", detail: TOLD }],
    ["an unknown kind", { ...ENVELOPE, "detail-type": "Lastbeat Party", detail: TOLD }],
    ["no detail", { ...ENVELOPE, "detail-type": "Lastbeat Attempt Notice" }],
    ["a run id that is none", attemptNotice("e1", AT, { ...TOLD, run: "a#b" })],
    ["a shard that is none", attemptNotice("e1", AT, { ...TOLD, shard: 1.5 })],
    ["what no runner can know", { ...attemptNotice("e1", AT, TOLD), detail: { ...TOLD, kind: "terminated" } }],
  ])("are not %s", (_, event) => {
    expect(ownMessage(event)).toBeUndefined();
  });
});
