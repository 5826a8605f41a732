import { describe, expect, test } from "vitest";
import { areStale, FRONT_DOOR_PRICES, PRICES, PRICES_AS_OF, usdOf } from "../../lib/cost/prices.ts";

test("the prices were looked up within the last twelve months", () => {
  expect(areStale(Date.now()), `look up the prices of lib/cost/prices.ts again: they are of ${PRICES_AS_OF}`).toBe(
    false,
  );
});

test.each([
  ["2027-11-22T00:00:00.000Z", false],
  ["2027-11-22T00:00:00.001Z", true],
])("prices of the 22nd of November 2026 are old at %s: %s", (now, isOld) => {
  expect(areStale(Date.parse(now), "2026-11-22")).toBe(isOld);
});

test.each(Object.entries({ ...FRONT_DOOR_PRICES, ...PRICES }))(
  "the price %s says its day and its source",
  (_, price) => {
    expect(price.asOf).toMatch(/^20\d\d-[01]\d-[0-3]\d$/);
    expect(price.asOf >= PRICES_AS_OF).toBe(true);
    expect(price.source).not.toBe("");
    expect(price.tiers.at(-1)).not.toHaveProperty("upTo");
  },
);

describe("tiers", () => {
  test.each([
    ["http-api", 0, 0],
    ["http-api", 300e6, 300],
    ["http-api", 301e6, 300.9],
    ["rest-api", 333e6, 1165.5],
    ["rest-api", 1e9, 1165.5 + 1867.6],
    ["rest-api", 1e9 + 1e6, 1165.5 + 1867.6 + 2.38],
    ["function-url", 1e9, 0],
  ] as const)("%s takes for %i requests %f dollars", (door, requests, usd) => {
    expect(usdOf(FRONT_DOOR_PRICES[door], requests)).toBeCloseTo(usd, 6);
  });
});
