import { notice, noticeOfRunner } from "../../lib/app/notice.ts";
import { type Evidence, type EvidenceKind, explains, type Notice } from "../../lib/core/evidence.ts";
import { after, type Instant, instant, seconds } from "../../lib/core/time.ts";
import { ownMessage } from "../../lib/wire/notices.ts";
import { Away, type Cloud } from "./cloud.ts";
import type { Pods } from "./pods.ts";
import type { World } from "./world.ts";

/** What happens to hosts, and what is told of it: late, never, twice, or although nothing happens. */
export class News {
  private readonly world: World;
  private readonly cloud: Cloud;
  private readonly pods: Pods;
  private events = 0;
  private relayed = 0;
  /** The evidence that was delivered, by host. */
  readonly delivered = new Map<string, Evidence[]>();

  constructor(world: World, cloud: Cloud, pods: Pods) {
    this.world = world;
    this.cloud = cloud;
    this.pods = pods;
  }

  /** A host is reclaimed: perhaps a warning, then its death, then perhaps the word that it is gone, and why. */
  reclaim(host: string): void {
    const { world } = this;
    const { dice } = world;
    const warned = world.now;
    const dies = instant(warned + dice.between(2000, 40_000));
    if (dice.chance(0.7)) this.tell(host, "spot-interruption", warned, dice.between(0, 20_000), { deadline: dies });
    world.at(dies, () => {
      this.pods.hostDies(host);
      if (dice.chance(0.7)) this.tell(host, "terminated", dies, dice.between(0, 60_000), { goneAt: dies });
      const evicted = instant(dies - dice.between(0, 14_000));
      if (dice.chance(0.5))
        this.tell(host, "evicted", evicted, dice.between(0, 200_000), { goneAt: after(evicted, seconds(15)) });
    });
  }

  /** Everything goes at once. */
  reclaimAll(): void {
    for (const host of ["h0", "h1", "h2"]) this.reclaim(host);
  }

  /** A word that nothing follows: a false alarm, advice, an operator who changes his mind. */
  rumour(host: string): void {
    const kind = this.world.dice.pick<EvidenceKind>([
      "spot-interruption",
      "rebalance",
      "drain",
      "scale-in",
      "stopping",
    ]);
    this.tell(host, kind, this.world.now, this.world.dice.between(0, 30_000), {});
  }

  /** What runners have told of themselves waits in the notice queue. */
  relay(): void {
    const { sent } = this.cloud.notices;
    const message = ownMessage(sent[this.relayed]);
    if (this.relayed >= sent.length) return;
    this.relayed += 1;
    if (message?.["detail-type"] !== "Lastbeat Attempt Notice") return;
    const { run, shard, fence } = message.detail;
    const evidence: Evidence = { id: message.id, source: "runner", kind: "sigterm", at: this.world.now };
    this.deliver(`notice of ${run}`, (app) => noticeOfRunner(app, { run, shard, fence }, evidence), 0);
  }

  hasMail(): boolean {
    return this.relayed < this.cloud.notices.sent.length;
  }

  private tell(
    host: string,
    kind: EvidenceKind,
    at: Instant,
    delay: number,
    more: { deadline?: Instant; goneAt?: Instant },
  ): void {
    this.events += 1;
    const { deadline, goneAt } = more;
    const evidence: Evidence = {
      id: `e${this.events}`,
      source: "aws.ec2",
      kind,
      at,
      ...(goneAt !== undefined && { goneAt }),
    };
    const told: Notice = { host, evidence, ...(deadline !== undefined && { deadline }) };
    this.deliver(
      `${kind} of ${host}`,
      (app) => notice(app, told),
      delay,
      () => {
        if (!explains(evidence)) return;
        this.delivered.set(host, [...(this.delivered.get(host) ?? []), evidence]);
      },
    );
  }

  /** At least once: a delivery that failed or vanished comes again, and so does one in ten that did not. */
  private deliver(
    name: string,
    use: (app: ReturnType<Cloud["appFor"]>) => Promise<unknown>,
    delay: number,
    onDone: () => void = () => {},
  ): void {
    const { world } = this;
    let isDone = false;
    const attempt = (): void => {
      if (isDone) return;
      world.spawn(name, "lambda", async (process) => {
        try {
          await use(this.cloud.appFor(process));
        } catch (error) {
          if (!(error instanceof Away)) throw error;
          return;
        }
        if (!process.isAlive) return;
        isDone = true;
        onDone();
        if (world.isChaotic && world.dice.chance(0.1)) {
          world.count("notice came again");
          isDone = false;
        }
      });
      world.at(instant(world.now + world.dice.between(11_000, 20_000)), attempt);
    };
    world.at(instant(world.now + delay), attempt);
  }
}
