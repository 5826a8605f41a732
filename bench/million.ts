import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import type { App } from "../lib/app/app.ts";
import { beat } from "../lib/app/beat.ts";
import { claim } from "../lib/app/claim.ts";
import { RETENTION } from "../lib/app/retention.ts";
import { sweep } from "../lib/app/sweep.ts";
import { fence, type Running } from "../lib/core/run.ts";
import { DEFAULTS, type Spec } from "../lib/core/spec.ts";
import { type Instant, instant, milliseconds, seconds } from "../lib/core/time.ts";
import { memoryHosts } from "../lib/memory/hosts.ts";
import { memoryControl, memoryNotices, memoryOddities, memoryRequeues } from "../lib/memory/plumbing.ts";
import { memoryEndedRuns, memoryLedger, memoryResults, memorySpecs } from "../lib/memory/records.ts";
import { memoryRuns } from "../lib/memory/runs.ts";
import { type Claims, parseBearer } from "../lib/wire/credentials.ts";
import type { RequeueEvent } from "../lib/wire/requeue.ts";

/**
 * So many runners for so long in virtual time, through the use cases that the Lambdas call: each beats once a minute, a sweep
 * passes every ten seconds, some die, are declared lost, announced, and claimed again. Prints one line of JSON. The same
 * seed gives the same digest.
 */
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000000" },
    minutes: { type: "string", default: "60" },
    deaths: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
  },
});
const [RUNS, MINUTES, DEATHS] = [Number(values.runs), Number(values.minutes), Number(values.deaths)];
const SHARDS = Math.max(1, Math.ceil(RUNS / 30_000));
const BEAT_SECONDS = 60;
/** Two beats in a row may fail. */
const LEASE = seconds(4 * BEAT_SECONDS);
const SWEEP_SECONDS = 10;
const START = Date.parse("2026-11-23T12:00:00Z");

/** Mulberry32: a small generator with a seed, good enough to choose who dies when. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const roll = dice(Number(values.seed));
let now: Instant = instant(START);
const SPEC: Spec = { ...DEFAULTS, lease: LEASE, backoff: { ...DEFAULTS.backoff, base: milliseconds(0) } };
const REGISTRATION = { fence: fence(1), registeredAt: instant(START), hash: "", spec: SPEC };
const runs = memoryRuns();
const requeues = memoryRequeues();
const app: App = {
  clock: { now: () => now },
  dice: { roll },
  retention: RETENTION,
  keys: { all: async () => [{ id: "k1", secret: new Uint8Array(32) }] },
  log: { write: () => {} },
  runs,
  // A million copies of the same registration would tell nothing.
  specs: { ...memorySpecs(), read: async (run) => ({ ...REGISTRATION, run, shard: Number(run.slice(1)) % SHARDS }) },
  ledger: memoryLedger(),
  results: memoryResults(),
  endedRuns: memoryEndedRuns(),
  hosts: memoryHosts(),
  control: memoryControl(SHARDS),
  requeues,
  notices: memoryNotices(),
  oddities: memoryOddities(),
};

/** Who beats in which second of the minute. A run that was declared lost is held by its claim until the next attempt's. */
const beating: Claims[][] = Array.from({ length: BEAT_SECONDS }, () => []);
for (let n = 0; n < RUNS; n += 1) {
  const run: Running = {
    run: `r${n}`,
    shard: n % SHARDS,
    state: "running",
    attempt: 1,
    fence: fence(1),
    rev: 1,
    charges: "",
    due: instant(START + LEASE + (n % BEAT_SECONDS) * 1000),
    lease: LEASE,
    holder: "00112233445566778899aabbccddeeff",
    claimedAt: instant(START),
  };
  await runs.create(run);
  beating[n % BEAT_SECONDS]?.push(run);
}

const minutesOf = Array.from({ length: DEATHS }, () => Math.floor(roll() * MINUTES * 60));
const deaths = new Map<number, number>();
for (const at of minutesOf) deaths.set(at, (deaths.get(at) ?? 0) + 1);

const digest = createHash("sha256");
const counted = { beats: 0, refused: 0, deaths: 0, announced: 0, claimed: 0, reaped: 0, frozen: 0 };

/** Somebody of those who would beat now says nothing from now on. */
function die(these: Claims[]): void {
  const at = Math.floor(roll() * these.length);
  const last = these.pop();
  if (last !== undefined && at < these.length) these[at] = last;
  counted.deaths += 1;
}

const before = process.cpuUsage();
const started = performance.now();
let read = 0;
for (let at = 0; at < MINUTES * 60; at += 1) {
  now = instant(START + at * 1000);
  const these = beating[at % BEAT_SECONDS] ?? [];
  for (let n = deaths.get(at) ?? 0; n > 0 && these.length > 0; n -= 1) die(these);
  for (const token of these) {
    const { kind } = await beat(app, token);
    if (kind !== "renewed") counted.refused += 1;
  }
  counted.beats += these.length;
  if (at % SWEEP_SECONDS !== 0) continue;
  const counts = await sweep(app, { period: seconds(SWEEP_SECONDS), until: instant(now + 60_000) });
  counted.reaped += counts?.reaped ?? 0;
  counted.frozen += counts?.frozen ?? 0;
  for (; read < requeues.sent.length; read += 1) {
    const { data } = JSON.parse(requeues.sent[read]?.body ?? "") as RequeueEvent;
    digest.update(`${at} ${data.run} ${data.next.attempt}\n`);
    counted.announced += 1;
    const ticket = parseBearer(`Bearer ${data.next.ticket}`)?.claims;
    if (ticket === undefined) throw new Error("a message without a ticket");
    const { token } = await claim(app, ticket, { id: createHash("md5").update(data.next.ticket).digest("hex") });
    const claims = parseBearer(`Bearer ${token}`)?.claims;
    if (claims === undefined) continue;
    counted.claimed += 1;
    beating[(at + BEAT_SECONDS - 1) % BEAT_SECONDS]?.push(claims);
  }
}
const wallSeconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(before);
digest.update(JSON.stringify(counted));
console.log(
  JSON.stringify({
    runs: RUNS,
    virtualMinutes: MINUTES,
    ...counted,
    digest: digest.digest("hex").slice(0, 16),
    wallSeconds: Number(wallSeconds.toFixed(1)),
    cpuSeconds: Number(((user + system) / 1e6).toFixed(1)),
    peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
