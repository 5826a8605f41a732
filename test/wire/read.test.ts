import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Read } from "../../lib/wire/read.ts";
import { read } from "../../lib/wire/read.ts";
import * as schemas from "../../lib/wire/schemas.ts";

/** Status and names of the fields that a body was refused for. */
const refusal = (answer: Read<unknown>): unknown =>
  answer.ok ? "accepted" : [answer.problem.status, ...(answer.problem.errors ?? []).map(({ field }) => field)];

const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

describe("a body", () => {
  test("that is empty counts as {}", () => {
    expect(read(schemas.beat, "")).toEqual({ ok: true, value: {} });
  });

  test("of white space counts as {}", () => {
    expect(read(schemas.beat, " \n")).toEqual({ ok: true, value: {} });
  });

  test("is read as what it holds", () => {
    expect(read(schemas.beat, '{"progress":{"value":82,"of":100,"note":"epoch 3"}}')).toEqual({
      ok: true,
      value: { progress: { value: 82, of: 100, note: "epoch 3" } },
    });
  });

  test("that is not JSON is malformed, and says so", () => {
    expect(read(schemas.beat, "{progress")).toEqual({
      ok: false,
      problem: {
        type: "urn:lastbeat:problem:malformed",
        title: "The request cannot be read",
        status: 400,
        detail: "the body is not JSON",
      },
    });
  });

  test.each(["[]", "null", '"beat"', "1", "true"])("that is %s, not an object, is malformed as a whole", (body) => {
    expect(refusal(read(schemas.beat, body))).toEqual([400, "body"]);
  });

  test("with a field of the wrong type is malformed, and names it", () => {
    expect(refusal(read(schemas.spec, '{"leaseSeconds":"120"}'))).toEqual([400, "leaseSeconds"]);
  });

  test("with a value out of its bounds is invalid, and names the field", () => {
    expect(refusal(read(schemas.spec, '{"leaseSeconds":4}'))).toEqual([422, "leaseSeconds"]);
  });

  test("with a wrong value deep inside names the path to it", () => {
    expect(refusal(read(schemas.spec, '{"backoff":{"baseSeconds":-1}}'))).toEqual([422, "backoff.baseSeconds"]);
  });

  test("with an unknown field is malformed, and names it", () => {
    expect(read(schemas.spec, '{"leaseSecond":120}')).toMatchObject({
      problem: {
        status: 400,
        detail: "leaseSecond: is not a known field",
        errors: [{ field: "leaseSecond", detail: "is not a known field" }],
      },
    });
  });

  test("with an unknown field deep inside names the path to it", () => {
    expect(refusal(read(schemas.spec, '{"target":{"kind":"queue","url":"x"}}'))).toEqual([400, "target.url"]);
  });

  test("with two unknown fields names both", () => {
    expect(refusal(read(schemas.spec, '{"lease":120,"retries":3}'))).toEqual([400, "lease", "retries"]);
  });

  test("with several wrong fields names each of them", () => {
    expect(read(schemas.finish, '{"outcome":"failed","exitCode":300,"signal":"TERM"}')).toMatchObject({
      problem: { status: 422, errors: [{ field: "exitCode" }, { field: "signal" }] },
    });
  });

  test("with more than 20 unknown fields names the first 20", () => {
    const names = Array.from({ length: 3000 }, (_, index) => `k${index}`);
    const body = JSON.stringify(Object.fromEntries(names.map((name) => [name, 1])));
    expect(refusal(read(schemas.spec, body))).toEqual([400, ...names.slice(0, 20)]);
  });

  test("with more than 20 fields that are wrong each in its own way names the first 20", () => {
    const names = Array.from({ length: 21 }, (_, index) => `k${index}`);
    const body = JSON.stringify({ labels: Object.fromEntries(names.map((name) => [name, "x".repeat(257)])) });
    const twenty = names.slice(0, 20).map((name) => `labels.${name}`);
    const answer = read(schemas.spec, body);
    expect(refusal(answer)).toEqual([422, ...twenty]);
    expect(answer.ok ? "" : answer.problem.detail).toMatch(/^labels\.k0: [^;]+(; labels\.k\d+: [^;]+){19}$/);
  });

  test("with a name of more than 64 letters is refused by its beginning", () => {
    const longest = "x".repeat(64);
    expect(refusal(read(schemas.spec, JSON.stringify({ [longest]: 1 })))).toEqual([400, longest]);
    expect(read(schemas.spec, JSON.stringify({ [`${longest}y`]: 1 }))).toMatchObject({
      problem: { detail: `${longest}...: is not a known field`, errors: [{ field: `${longest}...` }] },
    });
    const inside = `labels.${"x".repeat(57)}`;
    const nested = { labels: { ["x".repeat(57)]: 1, [`${"x".repeat(57)}y`]: 1 } };
    expect(refusal(read(schemas.spec, JSON.stringify(nested)))).toEqual([400, inside, `${inside}...`]);
  });

  test("of 64 KiB is refused in less than 20 KB, whatever is wrong with it", () => {
    for (const letter of ["x", "\u0001", "\u{1f4a4}"]) {
      const name = letter.repeat(300);
      const fields = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`${name}${index}`, 1]));
      for (const body of [fields, { labels: fields }, { budgets: fields }, { target: fields }]) {
        const answer = read(schemas.spec, JSON.stringify(body));
        expect(answer.ok).toBe(false);
        expect(JSON.stringify(answer).length).toBeLessThan(20_000);
      }
    }
  });

  test("says in its detail what it says field by field", () => {
    expect(read(schemas.finish, '{"outcome":"failed","signal":"TERM"}')).toMatchObject({
      problem: { detail: "signal: is not the name of a signal" },
    });
  });

  test("with a field __proto__ is malformed", () => {
    expect(read(schemas.spec, '{"__proto__":{"leaseSeconds":5}}')).toMatchObject({
      problem: { status: 400, detail: "the body has a field __proto__" },
    });
  });

  test("with a field __proto__ deep inside is malformed", () => {
    expect(refusal(read(schemas.spec, '{"labels":{"__proto__":"x"}}'))).toEqual([400]);
  });

  test("with a field __proto__ in a list is malformed", () => {
    expect(read(schemas.spec, '{"labels":[{"__proto__":1}]}')).toMatchObject({
      problem: { detail: "the body has a field __proto__" },
    });
  });

  test("nested more than 16 deep is malformed", () => {
    expect(read(schemas.spec, nested(18))).toMatchObject({
      problem: { status: 400, detail: "the body is nested more than 16 deep" },
    });
  });

  test("nested 16 deep is looked at", () => {
    expect(refusal(read(schemas.spec, nested(17)))).toEqual([400, "a"]);
  });

  test("nested as deep as 64 KiB allow is refused, not thrown", () => {
    expect(refusal(read(schemas.spec, "[".repeat(32_768) + "]".repeat(32_768)))).toEqual([400]);
  });

  test("of any text is read or refused as a problem of ours, never thrown", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        const answer = read(schemas.spec, body);
        if (!answer.ok) expect([400, 422]).toContain(answer.problem.status);
      }),
    );
  });

  test("of any JSON that is refused says why", () => {
    fc.assert(
      fc.property(fc.json(), (body) => {
        const answer = read(schemas.claim, body);
        if (!answer.ok) expect(answer.problem.detail).not.toBe("");
      }),
    );
  });
});

describe("what is wrong with a field is said as people say it:", () => {
  test.each([
    [{ leaseSeconds: 1 }, "leaseSeconds: must be at least 5"],
    [{ leaseSeconds: 4000 }, "leaseSeconds: must be at most 3600"],
    [{ leaseSeconds: "60" }, "leaseSeconds: must be a number"],
    [{ onNotice: "x" }, "onNotice: must be one of handover, drain, ignore"],
    [{ budgets: { crashes: 1.5 } }, "budgets.crashes: must be a whole number"],
    [{ labels: { a: 1 } }, "labels.a: must be a text"],
    [{ labels: [] }, "labels: must be"],
    [{ target: { kind: "eks" } }, "target.kind: must be queue"],
    [[], "body: must be an object"],
  ])("%j", (body, sentence) => {
    const found = read(schemas.spec, JSON.stringify(body));
    expect(found.ok ? "good" : found.problem.detail).toContain(sentence);
  });
});
