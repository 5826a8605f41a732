import { DEFAULTS, type Spec } from "../../lib/core/spec.ts";
import { instant, seconds } from "../../lib/core/time.ts";
import { Cloud } from "./cloud.ts";
import type { Dice } from "./dice.ts";
import { Network } from "./network.ts";
import { News } from "./news.ts";
import { People } from "./people.ts";
import { Pods } from "./pods.ts";
import { Violation, World } from "./world.ts";

export type Outcome = {
  readonly seed: number;
  readonly violation: string | undefined;
  readonly fingerprint: string;
  readonly steps: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly moves: ReadonlySet<string>;
  readonly trace: readonly string[];
};

/** Steps under chaos, and the most that calm may take until everything has ended. */
const CHAOS = 900;
const CALM = 20_000;
/** After so long in calm everything that chaos left undone has been found by a sweep. */
const SETTLING_MS = 90_000;
/** A front door that is away, or a pod that is cut off, may stay so for as long into the calm. */
const LAST_TROUBLE_MS = 250_000;
const PERIOD = seconds(5);

const BUDGETS: readonly [Spec["budgets"], ...Spec["budgets"][]] = [
  { crashes: 0, interruptions: 2, losses: 1, starts: 1 },
  { crashes: 1, interruptions: 0, losses: 2, starts: 2 },
  { crashes: 2, interruptions: 1, losses: 0, starts: 0 },
  { crashes: 1, interruptions: 3, losses: 2, starts: 1 },
  { crashes: 1, interruptions: 1, losses: 0, starts: 1 },
  { attempts: 3 },
];

const specFor = (dice: Dice): Spec => ({
  ...DEFAULTS,
  start: dice.chance(0.3) ? "dispatch" : "self",
  lease: seconds(20),
  onNotice: dice.pick(["handover", "handover", "handover", "drain", "ignore", "ignore"]),
  onCutOff: dice.chance(0.1) ? "continue" : "stop",
  startWithin: seconds(34),
  ...(dice.chance(0.5) && { attemptDeadline: seconds(60) }),
  ...(dice.chance(0.15) && { deadline: seconds(150) }),
  budgets: dice.pick(BUDGETS),
  backoff: dice.chance(0.5) ? { base: seconds(6), max: seconds(20) } : { base: seconds(0), max: seconds(0) },
});

/** What befalls hosts, the front door, the table and the keys. */
function trouble(world: World, cloud: Cloud, network: Network, pods: Pods, news: News): void {
  const { dice } = world;
  const someTime = (most: number, act: () => void): void => world.at(instant(world.now + dice.between(0, most)), act);
  const someHost = (): string => dice.pick(pods.hosts);
  for (let reclaims: number = dice.pick([0, 0, 1, 2, 4]); reclaims > 0; reclaims -= 1)
    someTime(150_000, () => news.reclaim(someHost()));
  for (let rumours: number = dice.pick([0, 0, 1, 2]); rumours > 0; rumours -= 1)
    someTime(150_000, () => news.rumour(someHost()));
  if (dice.chance(0.2)) someTime(100_000, () => news.hoax(someHost()));
  if (dice.chance(0.1)) someTime(100_000, () => news.reclaimAll());
  if (dice.chance(0.2)) someTime(100_000, () => network.disturb("silence", dice.between(5000, 60_000)));
  if (dice.chance(0.1)) someTime(100_000, () => network.disturb("forbidden", dice.between(5000, 60_000)));
  if (dice.chance(0.2))
    someTime(100_000, () => {
      world.count("table away");
      cloud.tableAwayUntil = instant(world.now + dice.between(2000, 40_000));
    });
  if (dice.chance(0.2)) someTime(100_000, () => cloud.rotateKeys());
}

/** One seeded schedule, from the first registration until nothing can happen any more. */
export async function schedule(seed: number): Promise<Outcome> {
  const world = new World(seed);
  const { dice } = world;
  const cloud = new Cloud(world);
  const network = new Network(world, cloud);
  const pods = new Pods(world, cloud, network);
  const people = new People(world, cloud, network, pods);
  const news = new News(world, cloud, pods);
  const runs = dice.chance(0.5) ? ["a"] : ["a", "b"];
  for (const run of runs) {
    const spec = specFor(dice);
    cloud.laws.specs.set(run, spec);
    if (spec.onCutOff === "continue") cloud.laws.goesOnWhenCutOff.add(run);
    const owners = dice.pick([1, 1, 2, 3]);
    for (let owner = 0; owner < owners; owner += 1) {
      const offered = dice.chance(0.15) ? { ...spec, labels: { other: "spec" } } : spec;
      const registering = (): void => void people.own(run, offered);
      world.at(instant(world.now + dice.pick([0, 0, 2, 15, 40, 200]) * 1000), registering);
    }
    if (dice.chance(0.25))
      world.at(instant(world.now + dice.between(0, 120_000)), () => void people.ask(run, "cancel"));
    for (let asked: number = dice.pick([0, 0, 0, 1, 2]); asked > 0; asked -= 1)
      world.at(instant(world.now + dice.between(0, 150_000)), () => void people.ask(run, "requeue"));
  }
  if (dice.chance(0.3)) world.at(instant(world.now + dice.between(0, 60_000)), () => cloud.control.use(2));
  trouble(world, cloud, network, pods, news);
  let nextSweep = world.now;
  let steps = 0;
  let settledBy = Number.POSITIVE_INFINITY;
  let violation: string | undefined;
  try {
    for (; steps < CHAOS + CALM; steps += 1) {
      if (steps === CHAOS) {
        world.isChaotic = false;
        cloud.laws.calmSince = world.now + LAST_TROUBLE_MS;
        settledBy = world.now + SETTLING_MS;
      }
      if (world.now >= nextSweep) {
        nextSweep = instant(world.now + (world.isChaotic ? dice.pick([3, 5, 5, 10]) : 5) * 1000);
        people.tick(PERIOD);
      }
      if (people.hasMail() && dice.chance(0.1)) people.consume();
      if (news.hasMail() && dice.chance(0.1)) news.relay();
      if (world.now > settledBy) cloud.laws.timely();
      if (!world.isChaotic && cloud.runs.items().length === 0 && !people.hasMail() && world.isOver) break;
      if (world.isOver) world.now = nextSweep;
      await world.advance();
    }
    await cloud.laws.atTheEnd([...people.registered], news.delivered);
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
