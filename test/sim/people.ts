import { cancel, requeue } from "../../lib/app/ask.ts";
import { register } from "../../lib/app/register.ts";
import { sweep } from "../../lib/app/sweep.ts";
import type { Spec } from "../../lib/core/spec.ts";
import { after, instant, type Span, seconds } from "../../lib/core/time.ts";
import type { Runs } from "../../lib/ports/runs.ts";
import { problem } from "../../lib/wire/problems.ts";
import { ownerReply, refused } from "../../lib/wire/replies.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import { Away, type Cloud } from "./cloud.ts";
import type { Network } from "./network.ts";
import type { Pods } from "./pods.ts";
import type { World } from "./world.ts";

/** Owners, consumers of the requeue queue, and the ticks of the sweep. */
export class People {
  private readonly world: World;
  private readonly cloud: Cloud;
  private readonly network: Network;
  private readonly pods: Pods;
  private delivered = 0;
  readonly registered = new Set<string>();

  constructor(world: World, cloud: Cloud, network: Network, pods: Pods) {
    this.world = world;
    this.cloud = cloud;
    this.network = network;
    this.pods = pods;
  }

  /** Registers, again when no answer comes, and starts the first attempt with its ticket. */
  async own(run: string, spec: Spec): Promise<void> {
    const { world } = this;
    const isOk = (body: object): boolean => "state" in body;
    for (let tries = 0; tries < 6; tries += 1) {
      const answer = await this.network.request<{ ticket?: string; attempt: number }>(
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
        if (!world.isChaotic || world.dice.chance(0.9)) this.pods.start(ticket);
        if (world.isChaotic && world.dice.chance(0.3)) this.pods.start(ticket);
        return;
      }
      if (answer.kind === "problem") return;
    }
  }

  /** Cancels or requeues, as an owner would who sees something odd. */
  async ask(run: string, what: "cancel" | "requeue"): Promise<void> {
    const { world } = this;
    const item = this.cloud.runs.items().find((each) => each.run === run);
    const attempt = world.dice.chance(0.5) ? item?.attempt : undefined;
    const answer = await this.network.request<{ state: string }>(
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
    if (again < 0.15) world.at(instant(world.now + world.dice.between(0, 50_000)), () => this.pods.start(next.ticket));
    if (again > 0.1) this.delivered += 1;
    this.pods.start(next.ticket);
    if (again > 0.15 && again < 0.3) this.pods.start(next.ticket);
  }

  hasMail(): boolean {
    return this.delivered < this.cloud.requeues.sent.length;
  }

  /** One tick: a sweep, which may meet another one. One that gets to its end has seen every run that was there. */
  tick(period: Span): void {
    const { runs } = this.cloud;
    this.world.spawn("sweep", "lambda", async (process) => {
      const app = this.cloud.appFor(process);
      const there = runs.items();
      const seen = new Set<string>();
      const page: Runs["page"] = async (...asked) => {
        const found = await app.runs.page(...asked);
        for (const { shard, run } of found.sightings) seen.add(`${shard}/${run}`);
        return found;
      };
      const until = after(app.clock.now(), seconds(8));
      const counts = await sweep({ ...app, runs: { ...app.runs, page } }, { period, until }).catch((error: unknown) => {
        if (error instanceof Away) return undefined;
        throw error;
      });
      const missed = there.find((run) => runs.look(run) !== undefined && !seen.has(`${run.shard}/${run.run}`));
      if (counts !== undefined && app.clock.now() < until && missed !== undefined)
        this.world.fail("a sweep passed over a run");
    });
  }
}
