import type { Answer } from "../../lib/agent/answer.ts";
import { isBeatBody, isClaimBody, isFinishBody } from "../../lib/agent/client.ts";
import {
  type Action,
  type ChildEnd,
  type Heart,
  type Input,
  newHeart,
  requestTimeout,
  step,
  wakeAt,
} from "../../lib/agent/heart.ts";
import type { App } from "../../lib/app/app.ts";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { verify } from "../../lib/app/credentials.ts";
import { finish } from "../../lib/app/finish.ts";
import { forwardNotice } from "../../lib/app/runner-notice.ts";
import { paceOf } from "../../lib/core/lease.ts";
import type { Progress } from "../../lib/core/run.ts";
import { type Instant, instant, milliseconds, type Span, seconds } from "../../lib/core/time.ts";
import { noticeOfInstance } from "../../lib/evidence/aws/instance.ts";
import type { Machines } from "../../lib/ports/machines.ts";
import { type Claims, parseBearer } from "../../lib/wire/credentials.ts";
import { problem } from "../../lib/wire/problems.ts";
import { type BeatBody, type ClaimBody, type HttpReply, httpReply, refused } from "../../lib/wire/replies.ts";
import type { Cloud } from "./cloud.ts";
import type { Network } from "./network.ts";
import type { Process, World } from "./world.ts";

/** The hosts of pods. A host that is gone takes its pods with it. Its name may come back at once, for another host. */
export class Pods {
  private readonly world: World;
  private readonly cloud: Cloud;
  private readonly network: Network;
  private readonly standing = new Map<Process, Pod>();
  /** EC2, which shows a host as terminated until another one has its name. */
  readonly machines: Machines = {
    ending: async (hosts, now) => {
      const ended = hosts.filter((id) => this.ended.has(id));
      this.world.count(ended.length > 0 ? "machines asked about, and some had ended" : "machines asked about");
      return ended
        .map((id) => noticeOfInstance({ id, state: "terminated" }, now))
        .filter((notice) => notice !== undefined);
    },
  };
  /** If there is only one host, its name is used again at once. */
  readonly hosts: readonly [string, ...string[]];
  private readonly ended = new Set<string>();
  private started = 0;

  constructor(world: World, cloud: Cloud, network: Network) {
    this.world = world;
    this.cloud = cloud;
    this.network = network;
    this.hosts = world.dice.chance(0.3) ? ["i-00000000"] : ["i-00000000", "i-00000001", "i-00000002"];
  }

  /** A pod on some host, with the agent's real heart and a child that ends at some time. */
  start(ticket: string): void {
    this.started += 1;
    const { world } = this;
    const name = `pod ${this.started}`;
    const host = world.dice.chance(0.1) ? undefined : world.dice.pick(this.hosts);
    if (host !== undefined) this.ended.delete(host);
    const id = this.started.toString(16).padStart(32, "0");
    world.spawn(name, "pod", (process) => {
      const pod = new Pod(this.world, this.cloud, this.network, process, ticket, {
        id,
        ...(host !== undefined && { host }),
      });
      this.standing.set(process, pod);
      this.mayMeetTrouble(process, pod);
      return pod.run();
    });
  }

  /** The host is gone, and everything on it. */
  hostDies(host: string): void {
    this.world.log(`host ${host} dies`);
    this.world.count("host died");
    this.ended.add(host);
    for (const [process, pod] of this.standing) if (pod.host === host && process.isAlive) this.kill(process, pod);
  }

  private kill(process: Process, pod: Pod): void {
    this.world.log(`${process.name} is gone`);
    this.world.kill(process);
    pod.vanished();
  }

  /** Some pods are cut off for a while, some are frozen, some vanish. */
  private mayMeetTrouble(process: Process, pod: Pod): void {
    const { world } = this;
    const { dice } = world;
    if (!world.isChaotic) return;
    const later = (most: number, act: () => void): void =>
      world.at(instant(world.now + dice.between(0, most)), () => process.isAlive && act());
    if (dice.chance(0.3)) later(30_000, () => this.network.isolate(process.name, this.cutOffFor(), dice.chance(0.3)));
    if (dice.chance(0.1)) later(40_000, () => pod.pause(dice.between(1000, 60_000)));
    if (dice.chance(0.1)) later(40_000, () => pod.hear({ kind: "signaled", signal: "SIGTERM", number: 15 }));
    if (dice.chance(0.02)) later(40_000, () => pod.hear({ kind: "signaled", signal: "SIGINT", number: 2 }));
    if (dice.chance(0.08)) later(40_000, () => pod.isWarned());
    if (dice.chance(0.35)) later(60_000, () => this.vanish(process, pod));
  }

