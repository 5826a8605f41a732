import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { after, before, earlier, instant, milliseconds, seconds, unixSeconds } from "../../lib/core/time.ts";
import { at, REGISTERED } from "./runs.ts";

describe("time", () => {
  test("an instant is whole milliseconds since the Unix epoch", () => {
    expect(instant(1_795_348_800_000.9)).toBe(1_795_348_800_000);
  });

  test("fractions of a millisecond are cut from a span", () => {
    expect(milliseconds(1.9)).toBe(1);
  });

  test("a second has 1000 milliseconds", () => {
    expect(seconds(90)).toBe(90_000);
  });

  test("a fraction of a second is whole milliseconds", () => {
    expect(seconds(0.25)).toBe(250);
  });

  test("a second and a millisecond are 1001 milliseconds", () => {
    expect(seconds(1.001)).toBe(1001);
  });

  test("every whole millisecond can be written in seconds, and is read as the same span", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400_000 }), (count) => {
        expect(seconds(count / 1000)).toBe(count);
      }),
      { examples: [[1001], [2002], [1023]] },
    );
  });

  test("after is one span later", () => {
    expect(after(at("12:00:00"), seconds(120))).toBe(at("12:02:00"));
  });

  test("before is one span earlier", () => {
    expect(before(at("12:00:00"), seconds(120))).toBe(at("11:58:00"));
  });

  test("of two instants the earlier one counts", () => {
    expect(earlier(at("12:00:01"), at("12:00:00"))).toBe(at("12:00:00"));
    expect(earlier(at("12:00:00"), at("12:00:01"))).toBe(at("12:00:00"));
  });

  test("an absent instant never comes", () => {
    expect(earlier(at("12:00:00"), undefined)).toBe(at("12:00:00"));
  });

  test("Unix seconds are rounded down", () => {
    expect(unixSeconds(at("12:00:00.999"))).toBe(REGISTERED);
  });
});
