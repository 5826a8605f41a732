import { describe, expect, test } from "vitest";
import { DEFAULTS, endOfRun } from "../../lib/core/spec.ts";
import { milliseconds, seconds } from "../../lib/core/time.ts";
import { at, registered } from "./runs.ts";

describe("a spec", () => {
  test("has the defaults of the design", () => {
    expect(DEFAULTS).toStrictEqual({
      start: "self",
      lease: milliseconds(120_000),
      startWithin: milliseconds(900_000),
      budgets: { crashes: 0, memory: 1, interruptions: 10, losses: 3, starts: 5 },
      backoff: { base: milliseconds(15_000), max: milliseconds(600_000) },
      onNotice: "handover",
      onCutOff: "stop",
      onDemandLast: 1,
      target: { kind: "queue" },
      labels: {},
    });
  });

  test("without a deadline lets a run go on", () => {
    expect(endOfRun(registered())).toBeUndefined();
  });

  test("with a deadline ends the run that long after its registration", () => {
    expect(endOfRun(registered({ deadline: seconds(3600) }))).toBe(at("13:00:00"));
  });
});
