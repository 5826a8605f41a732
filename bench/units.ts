import { BatchWriteItemCommand } from "@aws-sdk/client-dynamodb";
import { itemOf } from "../lib/adapters/aws/run-item.ts";
import { beat } from "../lib/app/beat.ts";
import { sweep } from "../lib/app/sweep.ts";
import type { Progress, Running } from "../lib/core/run.ts";
import { after, seconds } from "../lib/core/time.ts";
import { itemBytes } from "../lib/cost/dynamodb-units.ts";
import { PRICES, usdOf } from "../lib/cost/prices.ts";
import { BEAT, RUN_ITEM_BYTES } from "../lib/cost/units.ts";
import { TEXT_BYTES } from "../lib/wire/bounds.ts";
import { clientAt, type Engine } from "../test/contract/engines.ts";
import { running } from "../test/contract/samples.ts";
import { isOfPass, type Sent } from "../test/cost/meter.ts";
import { RUN, usualToken, type World, world } from "../test/cost/world.ts";
import type { Figure } from "./figure.ts";

const totals = (sent: readonly Sent[]): { wru: number; rru: number; indexWru: number; requests: number } => ({
  wru: sent.reduce((sum, { writes }) => sum + writes, 0),
  rru: sent.reduce((sum, { reads }) => sum + reads, 0),
  indexWru: 0, // the meter refuses a table with an index: test/cost/meter.ts
  requests: sent.length,
});

export type BeatUnits = ReturnType<typeof totals>;

/**
 * The units of beats: one that is accepted, one that is repeated (sent twice, or after its reply was lost), and one
 * that is fenced off.
 */
export async function beatUnits(engine: Engine): Promise<Readonly<Record<string, BeatUnits>>> {
  const here = await world(engine);
  const token = await usualToken(here.app);
  const counted = async (act: () => Promise<unknown>): Promise<BeatUnits> => {
    here.sent.length = 0;
    await act();
    return totals(here.sent);
  };
  here.pass(seconds(30));
  const accepted = await counted(() => beat(here.app, token, { value: 3, of: 7, note: "epoch 3" }));
  const repeated = await counted(() => beat(here.app, token));
  const fenced = await counted(() => beat(here.app, { ...token, fence: (token.fence - 1) as typeof token.fence }));
  return { accepted, repeated, fenced };
}

/** Bytes of a usual run item: an id of 16 letters, an instance, a first attempt. */
const usualBytes = (): number => itemBytes(itemOf(running(RUN)));

/** Bytes of the largest usual run item: with a deadline, and eleven attempts behind it. */
export const runItemBytes = (): number => itemBytes(itemOf({ ...running(RUN), ...BEHIND }));

const BATCH = 25;

/** Writes live runs beside the meter. `more`: what their items have beyond the usual ones. */
async function fill(
  { dynamo, app }: World,
  engine: Engine,
  { live, shards, more = {} }: { readonly live: number; readonly shards: number; readonly more?: Partial<Running> },
): Promise<void> {
  const client = clientAt(engine.endpoint);
  const due = after(app.clock.now(), seconds(3600));
  for (let first = 0; first < live; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, live - first) }, (_, n) => first + n);
    const items = numbers.map((n) =>
      itemOf({ ...running(`nightly-${String(n).padStart(8, "0")}`), shard: n % shards, ...more, due }),
    );
    await client.send(
      new BatchWriteItemCommand({ RequestItems: { [dynamo.table]: items.map((Item) => ({ PutRequest: { Item } })) } }),
    );
  }
  client.destroy();
}

type Sample = {
  readonly shards: number;
  readonly live: number;
  readonly due: number;
  /** Bytes of each run item. */
  readonly bytes: number;
  readonly reads: number;
  readonly writes: number;
};

/** One sweep over `live` runs, of which `due` have run out. */
async function sampled(
  engine: Engine,
  { shards, live, due = 0, more = {} }: { shards: number; live: number; due?: number; more?: Partial<Running> },
): Promise<Sample> {
  const here = await world(engine, shards);
  for (let n = 0; n < due; n += 1) await usualToken(here.app, `dying-${n}`);
  here.pass(seconds(110));
  await fill(here, engine, { live: live - due, shards, more });
  const pass = (): ReturnType<typeof sweep> =>
    sweep(here.app, { period: seconds(10), until: after(here.app.clock.now(), seconds(25)) });
  await pass(); // the sign of life of this minute
  here.pass(seconds(20));
  here.sent.length = 0;
  const counts = await pass();
  if (counts?.reaped !== due) throw new Error(`${counts?.reaped} of ${due} were declared lost`);
  const { rru, wru } = totals(here.sent);
  return { shards, live, due, bytes: itemBytes(itemOf({ ...running(RUN), ...more })), reads: rru, writes: wru };
}

