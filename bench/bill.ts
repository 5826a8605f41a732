import { billOf, usdOfRunning } from "../lib/cost/bill.ts";
import { type FrontDoor, PRICES, usdOf } from "../lib/cost/prices.ts";
import { CLAIM, FINISH, REGISTER, REMOVAL } from "../lib/cost/units.ts";
import { thousandRunnerHours } from "../lib/cost/usage.ts";
import { USUAL } from "../lib/cost/workload.ts";
import type { Figure } from "./figure.ts";

/** What was counted. Only AWS can tell the milliseconds that it bills for a beat's Lambda, so these are in `Way`. */
export type Counted = {
  readonly wruPerBeat: number;
  readonly requestsPerBeat: number;
  /** For one sweep over 1,000 runs. */
  readonly rruPerSweep: number;
};

type Way = { readonly frontDoor: FrontDoor; readonly beatSeconds: number; readonly beatMs: number };

/** US dollars for 1,000 runner-hours, computed as `lastbeat cost` does, from what was counted. */
function perHours(
  { wruPerBeat, requestsPerBeat, rruPerSweep }: Counted,
  { frontDoor, beatSeconds, beatMs }: Way,
): number {
  const requests = beats(beatSeconds) * requestsPerBeat;
  return usdOfRunning(frontDoor, {
    ...thousandRunnerHours({ ...USUAL, runs: 1000, beatSeconds, beatMs }),
    requests,
    invocations: requests,
    writes: beats(beatSeconds) * wruPerBeat,
    reads: (3600 / USUAL.sweepSeconds) * rruPerSweep,
  });
}

/** Beats of 1,000 runner-hours. */
const beats = (beatSeconds: number): number => (1000 * 3600) / beatSeconds;

/** What the store costs for 1,000 runs besides their beats: registered, claimed, ended well, and removed. */
const aroundThousandRuns = (): number =>
  [REGISTER, CLAIM, FINISH, REMOVAL].reduce(
    (sum, { writes, reads }) => sum + usdOf(PRICES.write, 1000 * writes) + usdOf(PRICES.read, 1000 * reads),
    0,
  );

/** What others cost for the same, in US dollars. Sources are in docs/performance.md. */
const RIVALS: readonly {
  readonly name: string;
  readonly usd: (beatSeconds: number) => number;
  readonly limit: string;
}[] = [
  {
    name: "Temporal Cloud, an Action a beat",
    usd: (h) => (beats(h) * 50) / 1e6,
    limit: "$50 a million falling to $25; 80 times a write",
  },
  {
    name: "HTTP API, Lambda, an index on the due time",
    usd: (h) => (beats(h) * (1 + 0.2 + 0.15 + 0.014 + 3 * 0.625)) / 1e6,
    limit: "the usual tutorial, including its log lines ($0.15 a million)",
  },
  {
    name: "SQS, ChangeMessageVisibility by the runner",
    usd: (h) => usdOf(PRICES.sqs, beats(h)),
    limit: "cheaper; 12 hours at most, 120,000 in flight, AWS credentials in each runner, no cause, no fence",
  },
  {
    name: "Step Functions, task token with a heartbeat",
    usd: () => 0.1,
    limit: `cheaper for long runs: $0.0001 a run of any length (here an hour), but the beginnings and ends of our 1,000 runs cost $${aroundThousandRuns().toFixed(3)} more; 500 beats a second and account`,
  },
  {
    name: "IoT Core, MQTT keep-alive",
    usd: () => 0.0048,
    limit: "cheaper; a connection held open by each runner, no cause, no fence",
  },
];

export type Dollars = {
  readonly dollarsPer1000RunnerHours: { readonly functionUrl: number; readonly httpApi: number };
  readonly idleDollarsPerMonth: { readonly plumbing: number; readonly all: number };
};

export function dollars(counted: Counted): Dollars {
  const idle = billOf({ ...USUAL, runs: 0 });
  return {
    dollarsPer1000RunnerHours: {
      functionUrl: perHours(counted, { frontDoor: "function-url", beatSeconds: 60, beatMs: 8 }),
      httpApi: perHours(counted, { frontDoor: "http-api", beatSeconds: 60, beatMs: 8 }),
    },
    idleDollarsPerMonth: { plumbing: idle.plumbing, all: idle.total },
  };
}

export function billFigures(
  counted: Counted,
  { dollarsPer1000RunnerHours: hours, idleDollarsPerMonth: idle }: Dollars,
): readonly Figure[] {
  const unit = "$";
  const name = (door: string, h: number, ms: number): string =>
    `1,000 runner-hours, ${door}, a beat each ${h} s, ${ms} ms of Lambda`;
  return [
    {
      name: name("function URL", 60, 8),
      value: hours.functionUrl,
      unit,
      atMost: 0.051,
      beside: "floor 0.0375: the write alone",
    },
    { name: name("HTTP API", 60, 8), value: hours.httpApi, unit, atMost: 0.111 },
    ...(["function-url", "http-api"] as const).map(
      (frontDoor): Figure => ({
        name: `${name(frontDoor === "http-api" ? "HTTP API" : "function URL", 60, 8)}, run items of 128 B`,
        value: billOf({ ...USUAL, runs: 1000, beatSeconds: 60, beatMs: 8, frontDoor }).perThousandRunnerHours,
        unit,
        beside: "as `lastbeat cost` computes it: every item at its largest",
      }),
    ),
    ...(["function-url", "http-api"] as const).flatMap((frontDoor) =>
      (
        [
          [60, 25],
          [30, 8],
          [30, 25],
          [150, 8], // a lease of 600 s
          [300, 8], // a lease of 1200 s
        ] as const
      ).map(
        ([beatSeconds, beatMs]): Figure => ({
          name: name(frontDoor === "http-api" ? "HTTP API" : "function URL", beatSeconds, beatMs),
          value: perHours(counted, { frontDoor, beatSeconds, beatMs }),
          unit,
        }),
      ),
    ),
    ...RIVALS.map(
      ({ name: rival, usd, limit }): Figure => ({
        name: `1,000 runner-hours, ${rival}`,
        value: usd(60),
        unit,
        beside: limit,
      }),
    ),
    {
      name: "idle month, without secret, alarms and metrics",
      value: idle.plumbing,
      unit,
      atMost: 0.8,
      beside: "a controller would need a pod, day and night",
    },
    { name: "idle month, with secret, alarms and metrics", value: idle.all, unit, atMost: 4 },
  ];
}