  private vanish(process: Process, pod: Pod): void {
    this.world.count("pod gone");
    this.kill(process, pod);
  }

  /** Mostly about as long as a lease, so that the pod comes back while its run is being given away. */
  private cutOffFor(): number {
    const { dice } = this.world;
    return dice.chance(0.6) ? dice.between(18_000, 32_000) : dice.pick([5000, 60_000, 250_000]);
  }
}

/** One agent and its child. */
class Pod {
  readonly host: string | undefined;
  private readonly world: World;
  private readonly cloud: Cloud;
  private readonly network: Network;
  private readonly process: Process;
  private readonly ticket: string;
  private readonly holder: { readonly id: string; readonly host?: string };
  private readonly timeout: Span;
  private readonly runId: string;
  private readonly fence: number;
  private readonly child: Child;
  private readonly left = Promise.withResolvers<void>();
  private heart: Heart;
  private askedAt: Instant;
  private isToldToStop = false;
  private readonly lease: Span;
  private readonly startedAt: Instant;
  private alarm: Instant | undefined;
  /** While the agent is stopped, its inputs wait here. */
  private missed: Input[] | undefined;

  constructor(
    world: World,
    cloud: Cloud,
    network: Network,
    process: Process,
    ticket: string,
    holder: { readonly id: string; readonly host?: string },
  ) {
    const claims = parseBearer(`Bearer ${ticket}`)?.claims;
    const { lease, run } = claims ?? { lease: seconds(20), run: "" };
    this.world = world;
    this.cloud = cloud;
    this.network = network;
    this.process = process;
    this.ticket = ticket;
    this.holder = holder;
    this.host = holder.host;
    this.timeout = requestTimeout(lease);
    this.runId = run;
    this.fence = claims?.fence ?? 0;
    this.heart = newHeart(lease, world.now, world.dice.chance(0.5) ? { onInterrupt: "cancel" } : {});
    this.lease = lease;
    this.startedAt = world.now;
    this.askedAt = world.now;
    this.child = new Child(
      world,
      process,
      (end) => {
        cloud.laws.childEnded(run, process.name);
        this.hear({ kind: "exited", end });
      },
      (value) => this.hear({ kind: "progressed", progress: { value } }),
    );
  }

  run(): Promise<void> {
    this.hear({ kind: "wake" });
    return this.left.promise;
  }

  /** The instance's metadata says that it is about to be taken, which may be true or not. */
  isWarned(): void {
    const { now, dice } = this.world;
    const deadline = new Date(now + dice.pick([120_000, 20_000, -5000, 86_400_000])).toISOString();
    this.hear({ kind: "noticed", notice: "spot", at: new Date(now).toISOString(), deadline });
  }

  vanished(): void {
    this.cloud.laws.childEnded(this.runId, this.process.name);
  }

  /**
   * SIGSTOP goes to the agent alone, so its child works on. On SIGCONT its timers come first, then the inputs that have
   * arrived.
   */
  pause(span: number): void {
    const { world } = this;
    if (this.missed !== undefined) return;
    world.log(`${this.process.name} is stopped`);
    world.count("agent paused");
    this.missed = [];
    this.cloud.laws.paused(this.process.name, true);
    world.at(instant(world.now + span), () => this.resume(), this.process);
  }

  private resume(): void {
    const { missed = [] } = this;
    this.world.log(`${this.process.name} goes on`);
    this.missed = undefined;
    this.hear({ kind: "wake" });
    for (const input of missed) this.hear(input);
    this.cloud.laws.paused(this.process.name, false);
  }

