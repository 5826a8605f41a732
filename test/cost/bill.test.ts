import { describe, expect, test } from "vitest";
import { lambdaLog } from "../../lambdas/log.ts";
import { type Bill, billOf } from "../../lib/cost/bill.ts";
import { passOver, shardsFor } from "../../lib/cost/units.ts";
import { IDLE_METRICS, SWEPT_BYTES } from "../../lib/cost/usage.ts";
import { type Load, USUAL } from "../../lib/cost/workload.ts";

const bill = (load: Partial<Load> = {}): Bill => billOf({ ...USUAL, runs: 0, ...load });

const item = (name: string, load: Partial<Load> = {}): number => {
  const line = bill(load).lines.find((each) => each.item === name);
  if (line === undefined) throw new Error(`a bill has no item ${name}`);
  return line.usd;
};

describe("a service without runs", () => {
  test("costs at most 80 cents a month for its plumbing, and 2 more where the canary comes by an HTTP API", () => {
    expect(bill({ frontDoor: "function-url" }).plumbing).toBeLessThanOrEqual(0.8);
    expect(bill({ frontDoor: "http-api" }).plumbing).toBeLessThanOrEqual(0.8);
  });

  test("costs at most 4 dollars a month in all, with alarms", () => {
    expect(bill({ observability: "alarms" }).total).toBeLessThanOrEqual(4);
  });

  test("sends 25 requests a minute to SQS, as far as two pollers a queue can bring it", () => {
    // One batch of ticks; 12 receives and 6 deletions of ticks; 6 receives that find no notice.
    expect(bill().lines.find((each) => each.item === "SQS")?.units).toBe(25 * 43_800);
  });

  test("writes three times a minute: a sign of life, the canary's beat, and its word that it got through", () => {
    expect(bill().lines.find((each) => each.item === "DynamoDB writes")?.units).toBe(3 * 43_800);
  });

  test("costs 12 cents more for SQS with each further poller on both queues", () => {
    expect(bill().morePollers / 3).toBeCloseTo((6 * 43_800 * 0.4) / 1e6, 9);
  });

  test("costs more with more sweeps", () => {
    expect(bill({ sweepSeconds: 5 }).plumbing).toBeGreaterThan(bill().plumbing);
    expect(bill({ sweepSeconds: 60 }).plumbing).toBeLessThan(bill().plumbing);
  });

  test("has no alarm with observability none, and a dashboard with full", () => {
    expect([item("alarms", { observability: "none" }), item("alarms"), item("dashboard")]).toEqual([0, 0.9, 0]);
    expect(item("dashboard", { observability: "full" })).toBe(3);
  });
});

describe("1,000 runner-hours of beats at one a minute, and of sweeps", () => {
  // Tenths of a cent, as the targets are written.
  test.each([
    ["function-url", "0.051"],
    ["http-api", "0.111"],
    ["rest-api", "0.261"],
  ] as const)("cost by %s %s dollars", (frontDoor, usd) => {
    expect(bill({ frontDoor, beatSeconds: 60 }).perThousandRunnerHours.toFixed(3)).toBe(usd);
  });

  test("cost the same whatever the fleet", () => {
    expect(bill({ runs: 1_000_000 }).perThousandRunnerHours).toBe(bill().perThousandRunnerHours);
  });
});

