import { Contended } from "../../lib/app/change.ts";
import { notice, noticeOfRunner } from "../../lib/app/notice.ts";
import { type Evidence, type EvidenceKind, explains, type Notice } from "../../lib/core/evidence.ts";
import { fence as fenceOf } from "../../lib/core/run.ts";
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

  /** A host is reclaimed: perhaps a warning, then its death, and before or after it perhaps the word that it goes, or why. */
  reclaim(host: string): void {
    const { world } = this;
    const { dice } = world;
    const warned = world.now;
    const dies = instant(warned + dice.between(2000, 40_000));
    if (dice.chance(0.6)) this.tell(host, "spot-interruption", warned, dice.between(0, 20_000), { deadline: dies });
    const evicted = instant(Math.max(warned, dies - dice.between(0, 14_000)));
    if (dice.chance(0.6))
      world.at(evicted, () =>
        this.tell(host, "evicted", evicted, this.delay(), { goneAt: after(evicted, seconds(15)) }),
      );
    world.at(dies, () => {
      this.pods.hostDies(host);
      if (dice.chance(0.7)) this.tell(host, "terminated", dies, this.delay(), { goneAt: dies });
    });
  }

  /** At once, about when the lease of what stood there runs out, or minutes later. */
  private delay(): number {
    const { dice } = this.world;
    return dice.pick<number>([dice.between(0, 4000), dice.between(10_000, 26_000), dice.between(0, 200_000)]);
  }

  /** Everything goes at once. */
  reclaimAll(): void {
    for (const host of this.pods.hosts) this.reclaim(host);
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

  /** The word that a host is gone which is not. It comes so late that everybody who is alive there has beaten since. */
  hoax(host: string): void {
    const { world } = this;
    this.tell(host, "terminated", world.now, world.dice.between(24_000, 60_000), { goneAt: world.now });
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
    this.deliver(`notice of ${run}`, (app) => noticeOfRunner(app, { run, shard, fence: fenceOf(fence) }, evidence), 0);
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
          if (!(error instanceof Away || error instanceof Contended)) throw error;
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
