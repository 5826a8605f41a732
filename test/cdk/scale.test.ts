import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { shardsFor } from "../../cdk/settings.ts";
import { shardsFor as shardsInCost } from "../../lib/cost/units.ts";
import { environmentOf, lambdasOf, templateOf } from "./synthesis.ts";

describe("shards", () => {
  test.each([
    [1, 1],
    [7500, 1],
    [7501, 2],
    [15_000, 2],
    [100_000, 14],
    [1_000_000, 134],
  ])("for %i runs are %i: 250 beats a second each", (expectedRuns, shards) => {
    expect(shardsFor({ expectedRuns, leaseSeconds: 120 })).toBe(shards);
  });

  test("are more where leases are short: with one of 5 s a run beats 24 times as often as with the default", () => {
    expect(shardsFor({ expectedRuns: 10_000, leaseSeconds: 5 })).toBe(32);
  });

  test("are as many as the bill counts with", () => {
    const fleets = Array.from({ length: 2000 }, (_, index) => 1 + index * 499);
    const differing = fleets.filter(
      (expectedRuns) => shardsFor({ expectedRuns, leaseSeconds: 120 }) !== shardsInCost(expectedRuns),
    );
    expect(differing).toEqual([]);
  });

  test("are told to all who register, sweep or start anew", () => {
    const template = templateOf({ expectedRuns: 100_000 });
    const told = ["runner", "owner", "sweep", "notice", "canary"].map(
      (name) => environmentOf(template, name)["LASTBEAT_SHARDS"],
    );
    expect(told).toEqual(["14", "14", "14", "14", "14"]);
  });
});

describe("the table", () => {
  test.each([
    [{ expectedRuns: 100_000 }, undefined],
    [{ warmWrites: 10_000 }, { WriteUnitsPerSecond: 10_000 }],
  ])("with %j is warmed up to %j: only when asked, because it can never fall", (settings, warm) => {
    templateOf(settings).hasResourceProperties("AWS::DynamoDB::GlobalTable", {
      WarmThroughput: warm ?? Match.absent(),
    });
  });
});

describe("the sweep", () => {
  test.each([
    [5000, 256],
    [5001, 1024],
    [300_000, 1024],
    [300_001, 1769],
  ])("over %i runs has %i MB, and no other Lambda has more for it", (expectedRuns, megabytes) => {
    const memory = Object.fromEntries(
      [...lambdasOf(templateOf({ expectedRuns }))].map(([name, { Properties }]) => [name, Properties.MemorySize]),
    );
    const { sweep, beat, notice, ...others } = memory;
    expect([sweep, beat, notice]).toEqual([megabytes, 128, 1769]);
    expect(new Set(Object.values(others))).toEqual(new Set([256]));
  });
});
