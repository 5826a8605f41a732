import { memoryHosts } from "../../lib/adapters/memory/hosts.ts";
import { memoryControl, memoryNotices, memoryOddities, memoryRequeues } from "../../lib/adapters/memory/plumbing.ts";
import { memoryEndedRuns, memoryLedger, memoryResults, memorySpecs } from "../../lib/adapters/memory/records.ts";
import { memoryRuns } from "../../lib/adapters/memory/runs.ts";
import { type Answer, interpret } from "../../lib/agent/answer.ts";
import { isBeatBody, isClaimBody, isFinishBody } from "../../lib/agent/client.ts";
import { type Action, type Heart, type Input, newHeart, requestTimeout, step, wakeAt } from "../../lib/agent/heart.ts";
import type { App } from "../../lib/app/app.ts";
import { beat } from "../../lib/app/beat.ts";
import { canary } from "../../lib/app/canary.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { notice } from "../../lib/app/notice.ts";
import { register } from "../../lib/app/register.ts";
import { RETENTION } from "../../lib/app/retention.ts";
import { sweep } from "../../lib/app/sweep.ts";
import { DEFAULTS, type Spec } from "../../lib/core/spec.ts";
import { after, type Instant, instant, type Span, seconds } from "../../lib/core/time.ts";
import { type Claims, parseBearer } from "../../lib/wire/credentials.ts";
import { type HttpReply, httpReply } from "../../lib/wire/replies.ts";
import { type Dice, seededDice } from "./dice.ts";

const START = instant(1795348800000);
const PERIOD = seconds(10);
/** How long a request takes, there and back. */
const LATENCY = seconds(0.05);
/** When something happens. All runs have beaten for a while by then. */
const HAPPENS_AT = after(START, seconds(600));
/** Long enough after the longest outage for 15 minutes and for every lease to run out. */
const END_AFTER = seconds(2400);

/** What a fleet is made of, and what happens to it. */
export type Scenario = {
  readonly runs: number;
  /** How many runs are on one host; by default each run has a host of its own. */
  readonly runsPerHost?: number;
  /** Leases in seconds. Each run has one of these by chance. */
  readonly leases: Leases;
  /** How many of a hundred runs go on when they are cut off. */
  readonly goOn: number;
  /** The outages of the front door in seconds, one after another, with gaps between them. */
  readonly away?: readonly (readonly [gap: number, length: number])[];
  /** How many runs die at any time from a minute before the first outage to the end of the last. */
  readonly dying?: number;
  /** How many hosts die at once, a minute after `HAPPENS_AT`. */
  readonly hostsDying?: number;
  /** Half of the hosts are drained, with an hour of time, and the attempts there work on. */
  readonly isHalfDrained?: boolean;
  readonly hasCanary?: boolean;
  /** What takes the front door away also takes the sweeps and the canary away, as the loss of the table would. */
  readonly isAllAway?: boolean;
};

/** What the scenario did to the fleet. */
export type Damage = {
  readonly runs: number;
  /** Declared lost while their child was at work and their agent alive. */
  readonly lostHealthy: number;
  /** Stopped by their own agent, because no beat was acknowledged in time. */
  readonly fenced: number;
  /** Of these, how many were charged to nothing. */
  readonly forgiven: number;
  readonly dead: number;
  /** Seconds from death to verdict: the median and the longest. */
  readonly found: { readonly median: number; readonly longest: number };
};

/** One clock, and what happens at which time. */
class Clockwork {
  now: Instant = START;
  private readonly queue = new Map<Instant, (() => void | Promise<void>)[]>();
  private readonly times: Instant[] = [];

  at(time: Instant, act: () => void | Promise<void>): void {
    const due = time < this.now ? this.now : time;
    const acts = this.queue.get(due);
    if (acts === undefined) {
      this.queue.set(due, [act]);
      this.insert(due);
    } else acts.push(act);
  }

  /** Keeps the times in order, the latest first, by bisection. */
  private insert(time: Instant): void {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle] ?? 0) > time) low = middle + 1;
      else high = middle;
    }
    this.times.splice(low, 0, time);
  }

  async runUntil(end: Instant): Promise<void> {
    for (let time = this.times.pop(); time !== undefined && time <= end; time = this.times.pop()) {
      this.now = time;
      const acts = this.queue.get(time) ?? [];
      for (let next = acts.shift(); next !== undefined; next = acts.shift()) await next();
      this.queue.delete(time);
    }
  }
}

/** What a runner knows of the world around it. */
type Around = { readonly clock: Clockwork; readonly app: App; readonly dice: Dice; readonly isAway: () => boolean };

type Fate = { diedAt?: Instant; foundAt?: Instant; isFenced: boolean; isLostHealthy: boolean; isForgiven: boolean };

