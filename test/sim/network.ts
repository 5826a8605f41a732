import { type Answer, interpret } from "../../lib/agent/answer.ts";
import type { App } from "../../lib/app/app.ts";
import { Contended } from "../../lib/app/change.ts";
import { after, type Instant, instant, type Span } from "../../lib/core/time.ts";
import { problem } from "../../lib/wire/problems.ts";
import { type HttpReply, refused } from "../../lib/wire/replies.ts";
import { Away, type Cloud } from "./cloud.ts";
import type { World } from "./world.ts";

/** What the front door does to everybody for a while. */
export type Trouble = "silence" | "forbidden";

type Until = { readonly until: Instant };

/** Lambdas, and the network before them. */
export class Network {
  private readonly world: World;
  private readonly cloud: Cloud;
  /** Callers that reach nothing, and callers that are only deaf: their requests arrive, the replies do not. */
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

  /** One invocation of a Lambda; the answer never comes when it vanishes. */
  invoke(name: string, use: (app: App) => Promise<HttpReply>, answer: (reply: HttpReply) => void): void {
    this.world.spawn(name, "lambda", async (process) => {
      try {
        const reply = await use(this.cloud.appFor(process));
        if (process.isAlive) answer(reply);
      } catch (error) {
        if (!(error instanceof Contended || error instanceof Away)) throw error;
        this.world.count(error instanceof Away ? "request failed" : "contended");
        answer(refused(problem(error instanceof Away ? "internal" : "contended")));
      }
    });
  }

  /** A request over the network: it may come twice, the second time much later; its reply may be lost or too late. */
  request<T>(
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
      const barrier = this.cutOff.get(caller);
      const isCutOff = barrier !== undefined && barrier.until > world.now;
      const trouble = this.trouble !== undefined && this.trouble.until > world.now ? this.trouble.what : undefined;
      if (trouble === "forbidden") resolve(interpret<T>(403, { message: "Forbidden" }, isExpected));
      if (trouble !== undefined || (isCutOff && !barrier.isDeaf)) return;
      const isLost = isCutOff || (world.isChaotic && dice.chance(0.04));
      this.invoke(name, use, ({ status, body }) => {
        if (!isLost) resolve(interpret<T>(status, JSON.parse(JSON.stringify(body)), isExpected));
      });
    });
  }
}
