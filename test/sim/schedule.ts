import { DEFAULTS, type Spec } from "../../lib/core/spec.ts";
import { after, instant, seconds } from "../../lib/core/time.ts";
import { faultOf } from "./charges.ts";
import { Cloud } from "./cloud.ts";
import type { Dice } from "./dice.ts";
import { Network } from "./network.ts";
import { News } from "./news.ts";
import { People } from "./people.ts";
import { Pods } from "./pods.ts";
import { type Heard, Violation, World } from "./world.ts";

export type Outcome = {
  readonly seed: number;
  readonly violation: string | undefined;
  readonly fingerprint: string;
  readonly steps: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly moves: ReadonlySet<string>;
  readonly trace: readonly string[];
};

/** Steps under chaos, and the most steps that calm may take until everything has ended. */
const CHAOS = 900;
const CALM = 30_000;
/** After this long in calm, sweeps have found everything that chaos left undone. */
const SETTLING_MS = 90_000;
/** How far into the calm a front door may stay away, or a pod may stay cut off. */
const LAST_TROUBLE_MS = 250_000;
/** How far into the calm the latest evidence about a host may come. It is delivered again after that. */
const LAST_WORD_MS = 300_000;
const PERIOD = seconds(5);
const CANARY_PERIOD = seconds(60);

/** One more than a sweep may declare lost by the clock. */
const CROWD = ["a", "b", "c", "d", "e", "f"];

const BUDGETS: readonly [Spec["budgets"], ...Spec["budgets"][]] = [
  { crashes: 0, interruptions: 2, losses: 1, starts: 1 },
  { crashes: 1, memory: 0, interruptions: 0, losses: 2, starts: 2 },
  { crashes: 2, memory: 1, interruptions: 1, losses: 0, starts: 0 },
  { crashes: 1, memory: 2, interruptions: 3, losses: 2, starts: 1 },
  { crashes: 1, memory: 1, interruptions: 1, losses: 0, starts: 1 },
  { crashes: 0, memory: 0, interruptions: 0, losses: 0, starts: 0 },
  { attempts: 3 },
  { attempts: 2 },
  { attempts: 1 },
];

const specFor = (dice: Dice): Spec => ({
  ...DEFAULTS,
  start: dice.chance(0.3) ? "dispatch" : "self",
  lease: seconds(dice.pick([20, 20, 20, 20, 12, 30])),
  onNotice: dice.pick(["handover", "handover", "handover", "drain", "ignore", "ignore"]),
  onCutOff: dice.chance(0.1) ? "continue" : "stop",
  startWithin: seconds(dice.chance(0.9) ? dice.pick([34, 34, 34, 200]) : dice.pick([10, 1])),
  ...(dice.chance(0.5) && { attemptDeadline: seconds(dice.chance(0.9) ? 60 : dice.pick([10, 1])) }),
  ...(dice.chance(0.15) && { deadline: seconds(dice.pick([150, 150, 5])) }),
  budgets: dice.pick(BUDGETS),
  onDemandLast: dice.pick([1, 1, 0, 2, 50]),
  backoff: dice.chance(0.5) ? { base: seconds(6), max: seconds(20) } : { base: seconds(0), max: seconds(0) },
});

/** What happens to hosts, the front door, the table and the keys. */
function trouble(world: World, cloud: Cloud, network: Network, pods: Pods, news: News): void {
  const { dice } = world;
  const someTime = (most: number, act: () => void): void => world.at(instant(world.now + dice.between(0, most)), act);
  const someHost = (): string => dice.pick(pods.hosts);
  for (let reclaims: number = dice.pick([0, 0, 1, 2, 4]); reclaims > 0; reclaims -= 1)
    someTime(150_000, () => news.reclaim(someHost()));
  for (let rumours: number = dice.pick([0, 0, 1, 2]); rumours > 0; rumours -= 1)
    someTime(150_000, () => news.rumour(someHost()));
  for (let drains: number = dice.pick([0, 0, 0, 1]); drains > 0; drains -= 1)
    someTime(150_000, () => news.drain(someHost()));
  if (dice.chance(0.15)) someTime(100_000, () => news.calledOff(someHost()));
  if (dice.chance(0.2)) someTime(100_000, () => news.hoax(someHost()));
  if (dice.chance(0.1)) someTime(100_000, () => news.reclaimAll());
  if (dice.chance(0.2)) someTime(100_000, () => network.disturb("silence", dice.between(5000, 60_000)));
  if (dice.chance(0.1)) someTime(100_000, () => network.disturb("forbidden", dice.between(5000, 60_000)));
  if (dice.chance(0.2))
    someTime(100_000, () => {
      world.count("table away");
      cloud.tableAwayUntil = instant(world.now + dice.between(2000, 40_000));
    });
  if (dice.chance(0.15))
    someTime(100_000, () => {
      world.count("queue away");
      cloud.queueAwayUntil = instant(world.now + dice.between(2000, 40_000));
    });
  if (dice.chance(0.2)) someTime(100_000, () => cloud.rotateKeys());
}

/**
 * Records are kept for minutes only, so the ids are used again. Evidence, reports and tickets of their earlier lives
 * use them, too.
 */
function secondLives(world: World, cloud: Cloud, people: People, run: string, spec: Spec): void {
  const { dice } = world;
  for (let lives: number = dice.pick([1, 2, 3]); lives > 0; lives -= 1)
    world.at(instant(world.now + dice.between(150_000, 700_000)), () => void people.own(run, spec));
  for (let times: number = dice.pick([0, 1, 3, 6]); times > 0; times -= 1)
    world.at(instant(world.now + dice.between(100_000, 700_000)), () => cloud.hosts.forget(world.now));
}