/** One agent with its real heart. Its child works on until it is told to stop. */
class Runner {
  readonly fate: Fate = { isFenced: false, isLostHealthy: false, isForgiven: false };
  isAtWork = false;
  isAlive = true;
  private heart: Heart;
  private readonly clock: Clockwork;
  private readonly app: App;
  private readonly dice: Dice;
  private readonly claims: Claims;
  readonly host: string;
  private readonly isAway: () => boolean;
  private readonly timeout: Span;

  constructor({ clock, app, dice, isAway }: Around, ticket: string, host: string) {
    const claims = parseBearer(`Bearer ${ticket}`)?.claims;
    if (claims === undefined) throw new Error("no ticket");
    this.clock = clock;
    this.app = app;
    this.dice = dice;
    this.claims = claims;
    this.host = host;
    this.isAway = isAway;
    this.timeout = requestTimeout(claims.lease);
    this.heart = newHeart(claims.lease, clock.now);
  }

  get run(): string {
    return this.claims.run;
  }

  hear(input: Input): void {
    if (!this.isAlive) return;
    const next = step(this.heart, input, this.clock.now, this.dice.roll());
    this.heart = next.heart;
    for (const action of next.actions) this.perform(action);
    const wake = wakeAt(this.heart);
    if (wake !== undefined) this.clock.at(wake, () => this.hear({ kind: "wake" }));
  }

  vanish(): void {
    if (!this.isAlive) return; // it has stopped itself already, and there is nothing to find
    this.fate.diedAt = this.clock.now;
    this.isAlive = false;
    this.isAtWork = false;
  }

  private perform(action: Action): void {
    const sentAt = this.clock.now;
    switch (action.do) {
      case "claim":
        this.ask<never>(this.claim, isClaimBody, (answer) => this.hear({ kind: "claimed", sentAt, answer }));
        return;
      case "beat":
        this.ask<never>(
          async () => httpReply(await beat(this.app, this.claims)),
          isBeatBody,
          (answer) => this.hear({ kind: "beaten", sentAt, answer }),
        );
        return;
      case "finish":
        this.fate.isFenced ||= action.report.reason === "self-fenced";
        this.ask<never>(
          async () => httpReply(await finish(this.app, this.claims, action.report)),
          isFinishBody,
          (answer) => this.hear({ kind: "reported", answer }),
        );
        return;
      case "start":
        this.isAtWork = true;
        return;
      case "signal": // it works on while it may, and obeys every other signal at once
        if (action.signal === "SIGTERM" && this.heart.phase === "beating" && this.heart.stop?.why === "drain") return;
        this.isAtWork = false;
        this.clock.at(this.clock.now, () => this.hear({ kind: "exited", end: { signal: "SIGTERM", status: 143 } }));
        return;
      case "notice":
        return;
      case "exit":
        this.isAlive = false;
    }
  }

  private readonly claim = async (): Promise<HttpReply> => {
    const id = this.run.length.toString(16).padStart(32, "0");
    const { reply, token } = await claim(this.app, this.claims, { id, host: this.host });
    return httpReply(reply, token);
  };

  private ask<T>(
    use: () => Promise<HttpReply>,
    isExpected: (body: object) => boolean,
    hear: (answer: Answer<T>) => void,
  ): void {
    const { clock } = this;
    if (this.isAway()) {
      clock.at(after(clock.now, this.timeout), () => hear({ kind: "unclear", detail: "timed out" }));
      return;
    }
    clock.at(after(clock.now, LATENCY), async () => {
      const { status, body } = await use();
      hear(interpret<T>(status, body, isExpected));
    });
  }
}

/** Leases in seconds as fleets mix them. */
export type Leases = readonly [number, ...number[]];

const specFor = (dice: Dice, { leases, goOn }: Scenario): Spec => ({
  ...DEFAULTS,
  lease: seconds(dice.pick(leases)),
  onCutOff: dice.chance(goOn / 100) ? "continue" : "stop",
  onNotice: "drain",
  backoff: { base: seconds(0), max: seconds(0) },
});

/** When the front door is away. */
function outagesOf({ away = [] }: Scenario): readonly { readonly from: Instant; readonly to: Instant }[] {
  let at = HAPPENS_AT;
  return away.map(([gap, length]) => {
    const from = after(at, seconds(gap));
    at = after(from, seconds(length));
    return { from, to: at };
  });
}

