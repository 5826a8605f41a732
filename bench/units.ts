import { BatchWriteItemCommand } from "@aws-sdk/client-dynamodb";
import { beat } from "../lib/app/beat.ts";
import { claim } from "../lib/app/claim.ts";
import { register } from "../lib/app/register.ts";
import { sweep } from "../lib/app/sweep.ts";
import { itemOf } from "../lib/aws/run-item.ts";
import { DEFAULTS } from "../lib/core/spec.ts";
import { after, seconds } from "../lib/core/time.ts";
import { itemBytes } from "../lib/cost/capacity.ts";
import { PRICES, usdOf } from "../lib/cost/prices.ts";
import { BEAT } from "../lib/cost/units.ts";
import { type Claims, parseBearer } from "../lib/wire/credentials.ts";
import { clientAt, type Engine } from "../test/contract/engines.ts";
import { running } from "../test/contract/samples.ts";
import { isOfPass, type Sent } from "../test/cost/meter.ts";
import { type World, world } from "../test/cost/world.ts";
import type { Figure } from "./figure.ts";

/** As many letters as the ids of the usual workflow runners have. */
const RUN = "nightly-train-42";
const HOLDER = { id: "00112233445566778899aabbccddeeff", host: "i-0123456789abcdef0" };

function claimsOf(credential: string | undefined): Claims {
  const claims = parseBearer(`Bearer ${credential}`)?.claims;
  if (claims === undefined) throw new Error(`${credential} is no credential`);
  return claims;
}

async function tokenOf({ app }: World, run = RUN): Promise<Claims> {
  const made = await register(app, run, DEFAULTS);
  if (made.kind !== "registered") throw new Error(`${run} is ${made.kind}`);
  return claimsOf((await claim(app, claimsOf(made.ticket), HOLDER)).token);
}

const totals = (sent: readonly Sent[]): { wru: number; rru: number; indexWru: number; requests: number } => ({
  wru: sent.reduce((sum, { writes }) => sum + writes, 0),
  rru: sent.reduce((sum, { reads }) => sum + reads, 0),
  indexWru: 0, // the meter refuses a table with an index: test/cost/meter.ts
  requests: sent.length,
});

export type BeatUnits = ReturnType<typeof totals>;

/** What beats take: one that is accepted, one that comes again (twice, or after its reply was lost), and one that is fenced off. */
export async function beatUnits(engine: Engine): Promise<Readonly<Record<string, BeatUnits>>> {
  const here = await world(engine);
  const token = await tokenOf(here);
  const counted = async (act: () => Promise<unknown>): Promise<BeatUnits> => {
    here.sent.length = 0;
    await act();
    return totals(here.sent);
  };
  here.pass(seconds(30));
  const accepted = await counted(() => beat(here.app, token, { value: 3, of: 7, note: "epoch 3" }));
  const again = await counted(() => beat(here.app, token));
  const fenced = await counted(() => beat(here.app, { ...token, fence: (token.fence - 1) as typeof token.fence }));
  return { accepted, again, fenced };
}

/** Bytes of a usual run item: 16 letters, an instance, a first attempt. */
const usualBytes = (): number => itemBytes(itemOf(running(RUN)));

/** Bytes of the largest usual one: with a deadline, and eleven attempts behind it. */
export const runItemBytes = (): number =>
  itemBytes(
    itemOf({
      ...running(RUN),
      attempt: 12,
      charges: "iiilisiiilc",
      lastRenewable: after(running(RUN).due, seconds(3600)),
    }),
  );

const BATCH = 25;

/** Live runs, written beside the meter. */
async function fill({ dynamo, app }: World, engine: Engine, live: number, shards: number): Promise<void> {
  const client = clientAt(engine.endpoint);
  const due = after(app.clock.now(), seconds(3600));
  for (let first = 0; first < live; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, live - first) }, (_, n) => first + n);
    const items = numbers.map((n) =>
      itemOf({ ...running(`nightly-${String(n).padStart(8, "0")}`), shard: n % shards, due }),
    );
    await client.send(
      new BatchWriteItemCommand({ RequestItems: { [dynamo.table]: items.map((Item) => ({ PutRequest: { Item } })) } }),
    );
  }
  client.destroy();
}

type Sample = { readonly shards: number; readonly live: number; readonly reads: number; readonly writes: number };

async function idleSweep(engine: Engine, shards: number, live: number): Promise<Sample> {
  const here = await world(engine, shards);
  await fill(here, engine, live, shards);
  const pass = (): Promise<unknown> =>
    sweep(here.app, { period: seconds(10), until: after(here.app.clock.now(), seconds(25)) });
  await pass(); // the sign of life of this minute
  here.pass(seconds(10));
  here.sent.length = 0;
  await pass();
  const { rru, wru } = totals(here.sent);
  return { shards, live, reads: rru, writes: wru };
}

