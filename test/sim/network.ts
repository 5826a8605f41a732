import { type Answer, interpret } from "../../lib/agent/answer.ts";
import type { App } from "../../lib/app/app.ts";
import { Contended } from "../../lib/app/change.ts";
import { after, type Instant, instant, type Span } from "../../lib/core/time.ts";
import { problem } from "../../lib/wire/problems.ts";
import { type HttpReply, refused } from "../../lib/wire/replies.ts";
import { Away, type Cloud } from "./cloud.ts";
import { untruthOf } from "./replies.ts";
import type { Process, World } from "./world.ts";

/** What the front door does to all callers for a while. */
export type Trouble = "silence" | "forbidden";

type Use = (app: App, process: Process) => Promise<HttpReply>;

type Until = { readonly until: Instant };

/** Lambdas, and the network before them. */
export class Network {
  private readonly world: World;
  private readonly cloud: Cloud;
  /** Callers that reach nothing, and callers that are only deaf: their requests arrive, but the replies do not. */
  private readonly cutOff = new Map<string, Until & { readonly isDeaf: boolean }>();
  private trouble: (Until & { readonly what: Trouble }) | undefined;

  constructor(world: World, cloud: Cloud) {
    this.world = world;
    this.cloud = cloud;
  }

  isolate(caller: string, span: number, isDeaf: boolean): void {
    this.world.log(`${caller} is cut off${isDeaf ? " one way" : ""}`);
    this.world.count(isDeaf ? "pod deaf" : "pod cut off");
    this.cutOff.set(caller, { until: instant(this.world.now + span), isDeaf });
  }

  /** The front door is away, or a bad deploy answers everybody as a gateway does. */
  disturb(what: Trouble, span: number): void {
    this.world.log(`the front door: ${what}`);
    this.world.count(`front door: ${what}`);
    this.trouble = { what, until: instant(this.world.now + span) };
  }

  /** Whether nobody gets through. */
  isTroubled(): boolean {
    return this.trouble !== undefined && this.trouble.until > this.world.now;
  }

  /**
   * One invocation of a Lambda. If the Lambda vanishes, the answer never comes. An answer about a run was true while it
   * was made.
   */
  invoke(name: string, use: Use, answer: (reply: HttpReply) => void, run?: string): void {
    this.world.spawn(name, "lambda", async (process) => {
      try {
        const reply = await use(this.cloud.appFor(process), process);
        if (!process.isAlive) return;
        const untruth = run === undefined ? undefined : untruthOf(run, reply, this.cloud.laws.lives, process.bornAt);
        if (untruth !== undefined) this.world.fail(untruth);
        answer(reply);
      } catch (error) {
        if (!(error instanceof Contended || error instanceof Away)) throw error;
        this.world.count(error instanceof Away ? "request failed" : "contended");
        answer(refused(problem(error instanceof Away ? "internal" : "contended")));
      }
    });
  }

  /** A request over the network. It may come twice, the second time much later. Its reply may be lost or too late. */
  request<T>(
    name: string,
    caller: string,
    timeout: Span,
    use: Use,
    { isExpected = () => true, run }: { isExpected?: (body: object) => boolean; run?: string } = {},
  ): Promise<Answer<T>> {
    const { world } = this;
    const { dice } = world;
    if (world.isChaotic && dice.chance(0.04)) {
      world.count("request came again");
      // At once, or much later.
      world.at(instant(world.now + dice.between(0, dice.pick([500, 40_000]))), () =>
        this.invoke(`${name} again`, use, () => {}, run),
      );
    }
    return new Promise((resolve) => {
      world.at(after(world.now, timeout), () => resolve({ kind: "unclear", detail: "timed out" }));
      const barrier = this.cutOff.get(caller);
      const isCutOff = barrier !== undefined && barrier.until > world.now;
      const trouble = this.trouble !== undefined && this.trouble.until > world.now ? this.trouble.what : undefined;
      if (trouble === "forbidden") resolve(interpret<T>(403, { message: "Forbidden" }, isExpected));
      if (trouble !== undefined || (isCutOff && !barrier.isDeaf)) return;
      const isLost = isCutOff || (world.isChaotic && dice.chance(0.04));
      const answered = ({ status, body }: HttpReply): void => {
        if (!isLost) resolve(interpret<T>(status, JSON.parse(JSON.stringify(body)), isExpected));
      };
      this.invoke(name, use, answered, run);
    });
  }
}
