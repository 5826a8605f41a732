import { type Answer, interpret } from "../../lib/agent/answer.ts";
import { isBeatBody, isClaimBody, isFinishBody } from "../../lib/agent/door.ts";
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
import { cancel, requeue } from "../../lib/app/ask.ts";
import { beat } from "../../lib/app/beat.ts";
import { Contended } from "../../lib/app/change.ts";
import { claim } from "../../lib/app/claim.ts";
import { verify } from "../../lib/app/credentials.ts";
import { finish } from "../../lib/app/finish.ts";
import { register } from "../../lib/app/register.ts";
import { sweep } from "../../lib/app/sweep.ts";
import type { Spec } from "../../lib/core/spec.ts";
import { after, type Instant, instant, type Span, seconds } from "../../lib/core/time.ts";
import type { Runs } from "../../lib/ports/runs.ts";
import { parseBearer } from "../../lib/wire/credentials.ts";
import { problem } from "../../lib/wire/problems.ts";
import { type HttpReply, httpReply, ownerReply, refused } from "../../lib/wire/replies.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import type { Cloud } from "./cloud.ts";
import type { Process, World } from "./world.ts";

/** Everybody who uses Lastbeat: owners, pods with their agents, consumers of the queue, and the ticks of the sweep. */
export class People {
  private readonly world: World;
  private readonly cloud: Cloud;
  /** Pods that nothing reaches and that reach nothing, until then. */
  private readonly cutOff = new Map<string, Instant>();
  private pods = 0;
  private delivered = 0;
  readonly registered = new Set<string>();

  constructor(world: World, cloud: Cloud) {
    this.world = world;
    this.cloud = cloud;
  }

  /** One invocation of a Lambda; the answer never comes when it vanishes. */
  private invoke(name: string, use: (app: App) => Promise<HttpReply>, answer: (reply: HttpReply) => void): void {
    this.world.spawn(name, "lambda", async (process) => {
      try {
        const reply = await use(this.cloud.appFor(process));
        if (process.isAlive) answer(reply);
      } catch (error) {
        if (!(error instanceof Contended)) throw error;
        this.world.count("contended");
        answer(refused(problem("contended")));
      }
    });
  }

  /** A request over the network: it may come twice, the second time much later; its reply may be lost or too late. */
  private request<T>(
    name: string,
    caller: string,
    timeout: Span,
    use: (app: App) => Promise<HttpReply>,
    isExpected: (body: object) => boolean,
  ): Promise<Answer<T>> {
    const { world } = this;
    const { dice } = world;
    if (world.isChaotic && dice.chance(0.04)) {
      world.count("request came again");
      world.at(instant(world.now + dice.between(0, 40_000)), () => this.invoke(`${name} again`, use, () => {}));
    }
    return new Promise((resolve) => {
      world.at(after(world.now, timeout), () => resolve({ kind: "unclear", detail: "timed out" }));
      if ((this.cutOff.get(caller) ?? world.now) > world.now) return;
      const lost = world.isChaotic && dice.chance(0.04);
      this.invoke(name, use, ({ status, body }) => {
        if (!lost) resolve(interpret<T>(status, JSON.parse(JSON.stringify(body)), isExpected));
      });
    });
  }

  private runnerCall<T>(
    pod: string,
    name: "claim" | "beat" | "finish",
    credential: string,
    timeout: Span,
    use: (app: App, claims: NonNullable<ReturnType<typeof parseBearer>>["claims"]) => Promise<HttpReply>,
    isExpected: (body: object) => boolean,
  ): Promise<Answer<T>> {
    const run = credential.split(".")[0] ?? "";
    return this.request<T>(
      `${name} ${credential.split(".").slice(0, 2).join(".")}`,
      pod,
      timeout,
      async (app) => {
        const verified = await verify(app, name === "claim" ? "ticket" : "token", `Bearer ${credential}`, run);
        return verified.ok ? use(app, verified.claims) : refused(problem(verified.why));
      },
      isExpected,
    );
  }