/** A run can no longer be written, or its messages can no longer be sent. The others must not notice. */
function breakOne(world: World, cloud: Cloud, run: string): void {
  const broken = world.dice.pick([cloud.unwritable, cloud.unsendable]);
  world.at(instant(world.now + world.dice.between(0, 100_000)), () => {
    world.count("run that is broken");
    broken.add(run);
  });
}

/** One seeded schedule, from the first registration until nothing can happen any more. `heard` gets what happens to each agent. */
export async function schedule(seed: number, heard?: (heard: Heard) => void): Promise<Outcome> {
  const world = new World(seed);
  world.heard = heard;
  const { dice } = world;
  const cloud = new Cloud(world);
  const network = new Network(world, cloud);
  const pods = new Pods(world, cloud, network);
  const people = new People(world, cloud, network, pods);
  const news = new News(world, cloud, network, pods);
  const runs = dice.chance(0.1) ? CROWD : dice.pick([["a"], ["a", "b"]]);
  const isShort = dice.chance(0.35);
  const hasCanary = dice.chance(0.3);
  if (isShort) cloud.retention = seconds(dice.between(150, 300));
  cloud.trustRunners = dice.chance(0.5);
  for (const run of runs) {
    const spec = specFor(dice);
    if (spec.onCutOff === "continue") cloud.laws.goesOnWhenCutOff.add(run);
    const owners = dice.pick([1, 1, 2, 3]);
    for (let owner = 0; owner < owners; owner += 1) {
      const offered = dice.chance(0.15) ? { ...spec, labels: { other: "spec" } } : spec;
      const registering = (): void => void people.own(run, offered);
      world.at(instant(world.now + dice.pick([0, 0, 2, 15, 40, 200]) * 1000), registering);
    }
    if (isShort) secondLives(world, cloud, people, run, spec);
    if (dice.chance(0.25))
      world.at(instant(world.now + dice.between(0, 120_000)), () => void people.ask(run, "cancel"));
    for (let asked: number = dice.pick([0, 0, 0, 1, 2]); asked > 0; asked -= 1)
      world.at(instant(world.now + dice.between(0, 150_000)), () => void people.ask(run, "requeue"));
    for (let looked: number = dice.pick([0, 1, 3]); looked > 0; looked -= 1)
      world.at(instant(world.now + dice.between(0, 150_000)), () => people.look(run));
  }
  // All runs but one. No other healthy run is left to keep that one waiting.
  const [healthy, ...others] = runs;
  if (healthy !== undefined && dice.chance(0.25)) for (const run of others) breakOne(world, cloud, run);
  if (dice.chance(0.3)) world.at(instant(world.now + dice.between(0, 60_000)), () => cloud.control.use(2));
  trouble(world, cloud, network, pods, news);
  // No sweep runs for minutes, so ended items are still there when their record expires.
  const sweepsAway = { from: Number.POSITIVE_INFINITY, to: 0 };
  if (isShort && dice.chance(0.4)) {
    sweepsAway.from = world.now + dice.between(50_000, 300_000);
    sweepsAway.to = sweepsAway.from + dice.between(200_000, 400_000);
  }
  let nextSweep = world.now;
  let nextCanary = world.now;
  let steps = 0;
  let settledBy = Number.POSITIVE_INFINITY;
  let quietFrom = Number.POSITIVE_INFINITY;
  let violation: string | undefined;
  /** Whether nothing is left to do: no item, no message, no timer. What is broken stays as it is. */
  const isOver = (): boolean => {
    if (world.isChaotic || people.hasMail() || news.hasMail()) return false;
    const isBroken = cloud.unwritable.size + cloud.unsendable.size > 0;
    const left = cloud.runs.items().filter(({ run }) => !cloud.isBroken(run));
    return left.length === 0 && (world.isOver || (isBroken && world.now > quietFrom));
  };
  try {
    for (; steps < CHAOS + CALM; steps += 1) {
      if (steps === CHAOS) {
        world.isChaotic = false;
        cloud.laws.calmSince = world.now + LAST_TROUBLE_MS;
        settledBy = Math.max(world.now, sweepsAway.to) + SETTLING_MS;
        quietFrom = world.now + LAST_WORD_MS + (isShort ? 700_000 : 0);
      }
      if (world.now >= nextSweep) {
        nextSweep = instant(world.now + (world.isChaotic ? dice.pick([3, 5, 5, 10]) : 5) * 1000);
        if (world.now < sweepsAway.from || world.now > sweepsAway.to) people.tick(PERIOD);
      }
      if (hasCanary && world.now >= nextCanary) {
        nextCanary = after(world.now, CANARY_PERIOD);
        people.sing();
      }
      if (people.hasMail() && dice.chance(0.1)) people.consume();
      if (news.hasMail() && dice.chance(0.1)) news.relay();
      if (world.now > settledBy) cloud.laws.timely(hasCanary);
      if (isOver()) break;
      await world.advance(nextSweep);
    }
    for (const life of cloud.laws.lives.all()) {
      const { run } = life.registration;
      const fault = cloud.isBroken(run) ? undefined : await faultOf(cloud, life, cloud.laws.words);
      if (fault !== undefined) world.fail(`${run}: ${fault}`);
      if (life.result !== undefined) world.count(`outcome ${life.result.outcome}`);
    }
    world.assertLawful();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error.message;
  }
  return {
    seed,
    violation,
    fingerprint: world.fingerprint(),
    steps,
    counts: world.counts,
    moves: cloud.laws.moves,
    trace: world.trace,
  };
}
