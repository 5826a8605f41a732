import { Duration, RemovalPolicy, Validations } from "aws-cdk-lib";
import { Queue, QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { MAX_RECEIVES, TICK_RETENTION_SECONDS } from "../lib/names.ts";
import { keyOf } from "./kms.ts";
import { TIMEOUTS } from "./limits.ts";
import { hasTargets, type Settings } from "./settings.ts";

/** The longest time for which SQS keeps a message. */
const LONGEST = Duration.days(14);

/** AWS recommends this: while Lambda tries a batch again after a throttle, no other poller receives it. */
const sixTimes = (seconds: number): Duration => Duration.seconds(6 * seconds);

/** Attempts that a target is asked to start, and those that it could not start. */
export type DispatchQueues = { readonly waiting: Queue; readonly deadLetters: Queue };

/** The queues, and dead letters for those whose messages must not be lost. */
export class Queues extends Construct {
  /** Messages for consumers: the next attempts. */
  readonly requeue: Queue;
  readonly requeueDeadLetters: Queue;
  /** Notices of AWS, operators and runners about hosts. */
  readonly notice: Queue;
  readonly noticeDeadLetters: Queue;
  /** The ticks of the next minute. A tick that was not handled is worth nothing, so there are no dead letters. */
  readonly tick: Queue;

  /** The ticks of the looks at clusters, if there are any. */
  readonly watch: Queue | undefined;
  /** What targets need, if there are any. */
  readonly dispatch: DispatchQueues | undefined;

  private readonly encryption: Pick<QueueProps, "encryption" | "encryptionMasterKey">;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    const own = settings.removalPolicy === "retain" ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
    // A requeue message holds the ticket of a run, and would be lost with the queue. A lost notice is followed by a
    // state change.
    const key = keyOf(this, settings);
    this.encryption =
      key.encryptionKey === undefined
        ? { encryption: QueueEncryption.SQS_MANAGED }
        : { encryption: QueueEncryption.KMS, encryptionMasterKey: key.encryptionKey };
    this.requeueDeadLetters = this.queue("RequeueDeadLetters", { retentionPeriod: LONGEST, removalPolicy: own });
    this.requeue = this.queue("Requeue", {
      retentionPeriod: LONGEST,
      removalPolicy: own,
      // The default is long enough to create a pod. It is short enough that a dead consumer does not cost the attempt
      // its start.
      visibilityTimeout: Duration.seconds(settings.requeueVisibilitySeconds),
      deadLetterQueue: { queue: this.requeueDeadLetters, maxReceiveCount: MAX_RECEIVES },
    });
    this.noticeDeadLetters = this.queue("NoticeDeadLetters", { retentionPeriod: LONGEST });
    for (const last of [this.requeueDeadLetters, this.noticeDeadLetters])
      Validations.of(last).acknowledge({
        id: "Serverless::Serverless-SQSRedrivePolicy",
        reason: "Failed messages end here.",
      });
    this.notice = this.queue("Notice", {
      retentionPeriod: Duration.days(1), // after that, the leases have ended the attempts
      visibilityTimeout: sixTimes(TIMEOUTS.notice),
      deadLetterQueue: { queue: this.noticeDeadLetters, maxReceiveCount: MAX_RECEIVES },
    });
    this.tick = this.ticks("Tick", TIMEOUTS.sweep);
    this.watch = settings.clusters.length === 0 ? undefined : this.ticks("Watch", TIMEOUTS.watch);
    this.dispatch = hasTargets(settings) ? this.dispatches(own) : undefined;
  }

  private dispatches(removalPolicy: RemovalPolicy): DispatchQueues {
    // A message holds the ticket of a run, as those of the requeue queue do.
    const deadLetters = this.queue("DispatchDeadLetters", { retentionPeriod: LONGEST, removalPolicy });
    Validations.of(deadLetters).acknowledge({
      id: "Serverless::Serverless-SQSRedrivePolicy",
      reason: "Failed messages end here.",
    });
    const waiting = this.queue("Dispatch", {
      retentionPeriod: LONGEST,
      removalPolicy,
      visibilityTimeout: sixTimes(TIMEOUTS.dispatch),
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVES },
    });
    return { waiting, deadLetters };
  }

  private ticks(id: string, timeoutSeconds: number): Queue {
    const queue = this.queue(id, {
      retentionPeriod: Duration.seconds(TICK_RETENTION_SECONDS),
      visibilityTimeout: sixTimes(timeoutSeconds),
    });
    Validations.of(queue).acknowledge(
      { id: "AwsSolutions::AwsSolutions-SQS3", reason: "A late tick is worth nothing: the next one does the same." },
      { id: "Serverless::Serverless-SQSRedrivePolicy", reason: "A late tick is worth nothing." },
    );
    return queue;
  }

  private queue(id: string, props: QueueProps): Queue {
    return new Queue(this, id, {
      ...this.encryption,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY,
      ...props,
    });
  }
}