  /** A pod with the agent's real heart and a child that ends some time. */
  startPod(ticket: string): void {
    this.pods += 1;
    const { world } = this;
    const name = `pod ${this.pods}`;
    const holder = { id: this.pods.toString(16).padStart(32, "0"), host: `h${world.dice.between(0, 2)}` };
    const { lease, run } = parseBearer(`Bearer ${ticket}`)?.claims ?? { lease: seconds(20), run: "" };
    const timeout = requestTimeout(lease);
    world.spawn(name, "pod", (process) => {
      let heart: Heart = newHeart(lease, world.now);
      let woken: Instant | undefined;
      return new Promise<void>((resolve) => {
        const child = new Child(world, process, (end) => feed({ kind: "exited", end }));
        const feed = (input: Input): void => {
          if (!process.isAlive) return;
          const next = step(heart, input, world.now, world.dice.roll());
          heart = next.heart;
          for (const action of next.actions) perform(action);
          const wake = wakeAt(heart);
          if (wake !== undefined && wake !== woken) {
            woken = wake;
            world.at(wake, () => feed({ kind: "wake" }), process);
          }
        };
        const perform = (action: Action): void => {
          const sentAt = world.now;
          switch (action.do) {
            case "claim":
              void this.runnerCall<never>(
                name,
                "claim",
                ticket,
                timeout,
                async (app, claims) => {
                  const { reply, token } = await claim(app, claims, holder);
                  return httpReply(reply, token);
                },
                isClaimBody,
              ).then((answer) => feed({ kind: "claimed", sentAt, answer }));
              return;
            case "beat":
              void this.runnerCall<never>(
                name,
                "beat",
                action.token,
                timeout,
                async (app, claims) => httpReply(await beat(app, claims)),
                isBeatBody,
              ).then((answer) => feed({ kind: "beaten", sentAt, answer }));
              return;
            case "finish":
              void this.runnerCall<{ state: string; outcome?: string }>(
                name,
                "finish",
                action.token,
                timeout,
                async (app, claims) => httpReply(await finish(app, claims, action.report)),
                isFinishBody,
              ).then((answer) => {
                if (answer.kind === "ok" && answer.body.outcome === "succeeded") this.cloud.laws.won.add(run);
                if (answer.kind === "problem" && answer.name === "finished-otherwise")
                  world.fail("a repeated report was refused as another one");
                feed({ kind: "reported", answer });
              });
              return;
            case "start":
              this.cloud.laws.started(run, action.attempt);
              child.start();
              return;
            case "signal":
              child.signal(action.signal);
              return;
            case "exit":
              world.log(`${name} leaves with ${action.code}`);
              resolve();
          }
        };
        this.mayVanish(process, name);
        feed({ kind: "wake" });
      });
    });
  }

  /** A quarter of the pods is cut off for a while, a third is gone some time: node reclaimed, evicted, killed. */
  private mayVanish(process: Process, name: string): void {
    const { world } = this;
    if (!world.isChaotic) return;
    if (world.dice.chance(0.25)) {
      const from = instant(world.now + world.dice.between(0, 30_000));
      world.at(
        from,
        () => {
          world.log(`${name} is cut off`);
          world.count("pod cut off");
          this.cutOff.set(name, instant(world.now + this.cutOffFor()));
        },
        process,
      );
    }
    if (!world.dice.chance(0.35)) return;
    world.at(
      instant(world.now + world.dice.between(0, 60_000)),
      () => {
        world.log(`${name} is gone`);
        world.count("pod gone");
        world.kill(process);
      },
      process,
    );
  }

  /** Mostly just about as long as a lease, so that the pod comes back while its run is being given away. */
  private cutOffFor(): number {
    const { dice } = this.world;
    return dice.chance(0.6) ? dice.between(18_000, 32_000) : dice.pick([5000, 60_000, 250_000]);
  }

  /** Registers, again when no answer comes, and starts the first attempt with its ticket. */
  async own(run: string, spec: Spec): Promise<void> {
    const { world } = this;
    const isOk = (body: object): boolean => "state" in body;
    for (let tries = 0; tries < 6; tries += 1) {
      const answer = await this.request<{ ticket?: string; attempt: number }>(
        `register ${run}`,
        "owner",
        seconds(8),
        async (app) => {
          const made = await register(app, run, spec);
          if (made.kind === "run-exists") return refused(problem("run-exists"));
          if (made.kind === "over") return { status: 200, body: { state: "ended" } };
          const { state, attempt } = made.run;
          return { status: 200, body: { state, attempt, ...(made.ticket !== undefined && { ticket: made.ticket }) } };
        },
        isOk,
      );
      if (answer.kind === "ok") {
        this.registered.add(run);
        const { ticket, attempt } = answer.body;
        if (ticket === undefined || attempt !== 1 || spec.start === "dispatch") return;
        if (!world.isChaotic || world.dice.chance(0.9)) this.startPod(ticket);
        if (world.isChaotic && world.dice.chance(0.3)) this.startPod(ticket);
        return;
      }
      if (answer.kind === "problem") return;
    }
  }