  hear(input: Input): void {
    const { world, process } = this;
    if (!process.isAlive) return;
    if (this.missed !== undefined) {
      this.missed.push(input);
      return;
    }
    const roll = world.dice.roll();
    const next = step(this.heart, input, world.now, roll);
    world.heard?.({ agent: process.name, lease: this.lease, start: this.startedAt, now: world.now, roll, input });
    this.heart = next.heart;
    for (const action of next.actions) this.perform(action);
    const wake = wakeAt(this.heart);
    if (wake === undefined || wake === this.alarm) return;
    this.alarm = wake;
    world.at(
      wake,
      () => {
        if (this.alarm === wake) this.alarm = undefined;
        this.hear({ kind: "wake" });
      },
      process,
    );
  }

  private perform(action: Action): void {
    const { world, cloud, process } = this;
    const sentAt = world.now;
    switch (action.do) {
      case "claim":
        this.askedAt = sentAt;
        void this.call<ClaimBody>("claim", this.ticket, this.claiming, isClaimBody).then((answer) => {
          this.isToldToStop = answer.kind === "ok" && answer.body.directive === "stop";
          this.hear({ kind: "claimed", sentAt, answer });
        });
        return;
      case "beat":
        void this.call<BeatBody>("beat", action.token, beating(action.progress), isBeatBody).then((answer) => {
          this.hear({ kind: "beaten", sentAt, answer });
          if (isStop(answer)) this.stopsSoon();
        });
        return;
      case "notice": {
        const { at = new Date(world.now).toISOString(), deadline, kind } = action;
        const told = { kind, at, ...(deadline !== undefined && { deadline }) };
        void this.call<never>(
          "notice",
          action.token,
          (app, claims) => noticing(app, claims, told),
          () => true,
        );
        return;
      }
      case "finish":
        if (world.isChaotic && world.dice.chance(0.06)) this.stray(action.token);
        void this.call<{ state: string; outcome?: string }>(
          "finish",
          action.token,
          async (app, claims) => httpReply(await finish(app, claims, action.report)),
          isFinishBody,
        ).then((answer) => this.reported(answer));
        return;
      case "start":
        if (this.isToldToStop) world.fail("a child was started that was to be stopped");
        if (world.now > this.askedAt + this.timeout) world.fail("a child was started on a claim that came too late");
        cloud.laws.started(this.runId, action.attempt, action.fence, process.name);
        this.child.start();
        return;
      case "signal":
        this.child.signal(action.signal);
        return;
      case "exit":
        world.log(`${process.name} leaves with ${action.code}`);
        this.left.resolve();
    }
  }

  /** The agent has heard that its attempt is over. Its child is gone when its grace is over. */
  private stopsSoon(): void {
    const { world, process } = this;
    world.at(
      instant(world.now + paceOf(milliseconds(this.timeout * 4)).grace + 1),
      () => {
        if (this.child.isRunning && this.missed === undefined) world.fail("a child went on that was to be stopped");
      },
      process,
    );
  }

  private readonly claiming = async (app: App, claims: Claims): Promise<HttpReply> => {
    const { reply, token } = await claim(app, claims, this.holder);
    return httpReply(reply, token);
  };

  private reported(answer: Answer<{ state: string; outcome?: string }>): void {
    const { laws } = this.cloud;
    const life = laws.lives.of(this.runId, this.fence);
    if (answer.kind === "ok" && answer.body.outcome === "succeeded" && life !== undefined) life.isWon = true;
    if (answer.kind === "ok" && answer.body.outcome === "canceled" && life !== undefined) life.isCanceled = true;
    const isStray = laws.strays.has(`${this.runId}.${this.fence}`);
    if (answer.kind === "problem" && answer.name === "finished-otherwise" && !isStray)
      this.world.fail("a repeated report was refused as another one");
    this.hear({ kind: "reported", answer });
  }

  /** Somebody else who has the token tells another story of the same end. */
  private stray(token: string): void {
    const { world } = this;
    this.cloud.laws.strays.add(`${this.runId}.${this.fence}`);
    world.count("another story of an end");
    const reason = world.dice.pick(["sigterm", "self-fenced"]);
    void this.call<never>(
      "finish",
      token,
      async (app, claims) => httpReply(await finish(app, claims, { outcome: "interrupted", reason })),
      isFinishBody,
    );
  }

