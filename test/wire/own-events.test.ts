import { describe, expect, test } from "vitest";
import type { Notice } from "../../lib/core/evidence.ts";
import {
  attemptNotice,
  continuedOf,
  hostDrain,
  noticeContinued,
  noticeShared,
  ownMessage,
  sharedOf,
} from "../../lib/wire/own-events.ts";
import { at, evidence, fenceOf } from "../core/runs.ts";

const AT = "2026-11-22T12:00:00.000Z";
const TOLD = { run: "etl", shard: 3, fence: 1_795_348_800, kind: "spot", at: AT } as const;
const UP_TO = { run: "etl", fence: fenceOf(1), at: at("11:50:00") };
const ENVELOPE = { id: "e1", time: AT, source: "lastbeat" };

describe("our own messages in the notice queue", () => {
  test("have the form of EventBridge's events", () => {
    expect([hostDrain("e1", AT, { host: "i-0abc" }), attemptNotice("e1", AT, TOLD)]).toEqual([
      { ...ENVELOPE, "detail-type": "Lastbeat Host Drain", detail: { host: "i-0abc" } },
      { ...ENVELOPE, "detail-type": "Lastbeat Attempt Notice", detail: TOLD },
    ]);
  });

  test("are known again when they come back as JSON", () => {
    const sent = attemptNotice("e1", AT, { ...TOLD, deadline: "2026-11-22T12:02:00.000Z", host: "i-0abc" });
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
    ["a host that is none", attemptNotice("e1", AT, { ...TOLD, host: "i-0abc#r" })],
    ["a shard that is none", attemptNotice("e1", AT, { ...TOLD, shard: 1.5 })],
    ["what no runner can know", { ...attemptNotice("e1", AT, TOLD), detail: { ...TOLD, kind: "terminated" } }],
  ])("are not %s", (_, event) => {
    expect(ownMessage(event)).toBeUndefined();
  });
});

describe("a notice that is continued in a message of its own", () => {
  const read = (notice: Notice): ReturnType<typeof continuedOf> | undefined => {
    const own = ownMessage(JSON.parse(JSON.stringify(noticeContinued(notice, UP_TO))));
    return own?.["detail-type"] === "Lastbeat Notice Continued" ? continuedOf(own.detail) : undefined;
  };

  test.each<Notice>([
    { host: "i-0abc", evidence: evidence("spot-interruption", at("12:00:00")) },
    {
      host: "i-0abc",
      evidence: evidence("maintenance", at("12:00:00"), { deadline: at("12:02:00"), withdrawn: true }),
    },
    {
      host: "i-0abc",
      evidence: evidence("evicted", at("12:00:00"), { goneAt: at("12:00:15"), drill: true, note: "kernel" }),
    },
  ])("is read as it was sent: %j", (notice) => {
    expect(read(notice)).toEqual({ notice, seenUpTo: UP_TO });
  });

  test("may have its deadline beside its evidence, as 0.1.0 has sent it", () => {
    const [told, deadline] = [evidence("drain", at("12:00:00")), at("12:02:00")];
    const old = { host: "i-0abc", evidence: told, deadline };
    const notice: Notice = { host: "i-0abc", evidence: { ...told, deadline } };
    expect(read(old)).toEqual({ notice, seenUpTo: UP_TO });
  });

  test("about some of the hosts of an event is read as it was sent", () => {
    const told = evidence("evicted", at("12:00:00"), {
      goneAt: at("12:00:15"),
      saidAt: at("11:59:00"),
      deadline: at("12:02:00"),
    });
    const message = ownMessage(JSON.parse(JSON.stringify(noticeShared(told, ["i-0a", "i-0b"]))));
    if (message?.["detail-type"] !== "Lastbeat Notice Shared") throw new Error("another message");
    expect(sharedOf(message.detail)).toEqual({ evidence: told, hosts: ["i-0a", "i-0b"] });
  });

  test.each([{ withdrawn: false }, { deadline: 1e300 }, { deadline: "2026-11-22T12:02:00Z" }, { only: "etl.1" }])(
    "is not ours with evidence that says %j",
    (odd) => {
      const told = { ...evidence("drain", at("12:00:00")), ...odd } as unknown as Notice["evidence"];
      expect(read({ host: "i-0abc", evidence: told })).toBeUndefined();
    },
  );
});