/** What deaths take beside the passes: until all that died are announced again, their backoff included. */
async function deaths(
  engine: Engine,
  live: number,
  dead: number,
): Promise<{ writes: number; reads: number; sqs: number }> {
  const here = await world(engine);
  for (let n = 0; n < dead; n += 1) await tokenOf(here, `dying-${n}`);
  here.pass(seconds(130));
  await fill(here, engine, live, 1);
  let writes = 0;
  let reads = 0;
  const requeues = here.app.requeues as typeof here.app.requeues & { readonly sent: readonly unknown[] };
  // A sweep declares as many lost by the clock as one may, and no more.
  for (let n = 0; n < 60 && requeues.sent.length < dead; n += 1) {
    here.sent.length = 0;
    await sweep(here.app, { period: seconds(10), until: after(here.app.clock.now(), seconds(3600)) });
    const found = totals(here.sent.filter((each) => !isOfPass(each)));
    writes += found.wru;
    reads += found.rru;
    here.pass(seconds(10));
  }
  if (requeues.sent.length !== dead) throw new Error(`${requeues.sent.length} of ${dead} were announced`);
  return { writes: writes / dead, reads: reads / dead, sqs: requeues.sent.length / dead };
}

/** `reads = a*shards + b*live`, by least squares of the relative errors: an idle sweep counts as much as a large one. */
function leastSquares(samples: readonly Sample[]): { readonly a: number; readonly b: number } {
  const sum = (of: (sample: Sample) => number): number =>
    samples.reduce((total, each) => total + of(each) / each.reads ** 2, 0);
  const [ss, sl, ll] = [
    sum(({ shards }) => shards ** 2),
    sum(({ shards, live }) => shards * live),
    sum(({ live }) => live ** 2),
  ];
  const [sr, lr] = [sum(({ shards, reads }) => shards * reads), sum(({ live, reads }) => live * reads)];
  const determinant = ss * ll - sl * sl;
  return { a: (sr * ll - lr * sl) / determinant, b: (ss * lr - sl * sr) / determinant };
}

export type SweepCost = {
  readonly rruPerShard: number;
  readonly rruPerLive: number;
  readonly wruWithoutDue: number;
  readonly perDeath: { readonly writes: number; readonly reads: number; readonly sqs: number };
  /** Of what beats cost in DynamoDB, one a minute, with sweeps every ten seconds over 1,000 live runs. */
  readonly shareOfBeats: number;
};

export async function sweepCost(engine: Engine): Promise<SweepCost> {
  const samples: Sample[] = [];
  for (const shards of [1, 4, 16])
    for (const live of [0, 1000, 8000]) samples.push(await idleSweep(engine, shards, live));
  const { a, b } = leastSquares(samples);
  const thousand = samples.find(({ shards, live }) => shards === 1 && live === 1000);
  const sweeps = usdOf(PRICES.read, 6 * (thousand?.reads ?? Number.NaN));
  const beats = usdOf(PRICES.write, 1000 * BEAT.writes);
  return {
    rruPerShard: a,
    rruPerLive: b,
    wruWithoutDue: Math.max(...samples.map(({ writes }) => writes)),
    perDeath: await deaths(engine, 2000, 40),
    shareOfBeats: sweeps / beats,
  };
}

export const unitFigures = (
  beats: Readonly<Record<string, BeatUnits>>,
  bytes: number,
  cost: SweepCost,
): readonly Figure[] => [
  ...Object.entries(beats).flatMap(([kind, { wru, rru, requests }]): Figure[] => [
    {
      name: `beat, ${kind}: writes`,
      value: wru,
      unit: "WRU",
      atMost: 1,
      beside: "floor 1: no smaller write; an index on the due time 3",
    },
    { name: `beat, ${kind}: reads`, value: rru, unit: "RRU", atMost: 0 },
    { name: `beat, ${kind}: requests`, value: requests, unit: "", atMost: 1 },
  ]),
  {
    name: "run item, usual: first attempt, 16 letters, an instance",
    value: usualBytes(),
    unit: "B",
    beside: "billed by the KB; a Node of Kubernetes was 15 KB before leases",
  },
  {
    name: "run item, with a deadline and eleven attempts behind it",
    value: bytes,
    unit: "B",
    atMost: 128,
    beside: "progress, where a runner tells it, comes on top: at most 200 B",
  },
  { name: "sweep: per shard", value: cost.rruPerShard, unit: "RRU", beside: "floor 0.5: the least of a query" },
  {
    name: "sweep: per live run",
    value: cost.rruPerLive,
    unit: "RRU",
    beside: "an index on the due time: 2 WRU more a beat",
  },
  { name: "sweep: writes when nothing is due", value: cost.wruWithoutDue, unit: "WRU", atMost: 0 },
  {
    name: "sweep: of the beats' cost, 1,000 usual runs",
    value: cost.shareOfBeats * 100,
    unit: "%",
    atMost: 2,
    beside: "beats once a minute, sweeps every 10 s",
  },
  {
    name: "death: writes",
    value: cost.perDeath.writes,
    unit: "WRU",
    atMost: 6,
    beside: "in all, its two verdicts and its backoff; floor 2: the lease, and a record",
  },
  { name: "death: reads", value: cost.perDeath.reads, unit: "RRU" },
  { name: "death: messages", value: cost.perDeath.sqs, unit: "SQS requests", atMost: 1 },
];
