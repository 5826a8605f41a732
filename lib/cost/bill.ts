import { FRONT_DOOR_PRICES, type FrontDoor, PRICES, type Price, usdOf } from "./prices.ts";
import {
  ALARMS,
  FEWEST_POLLERS,
  type Month,
  monthOf,
  type Running,
  sweepMs,
  thousandRunnerHours,
  USUAL_POLLERS,
} from "./usage.ts";
import type { Load } from "./workload.ts";

/** Plumbing carries beats and verdicts. Watching is the secret with the keys, and what shows the service to people. */
export type Group = "plumbing" | "watching";

/** One item of a monthly bill. */
export type Line = {
  readonly item: string;
  readonly group: Group;
  readonly units: number;
  readonly unit: string;
  readonly usd: number;
};

/** A monthly bill in US dollars. */
export type Bill = {
  readonly load: Load;
  readonly lines: readonly Line[];
  readonly plumbing: number;
  readonly watching: number;
  readonly total: number;
  /** Beats, and the sweeps over these runs, for 1,000 runner-hours, at the prices of the first tiers. */
  readonly perThousandRunnerHours: number;
  /** The extra cost of SQS while Lambda keeps five pollers on each queue instead of two. */
  readonly morePollers: number;
  /**
   * How long one sweep reads, in seconds. If that is longer than the time between two sweeps, verdicts come that much
   * later.
   */
  readonly sweepTakes: number;
};

const line = (item: string, group: Group, units: number, price: Price): Line => ({
  item,
  group,
  units,
  unit: price.unit,
  usd: usdOf(price, units),
});

/** Only beats can use a function URL; all other calls use the front door beside it. */
function frontDoors({ frontDoor }: Load, { requests, beats }: Month): readonly Line[] {
  if (frontDoor !== "function-url") return [line("front door", "plumbing", requests, FRONT_DOOR_PRICES[frontDoor])];
  return [
    line("front door, beats", "plumbing", beats, FRONT_DOOR_PRICES[frontDoor]),
    line("front door, other calls", "plumbing", requests - beats, FRONT_DOOR_PRICES["http-api"]),
  ];
}

/** The items of a month, each counted and priced. */
function linesOf(load: Load): readonly Line[] {
  const month = monthOf(load);
  return [
    ...frontDoors(load, month),
    line("Lambda requests", "plumbing", month.invocations, PRICES.lambdaRequest),
    line("Lambda duration", "plumbing", month.gbSeconds, PRICES.lambdaSecond),
    line("DynamoDB writes", "plumbing", month.writes, PRICES.write),
    line("DynamoDB reads", "plumbing", month.reads, PRICES.read),
    line("DynamoDB storage", "plumbing", month.storedGb, PRICES.storage),
    line("point-in-time recovery", "plumbing", month.storedGb, PRICES.recovery),
    line("SQS", "plumbing", month.sqs, PRICES.sqs),
    line("log of decisions", "plumbing", month.decisionGb, PRICES.logs),
    line("secret", "watching", 1, PRICES.secret),
    line("secret, reads", "watching", month.secretCalls, PRICES.secretCall),
    line("alarms", "watching", load.observability === "none" ? 0 : ALARMS, PRICES.alarm),
    line("metrics", "watching", month.metrics, PRICES.metric),
    line("metrics, log lines", "watching", month.metricsGb, PRICES.logs),
    line("dashboard", "watching", load.observability === "full" ? 1 : 0, PRICES.dashboard),
  ];
}

/** What this much running costs in US dollars, at the prices of the first tiers. */
export function usdOfRunning(
  frontDoor: FrontDoor,
  { requests, invocations, gbSeconds, writes, reads }: Running,
): number {
  return (
    usdOf(FRONT_DOOR_PRICES[frontDoor], requests) +
    usdOf(PRICES.lambdaRequest, invocations) +
    usdOf(PRICES.lambdaSecond, gbSeconds) +
    usdOf(PRICES.write, writes) +
    usdOf(PRICES.read, reads)
  );
}

/** What a month of that load costs. */
export function billOf(load: Load): Bill {
  const lines = linesOf(load);
  const sum = (group: Group): number =>
    lines.filter((each) => each.group === group).reduce((total, { usd }) => total + usd, 0);
  const [plumbing, watching] = [sum("plumbing"), sum("watching")];
  const sqs = (pollers: number): number => usdOf(PRICES.sqs, monthOf(load, pollers).sqs);
  return {
    load,
    lines,
    plumbing,
    watching,
    total: plumbing + watching,
    perThousandRunnerHours: usdOfRunning(load.frontDoor, thousandRunnerHours(load)),
    morePollers: sqs(USUAL_POLLERS) - sqs(FEWEST_POLLERS),
    sweepTakes: sweepMs(load.runs) / 1000,
  };
}
