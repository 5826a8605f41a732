import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoff } from "../../lib/core/backoff.ts";
import type { Cause } from "../../lib/core/causes.ts";
import { milliseconds, seconds } from "../../lib/core/time.ts";
import { spec } from "./runs.ts";

/** Just below 1: the longest wait that the dice can give. */
const HIGHEST = 1 - 2 ** -53;

const letters = fc.array(fc.constantFrom("c", "i", "l", "s", "-"), { maxLength: 60 }).map((all) => all.join(""));
const causes = fc.constantFrom<Cause>("crashed", "overran", "lost", "never-started", "interrupted", "requeued");
const spans = fc.integer({ min: 0, max: 86_400_000 }).map(milliseconds);
const rolls = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("the backoff", () => {
  test("is below the base after the first charge", () => {
    expect(backoff(spec(), "c", "crashed", HIGHEST)).toBe(14_999);
  });

  test("has full jitter: half the dice is half the wait", () => {
    expect(backoff(spec(), "c", "crashed", 0.5)).toBe(7500);
  });

  test("has full jitter: it may be nothing", () => {
    expect(backoff(spec(), "ccccc", "crashed", 0)).toBe(0);
  });

  test("doubles with each charge of the same kind", () => {
    expect(["c", "cc", "ccc"].map((charges) => backoff(spec(), charges, "crashed", 0.5))).toStrictEqual([
      7500, 15_000, 30_000,
    ]);
  });

  test("does not grow with charges of another kind", () => {
    expect(backoff(spec(), "iislc", "crashed", 0.5)).toBe(7500);
  });

  test("grows with an overrun as with a crash: one budget pays for both", () => {
    expect(backoff(spec(), "cc", "overran", 0.5)).toBe(15_000);
  });

  test("is capped by its maximum", () => {
    expect(backoff(spec(), "l".repeat(50), "lost", 0.5)).toBe(300_000);
  });

  test("is capped even where the base exceeds the maximum", () => {
    expect(backoff(spec({ backoff: { base: seconds(60), max: seconds(10) } }), "l", "lost", 0.5)).toBe(5000);
  });

  test("stops doubling after 30 charges", () => {
    const once = spec({ backoff: { base: milliseconds(1), max: milliseconds(2 ** 40) } });
    expect(backoff(once, "l".repeat(40), "lost", 0.5)).toBe(2 ** 29);
  });

  test("is its base for a kind without a charge so far", () => {
    expect(backoff(spec(), "", "lost", 0.5)).toBe(7500);
  });

  test("is none for lost capacity, which is not the work's fault", () => {
    expect(backoff(spec(), "iiii", "interrupted", HIGHEST)).toBe(0);
  });

  test("is none for an owner's own request", () => {
    expect(backoff(spec(), "--", "requeued", HIGHEST)).toBe(0);
    expect(backoff(spec(), "--", "cut-off", HIGHEST)).toBe(0);
  });

  test("is none where the base is 0", () => {
    expect(backoff(spec({ backoff: { base: seconds(0), max: seconds(600) } }), "cccc", "crashed", HIGHEST)).toBe(0);
  });

  test("lies within 0 and its cap, the cap excluded", () => {
    fc.assert(
      fc.property(spans, spans, letters, causes, rolls, (base, max, charges, cause, roll) => {
        const wait = backoff(spec({ backoff: { base, max } }), charges, cause, roll);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait === 0 || wait < max).toBe(true);
      }),
    );
  });
});
