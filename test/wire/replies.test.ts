import { describe, expect, test } from "vitest";
import type { Reply } from "../../lib/core/decision.ts";
import { seconds } from "../../lib/core/time.ts";
import { problem } from "../../lib/wire/problems.ts";
import { httpReply, ownerReply, refused } from "../../lib/wire/replies.ts";
import { at, fenceOf } from "../core/runs.ts";

const claimed = (directive: "continue" | "drain" | "stop", lease = seconds(120)): Reply => ({
  kind: "claimed",
  attempt: 1,
  fence: fenceOf(1),
  lease,
  directive,
  onCutOff: "stop",
});

describe("the response to a claim", () => {
  test("hands out the token, the lease, and when to beat", () => {
    expect(httpReply(claimed("continue"), "the-token")).toEqual({
      status: 200,
      body: {
        attempt: 1,
        fence: 1_795_348_800,
        token: "the-token",
        leaseSeconds: 120,
        nextBeatSeconds: 30,
        directive: "continue",
      },
    });
  });

  test("says that the attempt is to go on when it is cut off, where its owner has chosen so", () => {
    const reply = { ...claimed("continue"), onCutOff: "continue" } as Reply;
    expect(httpReply(reply, "the-token").body).toMatchObject({ onCutOff: "continue" });
  });

  test("asks an attempt that drains to beat every 10 s", () => {
    expect(httpReply(claimed("drain"), "the-token").body).toMatchObject({ nextBeatSeconds: 10, directive: "drain" });
  });

  test("asks an attempt with a short lease to beat at its interval, even when it drains", () => {
    expect(httpReply(claimed("drain", seconds(20)), "the-token").body).toMatchObject({ nextBeatSeconds: 5 });
  });
});

describe("the response to a beat", () => {
  const renewed: Reply = { kind: "renewed", lease: seconds(120), directive: "continue" };

  test("says the directive, the lease, and when to beat", () => {
    expect(httpReply(renewed)).toEqual({
      status: 200,
      body: { directive: "continue", leaseSeconds: 120, nextBeatSeconds: 30 },
    });
  });

  test("says why and until when to drain", () => {
    const reply = { ...renewed, directive: "drain", reason: "spot-interruption", deadline: at("12:04:00") } as const;
    expect(httpReply(reply).body).toEqual({
      directive: "drain",
      reason: "spot-interruption",
      deadline: "2026-11-22T12:04:00.000Z",
      leaseSeconds: 120,
      nextBeatSeconds: 10,
    });
  });

  test("carries a new token when the old one's key is going", () => {
    expect(httpReply(renewed, "new-token").body).toMatchObject({ token: "new-token" });
  });
});

describe("the response to a finish", () => {
  test("says the state of the run", () => {
    expect(httpReply({ kind: "finished", state: "queued" })).toEqual({ status: 200, body: { state: "queued" } });
  });

  test("says the outcome of a run that has ended", () => {
    expect(httpReply({ kind: "finished", state: "ended", outcome: "succeeded" })).toEqual({
      status: 200,
      body: { state: "ended", outcome: "succeeded" },
    });
  });
});

test("what an owner asked for is accepted with 202", () => {
  expect(httpReply({ kind: "accepted", state: "canceling" })).toEqual({ status: 202, body: { state: "canceling" } });
});

describe("a refusal", () => {
  test.each([
    ["held-by-another", 409],
    ["finished-otherwise", 409],
    ["canceling", 409],
    ["overran", 410],
    ["ended", 410],
  ] as const)("%s is a problem with status %d and a detail", (kind, status) => {
    expect(httpReply({ kind })).toEqual({
      status,
      headers: { "content-type": "application/problem+json" },
      body: {
        type: `urn:lastbeat:problem:${kind}`,
        title: expect.stringMatching(/./),
        status,
        detail: expect.stringMatching(/./),
      },
    });
  });

  test("superseded says which attempt is current", () => {
    expect(httpReply({ kind: "superseded", attempt: 2, fence: fenceOf(2) })).toEqual({
      status: 409,
      headers: { "content-type": "application/problem+json" },
      body: {
        type: "urn:lastbeat:problem:superseded",
        title: "The attempt is over",
        status: 409,
        detail: "attempt 2 with fence 1795348801 is current; stop",
        attempt: 2,
        fence: 1_795_348_801,
      },
    });
  });

  test("hold says when to claim again", () => {
    expect(httpReply({ kind: "hold" })).toMatchObject({
      status: 425,
      headers: { "retry-after": "1", "content-type": "application/problem+json" },
      body: { type: "urn:lastbeat:problem:hold", status: 425 },
    });
  });

  test("carries the headers that it needs", () => {
    expect(refused(problem("unauthorized"), { "www-authenticate": "Bearer" })).toMatchObject({
      status: 401,
      headers: { "www-authenticate": "Bearer" },
    });
  });
});

describe("an owner", () => {
  test("is told 409, not 410, that his run has ended", () => {
    expect(ownerReply({ kind: "ended" })).toMatchObject({
      status: 409,
      body: { type: "urn:lastbeat:problem:ended", status: 409 },
    });
  });

  test("is told everything else as others are", () => {
    expect(ownerReply({ kind: "accepted", state: "ended" })).toEqual({ status: 202, body: { state: "ended" } });
  });
});

test.each<Reply>([
  { kind: "spared" },
  { kind: "owing" },
  { kind: "reaped" },
  { kind: "frozen", awaited: "thaw" },
  { kind: "limited" },
  { kind: "noted" },
  { kind: "leaving" },
  { kind: "refunded" },
])("$kind is said to no caller: that would be a bug", (reply) => {
  expect(() => httpReply(reply)).toThrow(`${reply.kind} is not an HTTP reply`);
});
