import { createHash } from "node:crypto";
import type { Input } from "../../lib/agent/heart.ts";
import { after, type Instant, instant, milliseconds, type Span, seconds } from "../../lib/core/time.ts";
import { type Dice, seededDice } from "./dice.ts";

/** This schedule broke a promise of Lastbeat. */
export class Violation extends Error {}

/** A process that can vanish at any point: a Lambda invocation, or a pod. What it waits for is then never answered. */
export type Process = {
  readonly name: string;
  readonly kind: "lambda" | "pod" | "client";
  readonly born: Instant;
  /** The step at which it began. */
  readonly bornAt: number;
  /** How long it may run, if it is a Lambda. */
  readonly limit: Span;
  /** How far its clock is ahead of the world's. */
  readonly skew: Span;
  /** What it is about, if it processes evidence about hosts or attempts. */
  readonly about?: About;
  isAlive: boolean;
};

/** What evidence may move: attempts on these hosts, and this attempt. */
export type About = {
  readonly hosts: readonly string[];
  readonly attempt?: { readonly run: string; readonly fence: number };
};

type Step = { readonly process: Process; readonly name: string; readonly act: () => void };
type Timer = { readonly at: Instant; readonly process: Process | undefined; readonly act: () => void };

/** Clocks of Lambdas differ by at most this. The agent's margin, a twelfth of the lease, is more than twice that. */
export const SKEW = milliseconds(500);
/** A Lambda is cut off after this, unless it is a sweep. */
export const LIMIT = seconds(10);
/** The 22nd of November 2026, 12:00. */
const START = instant(1795348800000);

/** Something that happened to an agent. */
export type Heard = {
  readonly agent: string;
  readonly lease: Span;
  /** When the agent started. */
  readonly start: Instant;
  readonly now: Instant;
  readonly roll: number;
  readonly input: Input;
};

/**
 * One seeded clock and one scheduler. Every call that a process makes to the outside is a step; the world picks which
 * step comes next, lets time pass, and may let a process vanish between any two of its steps.
 */
export class World {
  now: Instant = START;
  /** While there is chaos, processes vanish, replies get lost, and requests come twice. */
  isChaotic = true;
  readonly dice: Dice;
  heard: ((heard: Heard) => void) | undefined;
  /** Rises with every call to the outside and every timer. */
  moment = 0;
  readonly counts = new Map<string, number>();
  readonly trace: string[] = [];
  private steps: Step[] = [];
  private timers: Timer[] = [];
  private readonly hash = createHash("sha256");
  private failure: Violation | undefined;

  constructor(seed: number) {
    this.dice = seededDice(seed);
  }

  log(line: string): void {
    const dated = `${((this.now - START) / 1000).toFixed(2).padStart(8)}  ${line}`;
    this.hash.update(dated);
    this.trace.push(dated);
  }

  /** It is the same for two runs of the same seed, or something is not decided by the seed alone. */
  fingerprint(): string {
    return this.hash.copy().digest("hex");
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  fail(what: string): void {
    this.log(`VIOLATION ${what}`);
    this.failure ??= new Violation(what);
  }

  /** Starts a process. A body that throws has found a bug, unless the process is dead. */
  spawn(
    name: string,
    kind: Process["kind"],
    body: (process: Process) => Promise<void>,
    more: { readonly limit?: Span; readonly about?: About } = {},
  ): Process {
    const process: Process = {
      name,
      kind,
      born: this.now,
      bornAt: this.moment,
      limit: more.limit ?? LIMIT,
      ...(more.about !== undefined && { about: more.about }),
      skew: milliseconds(this.dice.between(0, SKEW)),
      isAlive: true,
    };
    body(process).then(
      () => {
        process.isAlive = false;
      },
      (error: unknown) => {
        if (process.isAlive) this.fail(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
        process.isAlive = false;
      },
    );
    return process;
  }

  /** The process vanishes: nothing that it waits for ever happens. */
  kill(process: Process): void {
    process.isAlive = false;
    this.steps = this.steps.filter((step) => step.process !== process);
    this.timers = this.timers.filter((timer) => timer.process !== process);
  }

  /** A call to the outside. It is done when the world picks it. */
  step(process: Process, name: string, act: () => void): void {
    if (process.isAlive) this.steps.push({ process, name, act });
  }

  /** Something that happens at a time. With a process, it happens only while that process lives. */
  at(at: Instant, act: () => void, process?: Process): void {
    if (process?.isAlive !== false) this.timers.push({ at, process, act });
  }

  isIdle(): boolean {
    return this.steps.length === 0;
  }

  /** Whether anything at all can still happen. */
  get isOver(): boolean {
    return this.steps.length === 0 && this.timers.length === 0;
  }

  /** Takes one step. If there is nothing to do, time passes up to the next timer, and to `until` at most. */
  async advance(until: Instant): Promise<void> {
    this.moment += 1;
    if (this.dice.chance(this.isChaotic ? 0.3 : 0.1)) this.pass(milliseconds(this.dice.between(100, 1900)));
    const due = this.timers.filter(({ at }) => at <= this.now);
    const alarms = due.filter(({ process }) => process?.kind === "pod");
    if (alarms.length > 0) this.fire(alarms);
    else if (due.length === 0 && this.steps.length === 0) this.now = this.nextTimer(until);
    else if (due.length > 0 && (this.steps.length === 0 || this.dice.chance(0.5))) this.fire(due);
    else this.takeStep();
    await new Promise((resolve) => setImmediate(resolve)); // everything that this step made possible runs up to its next call
    this.assertLawful();
  }

  /** Throws the first violation, if there was one. */
  assertLawful(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  /** Time passes, but never past a moment for which a pod has set its alarm. That moment is kept to the millisecond. */
  private pass(span: Span): void {
    const alarms = this.timers.filter(({ process }) => process?.kind === "pod").map(({ at }) => at);
    const next = Math.min(after(this.now, span), ...alarms);
    if (next > this.now) this.now = instant(next);
  }

  private nextTimer(until: Instant): Instant {
    const earliest = Math.min(...this.timers.map(({ at }) => at), Math.max(until, this.now));
    return Number.isFinite(earliest) ? instant(Math.max(earliest, this.now)) : this.now;
  }

  private fire(due: readonly Timer[]): void {
    const timer = due[this.dice.between(0, due.length - 1)];
    if (timer === undefined) return;
    this.timers.splice(this.timers.indexOf(timer), 1);
    timer.act();
  }

  private takeStep(): void {
    const index = this.dice.between(0, this.steps.length - 1);
    const step = this.steps[index];
    if (step === undefined) return;
    const { process } = step;
    const isCutOff = process.kind === "lambda" && after(process.born, process.limit) < this.now;
    if (isCutOff || (this.isChaotic && process.kind === "lambda" && this.dice.chance(0.015))) {
      this.log(`${process.name} vanishes before ${step.name}`);
      this.count(isCutOff ? "Lambda cut off" : "Lambda vanished");
      this.kill(process);
      return;
    }
    this.steps.splice(index, 1);
    this.log(`${process.name}: ${step.name}`);
    step.act();
  }
}