  private call<T>(
    name: string,
    credential: string,
    use: (app: App, claims: Claims) => Promise<HttpReply>,
    isExpected: (body: object) => boolean,
  ): Promise<Answer<T>> {
    return this.network.request<T>(
      `${name} ${credential.split(".").slice(0, 2).join(".")}`,
      this.process.name,
      this.timeout,
      async (app) => {
        const verified = await verify(app, name === "claim" ? "ticket" : "token", `Bearer ${credential}`, this.runId);
        if (verified.ok) return use(app, verified.claims);
        return refused(problem(verified.why === "expired" ? "unauthorized" : verified.why)); // no schedule lasts for a week
      },
      { isExpected, run: this.runId },
    );
  }
}

const isStop = (answer: Answer<BeatBody>): boolean =>
  (answer.kind === "ok" && answer.body.directive === "stop") ||
  (answer.kind === "problem" && ["superseded", "ended", "overran"].includes(answer.name));

const beating =
  (progress: Progress | undefined) =>
  async (app: App, claims: Claims): Promise<HttpReply> =>
    httpReply(await beat(app, claims, progress));

async function noticing(app: App, claims: Claims, told: Parameters<typeof forwardNotice>[2]): Promise<HttpReply> {
  const refusal = await forwardNotice(app, claims, told);
  return refusal === undefined ? { status: 202, body: {} } : httpReply(refusal);
}

/** The work: it takes its time, ends well or badly, and mostly obeys a TERM. */
class Child {
  private readonly world: World;
  private readonly process: Process;
  private readonly ended: (end: ChildEnd) => void;
  private readonly told: (progress: number) => void;
  isRunning = false;

  constructor(world: World, process: Process, ended: (end: ChildEnd) => void, told: (progress: number) => void) {
    this.world = world;
    this.process = process;
    this.ended = ended;
    this.told = told;
  }

  start(): void {
    const { dice, isChaotic } = this.world;
    this.isRunning = true;
    const took = isChaotic ? dice.pick([2, 8, 15, 30, 70, 70, 350, 350]) : dice.pick([2, 8]);
    const code: number = isChaotic && dice.chance(0.3) ? 1 : 0;
    if (isChaotic && dice.chance(0.01)) {
      this.endIn(0, { exitCode: 127, status: 127, message: "train: not found" });
      return;
    }
    if (dice.chance(0.4)) this.tellIn(dice.between(500, 8000));
    const killed: readonly [ChildEnd, ...ChildEnd[]] = [
      { signal: "SIGKILL", status: 137 },
      { signal: "SIGKILL", status: 137, outOfMemory: {} },
      { exitCode: 1, status: 1, outOfMemory: { limitBytes: 536_870_912 } },
    ];
    const isKilled = isChaotic && dice.chance(0.05);
    this.endIn(took * 1000, isKilled ? dice.pick(killed) : { exitCode: code, status: code });
  }

  /** Tells its progress again and again. The progress may fall back. */
  private tellIn(span: number): void {
    this.world.at(
      instant(this.world.now + span),
      () => {
        if (!this.isRunning) return;
        this.told(this.world.dice.between(-3, 100));
        this.tellIn(this.world.dice.between(2000, 20_000));
      },
      this.process,
    );
  }

  signal(name: string): void {
    const { dice } = this.world;
    if (name === "SIGKILL") this.endNow({ signal: "SIGKILL", status: 137 });
    else if (name === "SIGINT") this.endIn(dice.between(0, 4000), { signal: "SIGINT", status: 130 });
    else if (dice.chance(0.8))
      this.endIn(
        dice.between(0, 4000),
        dice.pick<ChildEnd>([
          { exitCode: 143, status: 143 },
          { signal: "SIGTERM", status: 143 },
          { exitCode: 0, status: 0 },
          { exitCode: 7, status: 7 },
        ]),
      );
  }

  private endIn(span: number, end: ChildEnd): void {
    this.world.at(instant(this.world.now + span), () => this.endNow(end), this.process);
  }

  private endNow(end: ChildEnd): void {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.ended(end);
  }
}