/** What deaths take besides the passes, until all dead runs are announced again, including their backoff. */
async function deaths(
  engine: Engine,
  live: number,
  dead: number,
): Promise<{ writes: number; reads: number; sqs: number }> {
  const here = await world(engine);
  for (let n = 0; n < dead; n += 1) await usualToken(here.app, `dying-${n}`);
  here.pass(seconds(130));
  await fill(here, engine, { live, shards: 1 });
  let writes = 0;
  let reads = 0;
  const requeues = here.app.requeues as typeof here.app.requeues & { readonly sent: readonly unknown[] };
  // One sweep declares only a bounded number lost by the clock.
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

/**
 * The factor of each quantity, by least squares, so that `value` is about the sum of the quantities times their
 * factors. The squares are divided by the value: a large sweep may miss by more units than an idle one, but by a
 * smaller share.
 */
function leastSquares(rows: readonly { readonly of: readonly number[]; readonly value: number }[]): readonly number[] {
  const count = rows[0]?.of.length ?? 0;
  const weighted = (x: (row: (typeof rows)[number]) => number, y: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((sum, row) => sum + (x(row) * y(row)) / row.value, 0);
  const quantity = (n: number) => (row: (typeof rows)[number]) => row.of[n] ?? 0;
  const system = Array.from({ length: count }, (_, i) => [
    ...Array.from({ length: count }, (__, j) => weighted(quantity(i), quantity(j))),
    weighted(quantity(i), ({ value }) => value),
  ]);
  // Gauss-Jordan elimination: what is left of each line is its factor. The sums of squares on the diagonal are never 0.
  system.forEach((line, i) => {
    const pivot = line[i] ?? Number.NaN;
    system[i] = line.map((each) => each / pivot);
    system.forEach((other, j) => {
      const times = other[i] ?? Number.NaN;
      if (i !== j) system[j] = other.map((each, n) => each - times * (system[i]?.[n] ?? Number.NaN));
    });
  });
  return system.map((line) => line.at(-1) ?? Number.NaN);
}

/** A deadline, and eleven attempts behind it: the largest usual run item. */
const BEHIND: Partial<Running> = {
  attempt: 12,
  charges: "iiilisiiilc",
  lastRenewable: after(running(RUN).due, seconds(3600)),
};

/** The longest progress that the API takes. */
const LONGEST: Progress = {
  value: -1.2345678901234567e-129,
  of: -1.2345678901234567e-129,
  note: "x".repeat(TEXT_BYTES),
};

/** The cost of a sweep every ten seconds, as a share of what beats cost in DynamoDB at one beat a minute. */
const shareOf = ({ live, reads }: Sample): number =>
  usdOf(PRICES.read, 6 * reads) / usdOf(PRICES.write, live * BEAT.writes);

export type SweepCost = {
  /** What a sweep reads, whatever it finds. */
  readonly rruPerSweep: number;
  readonly rruPerShard: number;
  readonly rruPerLive: number;
  /** What one verdict reads, besides the pass. */
  readonly rruPerDue: number;
  /** The largest difference between the sum of these and what was counted, as a share of the latter. */
  readonly worstMiss: number;
  /** What one sweep over 1,000 usual runs reads, as counted. */
  readonly rruOverThousand: number;
  readonly wruWithoutDue: number;
  readonly perDeath: { readonly writes: number; readonly reads: number; readonly sqs: number };
  readonly shareOfBeats: readonly { readonly live: number; readonly bytes: number; readonly share: number }[];
};

export async function sweepCost(engine: Engine): Promise<SweepCost> {
  const samples: Sample[] = [];
  for (const shards of [1, 4, 16])
    for (const [live, due] of [
      [0, 0],
      [1000, 0],
      [8000, 0],
      [1000, 10],
      [8000, 80],
    ] as const)
      samples.push(await sampled(engine, { shards, live, due }));
  const rows = samples.map(({ shards, live, due, reads }) => ({ of: [1, shards, live, due], value: reads }));
  const factors = leastSquares(rows);
  const [each = Number.NaN, a = Number.NaN, b = Number.NaN, c = Number.NaN] = factors;
  const missed = rows.map(({ of, value }) => {
    const fitted = of.reduce((sum, quantity, n) => sum + quantity * (factors[n] ?? Number.NaN), 0);
    return Math.abs(fitted - value) / value;
  });
  const idle = (runs: number): Sample => {
    const found = samples.find(({ shards, live, due }) => shards === 1 && live === runs && due === 0);
    if (found === undefined) throw new Error(`no sweep over ${runs} live runs was counted`);
    return found;
  };
  const larger = await sampled(engine, { shards: 1, live: 1000, more: BEHIND });
  const talking = await sampled(engine, { shards: 1, live: 1000, more: { ...BEHIND, progress: LONGEST } });
  return {
    rruPerSweep: each,
    rruPerShard: a,
    rruPerLive: b,
    rruPerDue: c,
    worstMiss: Math.max(...missed),
    rruOverThousand: idle(1000).reads,
    wruWithoutDue: Math.max(...samples.filter(({ due }) => due === 0).map(({ writes }) => writes)),
    perDeath: await deaths(engine, 2000, 40),
    shareOfBeats: [idle(1000), idle(8000), larger, talking].map((sample) => ({
      live: sample.live,
      bytes: sample.bytes,
      share: shareOf(sample),
    })),
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
      beside: "floor 1: the smallest write; with an index on the due time 3",
    },
    { name: `beat, ${kind}: reads`, value: rru, unit: "RRU", atMost: 0 },
    { name: `beat, ${kind}: requests`, value: requests, unit: "", atMost: 1 },
  ]),
  {
    name: "run item, usual: first attempt, 16 letters, an instance",
    value: usualBytes(),
    unit: "B",
    beside: "billed by the KB; a Node object of Kubernetes was 15 KB before leases",
  },
  {
    name: "run item, with a deadline and eleven attempts behind it",
    value: bytes,
    unit: "B",
    atMost: 128,
    beside: `progress that a runner reports adds at most ${itemBytes(itemOf({ ...running(RUN), progress: LONGEST })) - usualBytes()} B`,
  },
  {
    name: "sweep: constant part",
    value: cost.rruPerSweep,
    unit: "RRU",
    beside: "floor 0.5: to read when the last sweep was",
  },
  { name: "sweep: per shard", value: cost.rruPerShard, unit: "RRU", beside: "floor 0.5: the smallest query" },
  {
    name: "sweep: per live run",
    value: cost.rruPerLive,
    unit: "RRU",
    beside: "with an index on the due time instead: 2 WRU more a beat",
  },
  { name: "sweep: per run that is due", value: cost.rruPerDue, unit: "RRU", beside: "its verdict, in the same sweep" },
  {
    name: "sweep: largest error of the sum of these",
    value: cost.worstMiss * 100,
    unit: "%",
    atMost: 25,
    beside:
      "compared with 15 counted sweeps over up to 8,000 runs in 1, 4 and 16 shards; a page of one run is billed like one of 40",
  },
  { name: "sweep: writes when nothing is due", value: cost.wruWithoutDue, unit: "WRU", atMost: 0 },
  ...cost.shareOfBeats.map(
    ({ live, bytes: each, share }): Figure => ({
      name: `sweep: share of the beats' cost, ${live.toLocaleString("en")} runs of ${each} B`,
      value: share * 100,
      unit: "%",
      ...(each <= RUN_ITEM_BYTES && { atMost: 2 }),
      beside:
        each <= RUN_ITEM_BYTES
          ? "beats once a minute, sweeps every 10 s"
          : "when every run reports the longest progress",
    }),
  ),
  {
    name: "death: writes, of 40 at once",
    value: cost.perDeath.writes,
    unit: "WRU",
    atMost: 8,
    beside:
      "includes its two verdicts and its backoff; a single death takes 8, with the start of its sweep; floor 2: the lease and a record",
  },
  { name: "death: reads", value: cost.perDeath.reads, unit: "RRU" },
  { name: "death: messages", value: cost.perDeath.sqs, unit: "SQS requests", atMost: 1 },
];
