import { describe, expect, test } from "vitest";
import { PROBLEMS, problem, problemName } from "../../lib/wire/problems.ts";

describe("a problem", () => {
  test("has type, title and status", () => {
    expect(problem("wrong-run")).toEqual({
      type: "urn:lastbeat:problem:wrong-run",
      title: "The credential is for another run",
      status: 403,
    });
  });

  test("may say more, and have another status", () => {
    expect(problem("ended", { status: 409, detail: "it has ended" })).toEqual({
      type: "urn:lastbeat:problem:ended",
      title: "The run has ended",
      status: 409,
      detail: "it has ended",
    });
  });

  test.each([
    ["unauthorized", 401],
    ["wrong-run", 403],
    ["not-found", 404],
    ["method-not-allowed", 405],
    ["run-exists", 409],
    ["superseded", 409],
    ["held-by-another", 409],
    ["finished-otherwise", 409],
    ["ended", 410],
    ["overran", 410],
    ["too-large", 413],
    ["hold", 425],
  ] as const)("%s has the status of the design, %d", (name, status) => {
    expect(PROBLEMS[name].status).toBe(status);
  });

  test("is known again by its type", () => {
    for (const name of Object.keys(PROBLEMS) as (keyof typeof PROBLEMS)[])
      expect(problemName(problem(name))).toBe(name);
  });

  test.each([
    undefined,
    null,
    "urn:lastbeat:problem:ended",
    {},
    { message: "Forbidden" },
    { type: 410 },
    { type: "about:blank" },
    { type: "ended" },
    { type: "urn:other:problem:ended" },
    { type: "urn:lastbeat:problem:" },
    { type: "urn:lastbeat:problem:unheard-of" },
    { type: "urn:lastbeat:problem:toString" },
    { type: "urn:lastbeat:problem:__proto__" },
  ])("is not what says %j", (body) => {
    expect(problemName(body)).toBeUndefined();
  });
});