describe("a fleet", () => {
  const plain = {
    runs: 10_000,
    beatSeconds: 60,
    runHours: 730,
    lossesPerThousand: 0,
    frontDoor: "function-url",
  } as const;

  test("pays by the beat: twice as many, and what grows has doubled", () => {
    const grown = (beatSeconds: number): number =>
      item("DynamoDB writes", { ...plain, beatSeconds }) - item("DynamoDB writes", { ...plain, runs: 0 });
    expect(grown(30) / grown(60)).toBeCloseTo(2, 2);
  });

  test("of 10,000 runs with a beat a minute writes 438 million times a month for its beats", () => {
    const registered = 10_000;
    const minutes = 43_800 * (1 + 2); // signs of life; the canary's beat, and its word of it
    const others = minutes + registered * (2 + 3 + 7 + 1); // register, claim, finish, removal
    const writes = bill(plain).lines.find((each) => each.item === "DynamoDB writes")?.units;
    expect(writes).toBeCloseTo((10_000 * 2_628_000) / 60 + others, 3);
  });

  test("pays less for sweeps than 3 % of what its beats cost, from 1,000 runs to a million", () => {
    for (const runs of [1000, 10_000, 1_000_000]) {
      const { perThousandRunnerHours } = bill({ ...plain, runs });
      const beats = 60_000 * (0.625e-6 + 0.2e-6) + 60 * 0.0000133334;
      expect((perThousandRunnerHours - beats) / beats).toBeLessThan(0.03);
    }
  });

  test("pays the second tier of an HTTP API from 300 million requests on", () => {
    const requests = bill({ runs: 1_000_000 }).lines.find((each) => each.item === "front door")?.units ?? 0;
    expect(item("front door", { runs: 1_000_000 })).toBeCloseTo(300 + ((requests - 300e6) / 1e6) * 0.9, 3);
  });

  test("pays for its losses and for short runs", () => {
    expect(bill({ runs: 100, lossesPerThousand: 100 }).total).toBeGreaterThan(bill({ runs: 100 }).total);
    expect(bill({ runs: 100, runHours: 0.1 }).total).toBeGreaterThan(bill({ runs: 100 }).total);
  });

  test("adds up", () => {
    const { lines, plumbing, watching, total } = bill({ runs: 100 });
    expect(lines.reduce((sum, { usd }) => sum + usd, 0)).toBeCloseTo(total, 9);
    expect(plumbing + watching).toBe(total);
  });

  test("of a million runs is swept for longer than ten seconds, and the bill says so", () => {
    expect(bill({ runs: 1_000_000 }).sweepTakes).toBeGreaterThan(10);
    expect(bill({ runs: 100_000 }).sweepTakes).toBeLessThan(10);
  });
});

describe("a pass over all runs", () => {
  test.each([
    [0, 1, { pages: 1, reads: 0.5 }],
    [32, 1, { pages: 1, reads: 0.5 }],
    [33, 1, { pages: 1, reads: 1 }],
    [999, 1, { pages: 1, reads: 16 }],
    [1000, 1, { pages: 2, reads: 16.5 }],
    [1000, 4, { pages: 4, reads: 16 }],
  ])("over %i runs in %i shards takes %j", (runs, shards, pass) => {
    expect(passOver(runs, shards)).toEqual(pass);
  });

  test.each([
    [0, 1],
    [7500, 1],
    [7501, 2],
    [1_000_000, 134],
  ])("%i runs have %i shards", (runs, shards) => {
    expect(shardsFor(runs)).toBe(shards);
  });
});

test("a minute without runs measures as much, and its lines are as long, as the bill says", () => {
  const lines: string[] = [];
  const counts = { live: 1_000_000, reaped: 0, spared: 0, frozen: 0, limited: 0, settled: 0, removed: 0, failed: 0 };
  let now = 0;
  const log = lambdaLog(
    { name: "a-deployment-in-us-east-1" },
    (line) => lines.push(line),
    () => {
      now += 60_000;
      return now;
    },
  );
  const quiet = { decision: "swept", counts: { ...counts, silent: 0, canary: 0, valve: 0, debtAge: 0 } };
  for (const line of [quiet, quiet, { decision: "canary-sang" }]) log.write(line);
  type Line = { _aws: { CloudWatchMetrics: readonly { Metrics: readonly { Name: string }[] }[] } };
  const measured = lines.flatMap((line) =>
    (JSON.parse(line) as Line)._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name)),
  );
  expect(new Set(measured).size).toBe(IDLE_METRICS);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(SWEPT_BYTES);
});
