import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { memoryHosts } from "../lib/adapters/memory/hosts.ts";
import { memoryControl, memoryNotices, memoryOddities, memoryRequeues } from "../lib/adapters/memory/plumbing.ts";
import { memoryEndedRuns, memoryLedger, memoryResults, memorySpecs } from "../lib/adapters/memory/records.ts";
import type { App } from "../lib/app/app.ts";
import { beat } from "../lib/app/beat.ts";
import { claim } from "../lib/app/claim.ts";
import { RETENTION } from "../lib/app/retention.ts";
import { sweep } from "../lib/app/sweep.ts";
import { asFence } from "../lib/core/run.ts";
import { DEFAULTS, type Spec } from "../lib/core/spec.ts";
import { type Instant, instant, milliseconds, seconds } from "../lib/core/time.ts";
import { type Claims, parseBearer } from "../lib/wire/credentials.ts";
import type { RequeueEvent } from "../lib/wire/requeue.ts";
import { seededDice } from "../test/sim/dice.ts";
import { fleetRuns } from "./fleet.ts";

/**
 * Many runners for a long virtual time, through the use cases that the Lambdas call. Each beats once a minute, and a
 * sweep passes every ten seconds. Some die, are declared lost, announced, and claimed again. Prints one line of JSON.
 * The same seed gives the same digest.
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

const { roll } = seededDice(Number(values.seed));
let now: Instant = instant(START);
const SPEC: Spec = { ...DEFAULTS, lease: LEASE, backoff: { ...DEFAULTS.backoff, base: milliseconds(0) } };
const REGISTRATION = { fence: asFence(1), registeredAt: instant(START), hash: "", spec: SPEC };
const fleet = fleetRuns({ runs: RUNS, shards: SHARDS, lease: LEASE, start: instant(START), spread: BEAT_SECONDS });
const requeues = memoryRequeues();
const app: App = {
  clock: { now: () => now },
  dice: { roll },
  retention: RETENTION,
  keys: { all: async () => [{ id: "k1", secret: new Uint8Array(32) }] },
  log: { write: () => {} },
  runs: fleet,
  // A million copies of the same registration would show nothing more.
  specs: { ...memorySpecs(), read: async (run) => ({ ...REGISTRATION, run, shard: fleet.shardOf(run) }) },
  ledger: memoryLedger(),
  results: memoryResults(),
  endedRuns: memoryEndedRuns(),
  hosts: memoryHosts(),
  control: memoryControl(SHARDS),
  requeues,
  notices: memoryNotices(),
  oddities: memoryOddities(),
};

/** Which runners beat in which second of the minute: first attempts by their numbers, later ones by their tokens. */
const firsts = Array.from({ length: BEAT_SECONDS }, (_, at) => {
  const numbers = new Int32Array(Math.ceil((RUNS - at) / BEAT_SECONDS));
  for (let n = 0; n < numbers.length; n += 1) numbers[n] = at + n * BEAT_SECONDS;
  return { numbers, alive: numbers.length };
});
const later: Claims[][] = Array.from({ length: BEAT_SECONDS }, () => []);

const minutesOf = Array.from({ length: DEATHS }, () => Math.floor(roll() * MINUTES * 60));
const deaths = new Map<number, number>();
for (const at of minutesOf) deaths.set(at, (deaths.get(at) ?? 0) + 1);

const digest = createHash("sha256");
const counted = { beats: 0, refused: 0, deaths: 0, findable: 0, announced: 0, claimed: 0, reaped: 0, frozen: 0 };

/** One of the runners that would beat now is silent from now on. */
function die(these: { readonly numbers: Int32Array; alive: number }): void {
  const at = Math.floor(roll() * these.alive);
  these.alive -= 1;
  these.numbers[at] = these.numbers[these.alive] as number;
  counted.deaths += 1;
  // Its last beat was up to a minute before. The lease and a sweep follow, so later deaths are found after the end.
  if (now + LEASE + 60_000 < START + MINUTES * 60_000) counted.findable += 1;
}

async function beats(token: Claims): Promise<void> {
  const { kind } = await beat(app, token);
  counted.beats += 1;
  if (kind !== "renewed") counted.refused += 1;
}

const before = process.cpuUsage();
const started = performance.now();
let read = 0;
for (let at = 0; at < MINUTES * 60; at += 1) {
  now = instant(START + at * 1000);
  const these = firsts[at % BEAT_SECONDS] ?? { numbers: new Int32Array(), alive: 0 };
  for (let n = deaths.get(at) ?? 0; n > 0 && these.alive > 0; n -= 1) die(these);
  for (let n = 0; n < these.alive; n += 1) await beats(fleet.token(these.numbers[n] as number));
  for (const token of later[at % BEAT_SECONDS] ?? []) await beats(token);
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
    later[(at + BEAT_SECONDS - 1) % BEAT_SECONDS]?.push(claims);
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
