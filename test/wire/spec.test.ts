import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Spec } from "../../lib/core/spec.ts";
import { DEFAULTS } from "../../lib/core/spec.ts";
import { milliseconds, seconds } from "../../lib/core/time.ts";
import { read } from "../../lib/wire/read.ts";
import * as schemas from "../../lib/wire/schemas.ts";
import { specBody, specOf } from "../../lib/wire/spec.ts";
import { spec } from "../core/runs.ts";

describe("a spec's body", () => {
  test("that says nothing stands for the defaults", () => {
    expect(specOf({})).toEqual(DEFAULTS);
  });

  test("is read field by field", () => {
    expect(
      specOf({
        start: "dispatch",
        leaseSeconds: 60,
        startWithinSeconds: 30,
        attemptDeadlineSeconds: 7200,
        deadlineSeconds: 86400,
        budgets: { crashes: 1, memory: 3, interruptions: 2, losses: 4, starts: 6 },
        backoff: { baseSeconds: 0, maxSeconds: 0.5 },
        onNotice: "drain",
        onCutOff: "continue",
        onDemandLast: 0,
        target: { kind: "queue" },
        labels: { team: "ml" },
      }),
    ).toEqual({
      start: "dispatch",
      lease: milliseconds(60_000),
      startWithin: milliseconds(30_000),
      attemptDeadline: milliseconds(7_200_000),
      deadline: milliseconds(86_400_000),
      budgets: { crashes: 1, memory: 3, interruptions: 2, losses: 4, starts: 6 },
      backoff: { base: milliseconds(0), max: milliseconds(500) },
      onNotice: "drain",
      onCutOff: "continue",
      onDemandLast: 0,
      target: { kind: "queue" },
      labels: { team: "ml" },
    });
  });

  test("with one budget of its own has the defaults for the others", () => {
    expect(specOf({ budgets: { losses: 0 } }).budgets).toEqual({ ...DEFAULTS.budgets, losses: 0 });
  });

  test("with one budget for all has no others", () => {
    expect(specOf({ budgets: { attempts: 3 } }).budgets).toEqual({ attempts: 3 });
  });

  test("with half a backoff has the default for the other half", () => {
    expect(specOf({ backoff: { maxSeconds: 60 } }).backoff).toEqual({ base: seconds(15), max: seconds(60) });
  });

  test("spells out every default", () => {
    expect(specBody(spec())).toEqual({
      start: "self",
      leaseSeconds: 120,
      startWithinSeconds: 900,
      budgets: { crashes: 0, memory: 1, interruptions: 10, losses: 3, starts: 5 },
      backoff: { baseSeconds: 15, maxSeconds: 600 },
      onNotice: "handover",
      onCutOff: "stop",
      onDemandLast: 1,
      target: { kind: "queue" },
      labels: {},
    });
  });

  test("names the deadlines only where there are some", () => {
    expect(specBody(spec({ attemptDeadline: seconds(7200), deadline: seconds(86_400) }))).toMatchObject({
      attemptDeadlineSeconds: 7200,
      deadlineSeconds: 86_400,
    });
  });
});

const span = (least: number, most: number) => fc.integer({ min: least, max: most }).map(milliseconds);
const charges = fc.integer({ min: 0, max: 50 });
const YEAR = 31_536_000_000;

const specs: fc.Arbitrary<Spec> = fc.record(
  {
    start: fc.constantFrom("self", "dispatch"),
    lease: span(5000, 3_600_000),
    startWithin: span(1000, YEAR),
    attemptDeadline: span(1000, YEAR),
    deadline: span(1000, YEAR),
    budgets: fc.oneof(
      fc.record({ attempts: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ crashes: charges, memory: charges, interruptions: charges, losses: charges, starts: charges }),
    ),
    backoff: fc.record({ base: span(0, 86_400_000), max: span(0, 86_400_000) }),
    onNotice: fc.constantFrom("handover", "drain", "ignore"),
    onCutOff: fc.constantFrom("stop", "continue"),
    onDemandLast: charges,
    target: fc.constant({ kind: "queue" } as const),
    labels: fc.dictionary(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}$/), fc.string({ maxLength: 50 }), {
      maxKeys: 20,
      noNullPrototype: true,
    }),
  },
  {
    requiredKeys: [
      "start",
      "lease",
      "startWithin",
      "budgets",
      "backoff",
      "onNotice",
      "onCutOff",
      "onDemandLast",
      "target",
      "labels",
    ],
  },
);

describe("any spec", () => {
  test("is the same after it was written and read", () => {
    fc.assert(
      fc.property(specs, (one) => {
        expect(specOf(specBody(one))).toEqual(one);
      }),
      { examples: [[spec({ startWithin: milliseconds(1001) })]] },
    );
  });

  test("is written as a body that the schema accepts unchanged", () => {
    fc.assert(
      fc.property(specs, (one) => {
        const body = specBody(one);
        expect(read(schemas.spec, JSON.stringify(body))).toEqual({ ok: true, value: body });
      }),
    );
  });
});
