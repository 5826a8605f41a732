import { describe, expect, test } from "vitest";
import { interpret } from "../../lib/agent/answer.ts";
import { isBeatBody, isClaimBody, isFinishBody } from "../../lib/agent/client.ts";
import { problem } from "../../lib/wire/problems.ts";

const BEAT = { directive: "continue", leaseSeconds: 120, nextBeatSeconds: 30 };

const meaning = (status: number, body: unknown) => interpret(status, body, isBeatBody);

describe("an answer", () => {
  test("with status 200 and the body that was expected is ok", () => {
    expect(meaning(200, BEAT)).toEqual({ kind: "ok", body: BEAT });
  });

  test.each(["superseded", "ended", "overran", "hold", "unauthorized"] as const)(
    "that is our problem %s is that problem",
    (name) => {
      const body = problem(name, { detail: "so it is" });
      expect(meaning(body.status, body)).toEqual({ kind: "problem", name, detail: "so it is" });
    },
  );

  test("that is our problem without a detail has an empty one", () => {
    expect(meaning(410, problem("ended"))).toEqual({ kind: "problem", name: "ended", detail: "" });
  });

  test.each(["internal", "contended"] as const)("that is our problem %s says nothing about the attempt", (name) => {
    const body = problem(name);
    expect(meaning(body.status, body)).toEqual({ kind: "unclear", detail: `the server answered ${name}` });
  });

  test.each([
    [403, { message: "Forbidden" }],
    [404, undefined],
    [410, undefined],
    [409, { error: "conflict" }],
    [429, { message: "Too Many Requests" }],
    [500, { message: "Internal Server Error" }],
    [503, null],
    [401, "unauthorized"],
    [410, { type: "urn:lastbeat:problem:unheard-of" }],
    [410, { type: "about:blank", status: 410 }],
  ])("of a gateway, %d with %j, is unclear", (status, body) => {
    expect(meaning(status, body).kind).toBe("unclear");
  });

  test("with a status that is not ours is unclear, and says which", () => {
    expect(meaning(502, undefined)).toEqual({ kind: "unclear", detail: "status 502 with a body that is not ours" });
  });

  test("with status 200 and another body is unclear", () => {
    expect(meaning(200, { hello: "captive portal" }).kind).toBe("unclear");
  });

  test("with status 200 and no body is unclear", () => {
    expect([meaning(200, undefined).kind, meaning(200, null).kind]).toEqual(["unclear", "unclear"]);
  });

  test("with the body that was expected and another status is unclear", () => {
    expect(meaning(302, BEAT).kind).toBe("unclear");
  });
});

describe("the body of an answer", () => {
  test("to a claim has a token, an attempt, a fence, a beat and a directive", () => {
    const body = { token: "t", attempt: 1, fence: 1, leaseSeconds: 120, nextBeatSeconds: 30, directive: "continue" };
    expect(isClaimBody(body)).toBe(true);
    for (const missing of ["token", "attempt", "fence", "nextBeatSeconds", "directive"])
      expect(isClaimBody(Object.fromEntries(Object.entries(body).filter(([name]) => name !== missing)))).toBe(false);
  });

  test("to a beat has a next one and a directive", () => {
    expect([isBeatBody(BEAT), isBeatBody({ directive: "stop" }), isBeatBody({ nextBeatSeconds: 1 })]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("to a finish has the state of the run", () => {
    expect([isFinishBody({ state: "ended" }), isFinishBody({})]).toEqual([true, false]);
  });
});
