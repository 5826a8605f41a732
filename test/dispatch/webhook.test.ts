import { Webhook as Receiver } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { secretsIn, signedHeaders } from "../../lib/adapters/webhook/signature.ts";
import { after, type Instant, instant, seconds } from "../../lib/core/time.ts";
import { webhookStarter } from "../../lib/dispatch/webhook/starter.ts";
import { Busy, Refused, type Starter } from "../../lib/ports/dispatch.ts";
import { Forbidden, type GoneAddresses, type WebhookAnswer } from "../../lib/ports/webhooks.ts";
import { requeueOf } from "./announcements.ts";

const NEW = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3";
const OLD = "b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xk";

describe("a signature", () => {
  const now = Math.floor(Date.now() / 1000);
  const headers = signedHeaders("etl.7", now, '{"run":"etl"}', secretsIn(`${NEW} ${OLD}`));

  test.each([NEW, OLD])("is accepted by the library of Standard Webhooks, with %s", (secret) => {
    expect(new Receiver(secret).verify('{"run":"etl"}', headers)).toEqual({ run: "etl" });
  });

  test.each([
    ["another body", '{"run":"other"}', headers],
    ["another id", '{"run":"etl"}', { ...headers, "webhook-id": "etl.8" }],
    ["another time", '{"run":"etl"}', { ...headers, "webhook-timestamp": String(now - 1) }],
  ])("is not good for %s", (_, body, given) => {
    expect(() => new Receiver(NEW).verify(body, given)).toThrow();
  });

  test.each([
    "",
    "short",
    "whsec_c2hvcnQ=",
    `{"secret": "${OLD}"}`,
    "a-password-of-many-letters-and-signs!",
    "A".repeat(100),
  ])("needs a secret of 24 to 64 bytes, not %j, and does not show it", (text) => {
    expect(() => secretsIn(text)).toThrow(/^a secret of a webhook is 24 to 64 bytes in base64$/);
  });
});

type Stage = {
  readonly starter: Starter;
  readonly posted: string[];
  answer: WebhookAnswer | Error;
  now: Instant;
};

function stage(): Stage {
  const gone = new Map<string, Instant>();
  const addresses: GoneAddresses = {
    add: async (url, until) => void gone.set(url, until),
    has: async (url, now) => (gone.get(url) ?? 0) > now,
  };
  const webhook = {
    name: "ci",
    url: "https://ci.example",
    post: async (id: string) => {
      it.posted.push(id);
      if (it.answer instanceof Error) throw it.answer;
      return it.answer;
    },
  };
  const it: Stage = {
    starter: webhookStarter(webhook, addresses, () => it.now),
    posted: [],
    answer: { status: 200 },
    now: instant(Date.parse("2026-11-28T12:00:00Z")),
  };
  return it;
}

describe("a webhook", () => {
  test.each([200, 202, 204])(
    "that answers %i has taken the event, whose id is of this announcement",
    async (status) => {
      const it = stage();
      it.answer = { status };
      await it.starter.nudge(requeueOf(2));
      await it.starter.nudge(requeueOf(2));
      await it.starter.nudge(requeueOf(2, { message: '{"held": false}' }));
      const [first, again, other] = it.posted;
      expect(first).toBe(again);
      expect(first).not.toBe(other);
      expect(first).toMatch(/^[\w-]{22}$/);
    },
  );

  test("shows nothing, and has nothing to take away", async () => {
    const { starter, posted } = stage();
    expect(await starter.look(requeueOf(1))).toEqual({ before: "gone", next: "none" });
    await starter.fence(requeueOf(2));
    await starter.withdraw(requeueOf(1));
    expect(posted).toEqual([]);
  });

  test.each([401, 403, 404, 408, 425, 429, 500, 502, 503, 504])(
    "that answers %i is asked again when it says",
    async (status) => {
      const it = stage();
      it.answer = { status, retryAfter: seconds(120) };
      const error = await it.starter.nudge(requeueOf(1)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Busy);
      expect(error).toMatchObject({ message: `the webhook ci answers ${status}`, again: seconds(120) });
    },
  );

  test("that does not answer is asked again", async () => {
    const it = stage();
    it.answer = new Error("no answer within 10 s");
    await expect(it.starter.nudge(requeueOf(1))).rejects.toThrow(Busy);
  });

  test.each([301, 307, 308, 400, 413, 422])("that answers %i is for its operator to mend", async (status) => {
    const it = stage();
    it.answer = { status };
    const error = await it.starter.nudge(requeueOf(1)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ isOwn: false, message: expect.stringContaining(String(status)) });
  });

  test("that leads to a private address is for its operator to mend", async () => {
    const it = stage();
    it.answer = new Forbidden("leads to an address that is not public: https://ci.example");
    await expect(it.starter.nudge(requeueOf(1))).rejects.toThrow(Refused);
  });

  test("that is gone gets no event for ten minutes, and then the next one", async () => {
    const it = stage();
    it.answer = { status: 410 };
    await expect(it.starter.nudge(requeueOf(1))).rejects.toThrow("says that it is gone (410)");
    it.answer = { status: 200 };
    await expect(it.starter.nudge(requeueOf(2))).rejects.toThrow("has said that it is gone (410)");
    expect(it.posted).toHaveLength(1);
    it.now = after(it.now, seconds(600));
    await it.starter.nudge(requeueOf(2));
    expect(it.posted).toHaveLength(2);
  });
});
