import { canary } from "../../lib/app/canary.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { cancel, requeue } from "../../lib/app/owner-requests.ts";
import { register } from "../../lib/app/register.ts";
import { nothingSuspected } from "../../lib/app/suspicion.ts";
import { sweep } from "../../lib/app/sweep.ts";
import type { Run } from "../../lib/core/run.ts";
import type { Spec } from "../../lib/core/spec.ts";
import { after, instant, type Span, seconds } from "../../lib/core/time.ts";
import type { Runs } from "../../lib/ports/runs.ts";
import { problem } from "../../lib/wire/problems.ts";
import { ownerReply, refused } from "../../lib/wire/replies.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import type { Cloud } from "./cloud.ts";
import type { Life } from "./lives.ts";
import type { Network } from "./network.ts";
import { isExpected } from "./news.ts";
import type { Pods } from "./pods.ts";
import type { World } from "./world.ts";

/** Owners, consumers of the requeue queue, the ticks of the sweep, and the canary. */
export class People {
  private readonly world: World;
  private readonly cloud: Cloud;
  private readonly network: Network;
  private readonly pods: Pods;
  private delivered = 0;
  private readonly read = new Map<string, number>();

  constructor(world: World, cloud: Cloud, network: Network, pods: Pods) {
    this.world = world;
    this.cloud = cloud;
    this.network = network;
    this.pods = pods;
  }

  /** Registers, repeats that if no answer comes, and starts the first attempt with its ticket. */
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
          const { state, attempt, fence } = made.run;
          if (fence < (this.cloud.laws.lives.newest(run)?.registration.fence ?? 0))
            world.fail("a registration was answered with a former life");
          return { status: 200, body: { state, attempt, ...(made.ticket !== undefined && { ticket: made.ticket }) } };
        },
        { isExpected: isOk, run },
      );
      if (answer.kind === "ok") {
        const { ticket, attempt } = answer.body;
        if (ticket === undefined || attempt !== 1 || spec.start === "dispatch") return;
        if (!world.isChaotic || world.dice.chance(0.9)) this.pods.start(ticket);
        if (world.isChaotic && world.dice.chance(0.3)) this.pods.start(ticket);
        return;
      }
      if (answer.kind === "problem") return;
    }
  }

  /** Cancels or requeues, like an owner who sees something odd. */
  async ask(run: string, what: "cancel" | "requeue"): Promise<void> {
    const { world, cloud } = this;
    const item = cloud.runs.items().find((each) => each.run === run);
    const attempt = world.dice.chance(0.5) ? item?.attempt : undefined;
    const life = cloud.laws.lives.newest(run);
    const answer = await this.network.request<{ state: string }>(
      `${what} ${run}`,
      "owner",
      seconds(8),
      async (app) => {
        const reply = await (what === "cancel" ? cancel(app, run) : requeue(app, run, attempt));
        return reply.kind === "not-found" ? refused(problem("not-found")) : ownerReply(reply);
      },
      { run },
    );
    const isAccepted = answer.kind === "unclear" && answer.detail.startsWith("status 202");
    const isSameLife = life !== undefined && life === cloud.laws.lives.newest(run);
    if (what === "cancel" && isAccepted && isSameLife) life.isCanceled = true;
  }

  /** Reads the record. Its run and its ledger have to be of the same time. */
  look(run: string): void {
    const { world, cloud } = this;
    void this.network.request(`look at ${run}`, "owner", seconds(8), async (app, process) => {
      const found = await inspect(app, run);
      if (found === undefined || !process.isAlive) return { status: 404, body: {} };
      const { current, lines } = found;
      const letters = lines.flatMap(({ end }) => (end === undefined ? [] : [end.charge])).join("");
      const was = cloud.laws.lives
        .since(process.bornAt, run)
        .map(({ run: then, last }) => then ?? last)
        .some((then) => then !== undefined && then.charges === current.charges && then.fence === current.fence);
      if (!was) world.fail(`a record of ${run} was never true`);
      if (letters !== current.charges) world.fail(`a record says ${current.charges}, its ledger ${letters}`);
      return { status: 200, body: {} };
    });
  }

  /** Delivers a message, sometimes twice, sometimes again later. */
  consume(): void {
    const { world } = this;
    const { sent } = this.cloud.requeues;
    if (this.delivered >= sent.length) return;
    const message = sent[this.delivered];
    if (message === undefined) return;
    const { next, run } = (JSON.parse(message.body) as RequeueEvent).data;
    const times = (this.read.get(message.id) ?? 0) + 1;
    this.read.set(message.id, times);
    // A run that cannot be written is announced for ever. A consumer that names its pods by the message's id starts no
    // more of them.
    if (times > 3 && this.cloud.isBroken(run)) {
      this.delivered += 1;
      return;
    }
    const again = world.isChaotic ? world.dice.roll() : 1;
    if (again < 0.15) world.at(instant(world.now + world.dice.between(0, 50_000)), () => this.pods.start(next.ticket));
    if (again > 0.1) this.delivered += 1;
    this.pods.start(next.ticket);
    if (again > 0.15 && again < 0.3) this.pods.start(next.ticket);
  }

  hasMail(): boolean {
    return this.delivered < this.cloud.requeues.sent.length;
  }

  /**
   * One tick starts a sweep, which may meet other sweeps. Some are slow. One that gets to its end has seen every run
   * that was there.
   */
  tick(period: Span): void {
    const { runs } = this.cloud;
    const { dice, isChaotic } = this.world;
    const lasts = seconds(isChaotic ? dice.pick([8, 8, 20, 40]) : 8);
    this.world.spawn(
      "sweep",
      "lambda",
      async (process) => {
        const app = this.cloud.appFor(process);
        const there = runs.items();
        const seen = new Set<string>();
        const page: Runs["page"] = async (...asked) => {
          const found = await app.runs.page(...asked);
          for (const { shard, run } of found.sightings) seen.add(`${shard}/${run}`);
          return found;
        };
        const until = after(app.clock.now(), lasts);
        const bounds = { period, until };
        const counts = await sweep({ ...app, runs: { ...app.runs, page } }, bounds, {
          machines: this.cloud.machinesFor(process, this.pods.machines),
          suspected: nothingSuspected(),
        }).catch((error: unknown) => {
          if (isExpected(error)) return undefined;
          throw error;
        });
        const lifeOf = (run: Run | undefined): Life | undefined =>
          run === undefined ? undefined : this.cloud.laws.lives.of(run.run, run.fence);
        // An item of an earlier life may have gone, and one of the next life may be there.
        const isThere = (run: Run): boolean => lifeOf(runs.look(run)) === lifeOf(run);
        const missed = there.find((run) => isThere(run) && !seen.has(`${run.shard}/${run.run}`));
        if (counts !== undefined && app.clock.now() < until && missed !== undefined)
          this.world.fail("a sweep passed over a run");
      },
      { limit: after(instant(lasts), seconds(2)) as number as Span },
    );
  }

  /** The canary beats, and learns whether the front door lets it through. */
  sing(): void {
    const pause = (): Promise<void> =>
      new Promise((resolve) => this.world.at(after(this.world.now, seconds(5)), resolve));
    this.world.spawn(
      "canary",
      "lambda",
      async (process) => {
        const app = this.cloud.appFor(process);
        await canary(app, async () => !this.network.isTroubled(), pause).catch((error: unknown) => {
          if (!isExpected(error)) throw error;
        });
      },
      { limit: seconds(30) },
    );
  }
}