  /** Cancels or requeues, as an owner would who sees something odd. */
  async ask(run: string, what: "cancel" | "requeue"): Promise<void> {
    const { world } = this;
    const item = [...this.cloud.runs.items.values()].find((each) => each.run === run);
    const attempt = world.dice.chance(0.5) ? item?.attempt : undefined;
    const answer = await this.request<{ state: string }>(
      `${what} ${run}`,
      "owner",
      seconds(8),
      async (app) => {
        const reply = await (what === "cancel" ? cancel(app, run) : requeue(app, run, attempt));
        return reply.kind === "not-found" ? refused(problem("not-found")) : ownerReply(reply);
      },
      () => true,
    );
    const isAccepted = answer.kind === "unclear" && answer.detail.startsWith("status 202");
    if (what === "cancel" && isAccepted) this.cloud.laws.canceled.add(run);
  }

  /** Delivers a message, sometimes twice, sometimes again later. */
  consume(): void {
    const { world } = this;
    const { sent } = this.cloud.requeues;
    if (this.delivered >= sent.length) return;
    const message = sent[this.delivered];
    if (message === undefined) return;
    const { next } = (JSON.parse(message.body) as RequeueEvent).data;
    const again = world.isChaotic ? world.dice.roll() : 1;
    if (again < 0.15) world.at(instant(world.now + world.dice.between(0, 50_000)), () => this.startPod(next.ticket));
    if (again > 0.1) this.delivered += 1;
    this.startPod(next.ticket);
    if (again > 0.15 && again < 0.3) this.startPod(next.ticket);
  }

  hasMail(): boolean {
    return this.delivered < this.cloud.requeues.sent.length;
  }

  /** One tick: a sweep, which may meet another one. One that gets to its end has seen every run that was there. */
  tick(period: Span): void {
    const { items } = this.cloud.runs;
    this.world.spawn("sweep", "lambda", async (process) => {
      const app = this.cloud.appFor(process);
      const there = [...items.keys()];
      const seen = new Set<string>();
      const page: Runs["page"] = async (...asked) => {
        const found = await app.runs.page(...asked);
        for (const { shard, run } of found.sightings) seen.add(`${shard}/${run}`);
        return found;
      };
      const until = after(app.clock.now(), seconds(8));
      const counts = await sweep({ ...app, runs: { ...app.runs, page } }, { period, until });
      const missed = there.find((key) => items.has(key) && !seen.has(key));
      if (counts !== undefined && app.clock.now() < until && missed !== undefined)
        this.world.fail("a sweep passed over a run");
    });
  }
}

/** The work: takes its time, ends well or badly, and mostly heeds a TERM. */
class Child {
  private readonly world: World;
  private readonly process: Process;
  private readonly ended: (end: ChildEnd) => void;
  private isRunning = false;

  constructor(world: World, process: Process, ended: (end: ChildEnd) => void) {
    this.world = world;
    this.process = process;
    this.ended = ended;
  }

  start(): void {
    const { dice, isChaotic } = this.world;
    this.isRunning = true;
    const took = isChaotic ? dice.pick([2, 8, 15, 30, 70]) : dice.pick([2, 8]);
    const code: number = isChaotic && dice.chance(0.3) ? 1 : 0;
    this.endIn(took * 1000, { exitCode: code, status: code });
  }

  signal(name: string): void {
    const { dice } = this.world;
    if (name === "SIGKILL") this.endIn(0, { signal: "SIGKILL", status: 137 });
    else if (dice.chance(0.8))
      this.endIn(
        dice.between(0, 4000),
        dice.pick<ChildEnd>([
          { exitCode: 143, status: 143 },
          { signal: "SIGTERM", status: 143 },
          { exitCode: 0, status: 0 },
        ]),
      );
  }

  private endIn(span: number, end: ChildEnd): void {
    this.world.at(
      instant(this.world.now + span),
      () => {
        if (!this.isRunning) return;
        this.isRunning = false;
        this.ended(end);
      },
      this.process,
    );
  }
}
