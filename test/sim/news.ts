import { heed } from "../../lambdas/heed.ts";
import { Contended } from "../../lib/app/change.ts";
import { drain } from "../../lib/app/drain.ts";
import { RETENTION } from "../../lib/app/retention.ts";
import { type Evidence, type EvidenceKind, explains } from "../../lib/core/evidence.ts";
import { isClaimed } from "../../lib/core/run.ts";
import { after, type Instant, instant, seconds } from "../../lib/core/time.ts";
import { parseEvent } from "../../lib/evidence/aws/parse.ts";
import { iso } from "../../lib/wire/instants.ts";
import { ownMessage, sharedOf } from "../../lib/wire/own-events.ts";
import { Away, type Cloud } from "./cloud.ts";
import type { Network } from "./network.ts";
import type { Pods } from "./pods.ts";
import type { About, World } from "./world.ts";

/** Evidence about a host, or about one attempt from its own runner. */
export type Word = {
  readonly evidence: Evidence;
  readonly host?: string;
  readonly attempt?: { readonly run: string; readonly fence: number };
  /** Whether it explains an end, and was never taken back. */
  isExplaining: boolean;
  /** When it was completely processed for the first time; infinite before. */
  heardAt: number;
};

const RUNNERS_KINDS = { sigterm: "sigterm", spot: "spot-interruption", rebalance: "rebalance" } as const;

/** Whether a delivery failed in an expected way, so that it comes again. */
export function isExpected(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isExpected);
  return error instanceof Away || error instanceof Contended;
}

/** What happens to hosts, and the events of AWS that tell of it: late, never, twice, or although nothing happens. */
export class News {
  private readonly world: World;
  private readonly cloud: Cloud;
  private readonly network: Network;
  private readonly pods: Pods;
  private events = 0;
  private relayed = 0;

  constructor(world: World, cloud: Cloud, network: Network, pods: Pods) {
    this.world = world;
    this.cloud = cloud;
    this.network = network;
    this.pods = pods;
  }

  /**
   * A host is reclaimed. Perhaps there is a warning, then it dies, and before or after that an event perhaps says that
   * it goes, or why.
   */
  reclaim(host: string): void {
    const { world } = this;
    const { dice } = world;
    const warned = world.now;
    const dies = instant(warned + dice.between(2000, 40_000));
    if (dice.chance(0.6))
      this.tell(this.aboutHost("EC2 Spot Instance Interruption Warning", host, warned), dice.between(0, 20_000));
    if (dice.chance(0.3)) this.tell(this.stateChange(host, "stopping", warned), dice.between(0, 10_000));
    const evicted = instant(Math.max(warned, dies - dice.between(0, 14_000)));
    if (dice.chance(0.6)) world.at(evicted, () => this.tell(this.eviction(host, evicted), this.delay()));
    if (dice.chance(0.2)) world.at(dies, () => this.tell(this.scaledIn(host, warned, dies), this.delay()));
    world.at(dies, () => {
      this.pods.hostDies(host);
      if (dice.chance(0.7)) this.tell(this.stateChange(host, "terminated", dies), this.delay());
    });
  }

  /** At once, or about when the leases there run out, or minutes later; or out of the dead letters, in another life. */
  private delay(): number {
    const { dice } = this.world;
    if (this.cloud.retention < RETENTION && dice.chance(0.3)) return dice.between(200_000, 700_000);
    return dice.pick<number>([dice.between(0, 4000), dice.between(10_000, 26_000), dice.between(0, 200_000)]);
  }

  /** All hosts go at once. */
  reclaimAll(): void {
    for (const host of this.pods.hosts) this.reclaim(host);
  }