/** Plays what happens to the fleet. The seed decides what is left to chance. */
export async function play(scenario: Scenario, seed: number): Promise<Damage> {
  const { runs, runsPerHost = 1, dying = 0, hostsDying = 0, isHalfDrained = false, hasCanary = true } = scenario;
  const { isAllAway = false } = scenario;
  const dice = seededDice(seed);
  const clock = new Clockwork();
  const outages = outagesOf(scenario);
  const until = outages.at(-1)?.to ?? HAPPENS_AT;
  const isAway = (): boolean => outages.some(({ from, to }) => clock.now >= from && clock.now < to);
  const ledger = memoryLedger();
  const byRun = new Map<string, Runner>();
  const app: App = {
    retention: RETENTION,
    clock: { now: () => clock.now },
    dice,
    keys: { all: async () => [{ id: "k1", secret: Buffer.alloc(32, 1) }] },
    log: { write: () => {} },
    runs: memoryRuns(),
    specs: memorySpecs(),
    ledger: {
      ...ledger,
      end: (run, end, ...rest) => {
        const runner = byRun.get(run);
        if (runner !== undefined && end.attempt === 1) ended(runner, end.cause, clock.now);
        return ledger.end(run, end, ...rest);
      },
    },
    results: memoryResults(),
    endedRuns: memoryEndedRuns(),
    hosts: memoryHosts(),
    control: memoryControl(4),
    requeues: memoryRequeues(),
    notices: memoryNotices(),
    oddities: memoryOddities(),
  };
  const hostOf = (number: number): string => `host-${Math.floor(number / runsPerHost)}`;
  for (let number = 0; number < runs; number += 1)
    clock.at(instant(START + dice.between(0, 120_000)), async () => {
      const made = await register(app, `run-${number}`, specFor(dice, scenario));
      if (made.kind !== "registered" || made.ticket === undefined) throw new Error("not registered");
      const runner = new Runner({ clock, app, dice, isAway }, made.ticket, hostOf(number));
      byRun.set(runner.run, runner);
      runner.hear({ kind: "wake" });
    });
  const span = Math.max(0, until - HAPPENS_AT);
  for (let number = 0; number < dying; number += 1)
    clock.at(instant(HAPPENS_AT + dice.between(-60_000, span)), () => byRun.get(`run-${number}`)?.vanish());
  const dead = new Set(Array.from({ length: hostsDying }, (_, host) => `host-${host}`));
  clock.at(after(HAPPENS_AT, seconds(60)), () => {
    for (const runner of byRun.values()) if (dead.has(runner.host)) runner.vanish();
  });
  if (isHalfDrained)
    for (let host = Math.ceil(runs / runsPerHost / 2); host < runs / runsPerHost; host += 1)
      clock.at(HAPPENS_AT, async () => {
        const { now } = clock;
        const deadline = after(now, seconds(7200));
        const evidence = { id: "drain", source: "lastbeat", kind: "drain", at: now, deadline } as const;
        await notice(app, { host: `host-${host}`, evidence });
      });
  const end = after(until, END_AFTER);
  let previous: Instant | undefined;
  for (let at = after(START, PERIOD); at < end; at = after(at, PERIOD))
    clock.at(at, async () => {
      if (isAllAway && isAway()) return;
      await sweep(app, { period: PERIOD, until: after(at, PERIOD), previous });
      previous = at;
    });
  // The canary comes at a random second of the minute.
  for (let at = after(START, seconds(dice.between(1, 60))); hasCanary && at < end; at = after(at, seconds(60)))
    clock.at(at, async () => {
      if (isAllAway && isAway()) return;
      await canary(
        app,
        async () => !isAway(),
        async () => {},
      );
    });
  await clock.runUntil(end);
  return damageOf([...byRun.values()]);
}

/** The causes that a verdict finds, whatever explains the end. All others are the runner's own words. */
const ENDED_BY_US: ReadonlySet<string> = new Set(["lost", "interrupted"]);

/** The first attempt of a run has ended. Was that a mistake, and how long did it take? */
function ended(runner: Runner, cause: string, now: Instant): void {
  const { fate } = runner;
  if (fate.diedAt !== undefined) fate.foundAt ??= now;
  else if (ENDED_BY_US.has(cause) && runner.isAtWork) fate.isLostHealthy = true;
  if (cause === "cut-off") fate.isForgiven = true;
}

function damageOf(runners: readonly Runner[]): Damage {
  const fates = runners.map(({ fate }) => fate);
  const took = fates
    .flatMap(({ diedAt, foundAt }) =>
      diedAt === undefined || foundAt === undefined ? [] : [(foundAt - diedAt) / 1000],
    )
    .sort((one, other) => one - other);
  const dead = fates.filter(({ diedAt }) => diedAt !== undefined).length;
  if (took.length !== dead) throw new Error(`${dead - took.length} dead runs were never found`);
  return {
    runs: runners.length,
    lostHealthy: fates.filter(({ isLostHealthy }) => isLostHealthy).length,
    fenced: fates.filter(({ isFenced }) => isFenced).length,
    forgiven: fates.filter(({ isForgiven }) => isForgiven).length,
    dead,
    found: { median: took[Math.floor(took.length / 2)] ?? 0, longest: took.at(-1) ?? 0 },
  };
}
