import { beat } from "../lib/app/beat.ts";
import { claim } from "../lib/app/claim.ts";
import { notice } from "../lib/app/notice.ts";
import { sweep } from "../lib/app/sweep.ts";
import type { Run } from "../lib/core/run.ts";
import { after, instant, milliseconds, seconds } from "../lib/core/time.ts";
import type { Claims } from "../lib/wire/credentials.ts";
import { claimsOf, NOON, type Service, service, specWith, ticketOf } from "../test/app/service.ts";
import { noticeOf, spotWarning } from "../test/evidence/aws/bus.ts";
import { seededDice } from "../test/sim/dice.ts";
import { type Figure, quantile } from "./figure.ts";

/**
 * A latency in ms from three of its quantiles, with straight lines between them. The slowest hundredth takes up to
 * twice p99.
 */
const latency =
  (p50: number, p90: number, p99: number) =>
  (roll: () => number): number => {
    const share = roll();
    if (share < 0.5) return p50 * (0.5 + share);
    if (share < 0.9) return p50 + ((share - 0.5) / 0.4) * (p90 - p50);
    if (share < 0.99) return p90 + ((share - 0.9) / 0.09) * (p99 - p90);
    return p99 * (1 + (share - 0.99) / 0.01);
  };

/** bitesizedserverless.com: EventBridge, February 2023; SQS standard to Lambda. */
const EVENT_BRIDGE = latency(148, 241, 387);
const SQS_TO_LAMBDA = latency(16, 34, 105);
/** Assumed: a request from a Lambda to DynamoDB or SQS. */
const REQUEST = latency(5, 10, 25);

const LEASE = seconds(120);
const RUNS = 3000;
/** So few at a time that no sweep has to leave one to the next, because a sweep declares a limited number lost. */
const DYING = 150;
const MINUTES = 8;

/** A few thousand deaths in all, so that the slowest hundredth of them means something. */
const SEEDS = 30;

/**
 * From the last beat to the verdict, in ms of virtual time. Beats come every 30 s at any phase, and ticks as SQS brings
 * them.
 */
async function losses(seed: number): Promise<readonly number[]> {
  const { roll } = seededDice(seed);
  const here = service();
  const runners: { token: Claims; next: number; last: number; diesAt: number }[] = [];
  const start = here.now();
  for (let n = 0; n < RUNS; n += 1) {
    const ticket = await ticketOf(here, `run-${n}`, specWith({ lease: LEASE }));
    const { token } = await claim(here, ticket, { id: n.toString(16).padStart(32, "0"), host: `i-${n}` });
    const diesAt = n < DYING ? start + (60 + roll() * 240) * 1000 : Number.POSITIVE_INFINITY;
    runners.push({ token: claimsOf(token), next: start + roll() * 30_000, last: start, diesAt });
  }
  // A scheduled rule fires in its minute, but not at its second 0. Its Lambda queues the ticks of the minute.
  const ticks = Array.from({ length: MINUTES }, (_, minute) => {
    const fired = start + minute * 60_000 + roll() * 3000;
    return Array.from({ length: 6 }, (_, n) => fired + n * 10_000 + SQS_TO_LAMBDA(roll));
  }).flat();
  const found: number[] = [];
  const left = new Map(runners.slice(0, DYING).map((runner) => [runner.token.run, runner]));
  for (const tick of ticks) {
    for (const runner of runners)
      for (; runner.next <= tick; runner.next += 30_000) {
        if (runner.next > runner.diesAt) break;
        here.pass(milliseconds(runner.next - here.now()));
        if ((await beat(here, runner.token)).kind === "renewed") runner.last = runner.next;
      }
    here.pass(milliseconds(tick - here.now()));
    await sweep(here, { period: seconds(10), until: after(here.now(), seconds(50)) });
    for (const [run, { token, last }] of left) {
      const seen = (await here.runs.read(token)) as Run;
      if (seen.fence === token.fence) continue;
      found.push(here.now() - last + REQUEST(roll) * 3); // the pass, the run item, the verdict
      left.delete(run);
    }
  }
  if (left.size > 0) throw new Error(`${left.size} of ${DYING} were not found`);
  const alive = await Promise.all(runners.slice(DYING).map(({ token }) => here.runs.read(token)));
  if (alive.some((run) => run?.state !== "running")) throw new Error("a live run was declared lost");
  return found;
}

/**
 * The most requests, one after the other, that the notice of a host with one attempt makes until its message is out.
 */
async function requestsOfANotice(): Promise<number> {
  const here = service();
  const ticket = await ticketOf(here, "run", specWith());
  await claim(here, ticket, { id: "a".repeat(32), host: "i-0b662ef9931388ba0" });
  let requests = 0;
  const counting = <T extends object>(port: T): T =>
    new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...given: readonly unknown[]) => {
          requests += 1;
          return Reflect.apply(value, target, given) as unknown;
        };
      },
    });
  const ports = ["runs", "specs", "ledger", "results", "endedRuns", "hosts", "control", "requeues", "notices"] as const;
  const app = { ...here, ...Object.fromEntries(ports.map((name) => [name, counting(here[name])])) } as Service;
  const { evidence, ...rest } = noticeOf(spotWarning());
  await notice(app, { ...rest, evidence: { ...evidence, at: instant(NOON + 1000) } });
  if (here.requeues.sent.length !== 1) throw new Error("the successor was not announced");
  return requests;
}

export async function detection(): Promise<readonly Figure[]> {
  const found: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) found.push(...(await losses(seed)).map((ms) => (ms - LEASE) / 1000));
  const requests = await requestsOfANotice();
  const { roll } = seededDice(11);
  const notices = Array.from({ length: 100_000 }, () => {
    let ms = EVENT_BRIDGE(roll) + SQS_TO_LAMBDA(roll);
    for (let n = 0; n < requests; n += 1) ms += REQUEST(roll);
    return ms / 1000;
  });
  return [
    {
      name: "silent death to verdict, p50, beyond the lease",
      value: quantile(found, 0.5),
      unit: "s",
      atMost: 6,
      beside:
        "Temporal: 1 s beyond its timeout; Airflow 300 s, Kubernetes 40 s and 300 s more, Solid Queue 5 to 10 min",
    },
    { name: "silent death to verdict, p99, beyond the lease", value: quantile(found, 0.99), unit: "s", atMost: 11 },
    {
      name: "silent death to verdict, least, beyond the lease",
      value: Math.min(...found),
      unit: "s",
      atLeast: 0,
      beside: "never before the lease is over",
    },
    {
      name: "spot notice to requeue message, p50",
      value: quantile(notices, 0.5),
      unit: "s",
      beside: "Node Termination Handler polls every 5 s, Karpenter for up to 20 s",
    },
    {
      name: "spot notice to requeue message, p99",
      value: quantile(notices, 0.99),
      unit: "s",
      atMost: 1,
      beside: `${requests} requests one after the other, with the latencies above`,
    },
  ];
}