  /** Evidence that nothing follows: a false alarm, advice, or an operator who takes it back. */
  rumour(host: string): void {
    const { now, dice } = this.world;
    const events = [
      this.aboutHost("EC2 Spot Instance Interruption Warning", host, now),
      this.aboutHost("EC2 Instance Rebalance Recommendation", host, now),
      this.aboutHost("EC2 Capacity Reservation Instance Interruption Warning", host, now),
      this.stateChange(host, "stopping", now),
      this.event("EC2 Instance-terminate Lifecycle Action", "aws.autoscaling", now, {
        LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
        EC2InstanceId: host,
      }),
      this.maintenance(host, instant(now + dice.between(0, 60_000)), "upcoming"),
    ] as const;
    this.tell(dice.pick<object>(events), dice.between(0, 30_000));
  }

  /** A maintenance is announced, and called off before it begins. The two events may come in either order. */
  calledOff(host: string): void {
    const { now, dice } = this.world;
    const start = instant(now + dice.between(20_000, 100_000));
    const [announced, closed] = [this.maintenance(host, start, "upcoming"), this.maintenance(host, start, "closed")];
    this.tell(announced, dice.between(0, 20_000));
    this.tell(closed, dice.between(0, 20_000));
  }

  /** An operator drains a host, and often repeats the request. */
  drain(host: string): void {
    const { world } = this;
    const asked = world.dice.chance(0.5) ? { deadlineSeconds: world.dice.between(0, 120) } : {};
    const ask = (): void =>
      void this.network.request(`drain ${host}`, "owner", seconds(8), async (app) => {
        await drain(app, host, { ...asked, reason: "terminated" });
        return { status: 202, body: {} };
      });
    for (let times: number = world.dice.pick([1, 1, 2, 4]); times > 0; times -= 1)
      world.at(instant(world.now + world.dice.between(0, 30_000)), ask);
  }

  /** A false event that a host is gone. It comes so late that every attempt that is alive there has beaten since. */
  hoax(host: string): void {
    this.tell(this.stateChange(host, "terminated", this.world.now), this.world.dice.between(40_000, 60_000));
  }

  private event(type: string, source: string, at: Instant, detail: object): object {
    this.events += 1;
    return {
      version: "0",
      id: `event-${this.events}`,
      "detail-type": type,
      source,
      time: iso(at),
      resources: [],
      detail,
    };
  }

  private aboutHost(type: string, host: string, at: Instant): object {
    return this.event(type, "aws.ec2", at, { "instance-id": host, "instance-action": "terminate" });
  }

  private stateChange(host: string, state: string, at: Instant): object {
    return this.event("EC2 Instance State-change Notification", "aws.ec2", at, { "instance-id": host, state });
  }

  private eviction(host: string, at: Instant): object {
    return this.event("AWS Service Event via CloudTrail", "aws.ec2", at, {
      eventName: "BidEvictedEvent",
      eventTime: iso(at),
      eventID: `record-${this.events}`,
      serviceEventDetails: { instanceIdSet: [host] },
    });
  }

  /** The group tells of the end when it is over, and says when it began. */
  private scaledIn(host: string, began: Instant, at: Instant): object {
    return this.event("EC2 Instance Terminate Successful", "aws.autoscaling", at, {
      EC2InstanceId: host,
      StartTime: iso(began),
      Cause: "a user request",
    });
  }

  private maintenance(host: string, start: Instant, statusCode: string): object {
    return this.event("AWS Health Event", "aws.health", this.world.now, {
      service: "EC2",
      eventTypeCategory: "scheduledChange",
      eventArn: `arn:${host}:${start}`,
      startTime: iso(start),
      statusCode,
      affectedEntities: [{ entityValue: host }],
    });
  }

