import { describe, expect, test } from "vitest";
import { fromIso, iso } from "../../lib/wire/instants.ts";
import { at } from "../core/runs.ts";

describe("an instant", () => {
  test("is written in UTC with milliseconds", () => {
    expect(iso(at("12:00:30.250"))).toBe("2026-11-22T12:00:30.250Z");
  });

  test("is written with milliseconds even where there are none", () => {
    expect(iso(at("12:00:30"))).toBe("2026-11-22T12:00:30.000Z");
  });

  test("is read as it was written", () => {
    expect(fromIso("2026-11-22T12:00:30.250Z")).toBe(at("12:00:30.250"));
  });
});