  /** Delivers what runners, operators and long notices have put into the queue. */
  relay(): void {
    const { sent } = this.cloud.notices;
    if (this.relayed >= sent.length) return;
    const event = sent[this.relayed] as object;
    this.relayed += 1;
    const message = ownMessage(JSON.parse(JSON.stringify(event)));
    if (message?.["detail-type"] === "Lastbeat Attempt Notice") {
      const { run, fence, kind, at } = message.detail;
      // Where the attempt really was, whatever the message says.
      const stood = this.cloud.laws.lives
        .since(0, run)
        .find((version) => version.run?.fence === fence && isClaimed(version.run));
      const host = stood?.run !== undefined && isClaimed(stood.run) ? stood.run.host : undefined;
      const evidence: Evidence = {
        id: message.id,
        source: "runner",
        kind: RUNNERS_KINDS[kind],
        at: instant(Date.parse(at)),
      };
      const isForHost = this.cloud.trustRunners && kind !== "sigterm" && host !== undefined;
      const told = [
        this.word(evidence, { attempt: { run, fence } }),
        ...(isForHost ? [this.word(evidence, { host })] : []),
      ];
      this.deliver(event, { hosts: isForHost ? [host] : [], attempt: { run, fence } }, 0, told);
    } else if (message?.["detail-type"] === "Lastbeat Notice Shared") {
      const { evidence, hosts } = sharedOf(message.detail);
      const told = hosts.map((host) => this.word(evidence, { host }));
      this.deliver(event, { hosts }, 0, told);
    } else if (message?.["detail-type"] === "Lastbeat Notice Continued")
      this.deliver(event, { hosts: [message.detail.notice.host] }, 0, []);
    else this.tell(event, 0);
  }

  hasMail(): boolean {
    return this.relayed < this.cloud.notices.sent.length;
  }

  private word(evidence: Evidence, about: Pick<Word, "host" | "attempt">): Word {
    const word: Word = { evidence, ...about, isExplaining: explains(evidence), heardAt: Number.POSITIVE_INFINITY };
    this.cloud.laws.words.push(word);
    const same = this.cloud.laws.words.filter((other) => other.evidence.id === evidence.id);
    // If evidence was taken back, or told again with another time, that may be what is known of it.
    if (same.some((other) => other.evidence.withdrawn === true || other.evidence.at !== evidence.at))
      for (const other of same) if (other.attempt === undefined) other.isExplaining = false;
    this.world.count(
      `word ${evidence.kind satisfies EvidenceKind}${evidence.withdrawn === true ? ", taken back" : ""}`,
    );
    return word;
  }

  private tell(event: object, delay: number): void {
    const parsed = parseEvent(event, after(this.world.now, seconds(0)));
    const notices = parsed.kind === "notices" ? parsed.notices : [];
    const told = notices.map(({ host, evidence }) => this.word(evidence, { host }));
    this.deliver(event, { hosts: notices.map(({ host }) => host) }, delay, told);
  }

  /** Delivers at least once. A delivery that failed or vanished comes again, and so does one in ten of the others. */
  private deliver(event: object, about: About, delay: number, told: readonly Word[]): void {
    const { world } = this;
    const name = `notice of ${[...about.hosts, about.attempt?.run].join(" ")}`;
    let isDone = false;
    let tries = 0;
    const heard = (): void => {
      for (const word of told) {
        word.heardAt = Math.min(word.heardAt, world.now);
        this.cloud.laws.heeded(word);
      }
    };
    const attempt = (): void => {
      // A delivery about something that is broken always fails. SQS gives up after five tries.
      if (isDone || (tries >= 5 && !world.isChaotic)) return;
      tries += 1;
      world.spawn(
        name,
        "lambda",
        async (process) => {
          try {
            await heed(this.cloud.appFor(process), JSON.stringify(event));
          } catch (error) {
            if (!isExpected(error)) throw error;
            // In calm only what is broken fails, and everybody else has heard it.
            if (!world.isChaotic && process.isAlive) heard();
            return;
          }
          if (!process.isAlive) return;
          isDone = true;
          heard();
          if (world.isChaotic && world.dice.chance(0.1)) {
            world.count("notice came again");
            isDone = false;
          }
        },
        { about },
      );
      world.at(instant(world.now + world.dice.between(11_000, 20_000)), attempt);
    };
    world.at(instant(world.now + delay), attempt);
  }
}
