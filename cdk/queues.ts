import { Duration, RemovalPolicy, Validations } from "aws-cdk-lib";
import { Queue, QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { MAX_RECEIVES, TICK_RETENTION_SECONDS } from "../lib/names.ts";
import { keyOf } from "./kms.ts";
import { TIMEOUTS } from "./limits.ts";
import type { Settings } from "./settings.ts";

/** The longest that SQS keeps a message. */
const LONGEST = Duration.days(14);

/** As AWS asks for: while Lambda tries a batch again after a throttle, nobody else receives it. */
const sixTimes = (seconds: number): Duration => Duration.seconds(6 * seconds);

/** The three queues, and the dead letters of the two whose messages are work. */
export class Queues extends Construct {
  /** What owners read: the next attempts. */
  readonly requeue: Queue;
  readonly requeueDeadLetters: Queue;
  /** What AWS, operators and runners say about hosts. */
  readonly notice: Queue;
  readonly noticeDeadLetters: Queue;
  /** The sweeps of the next minute. A tick that is not handled is worth nothing, so it has no dead letters. */
  readonly tick: Queue;

  private readonly encryption: Pick<QueueProps, "encryption" | "encryptionMasterKey">;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    const own = settings.removalPolicy === "retain" ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
    // A requeue holds the ticket of a run, and would be lost with the queue; a notice is told again by the state change.
    const key = keyOf(this, settings);
    this.encryption =
      key.encryptionKey === undefined
        ? { encryption: QueueEncryption.SQS_MANAGED }
        : { encryption: QueueEncryption.KMS, encryptionMasterKey: key.encryptionKey };
    this.requeueDeadLetters = this.queue("RequeueDeadLetters", { retentionPeriod: LONGEST, removalPolicy: own });
    this.requeue = this.queue("Requeue", {
      retentionPeriod: LONGEST,
      removalPolicy: own,
      // By default long enough to create a pod, short enough for a consumer that died not to cost the next attempt its start.
      visibilityTimeout: Duration.seconds(settings.requeueVisibilitySeconds),
      deadLetterQueue: { queue: this.requeueDeadLetters, maxReceiveCount: MAX_RECEIVES },
    });
    this.noticeDeadLetters = this.queue("NoticeDeadLetters", { retentionPeriod: LONGEST });
    for (const last of [this.requeueDeadLetters, this.noticeDeadLetters])
      Validations.of(last).acknowledge({
        id: "Serverless::Serverless-SQSRedrivePolicy",
        reason: "It is where redrives end.",
      });
    this.notice = this.queue("Notice", {
      retentionPeriod: Duration.days(1), // later the leases have told
      visibilityTimeout: sixTimes(TIMEOUTS.notice),
      deadLetterQueue: { queue: this.noticeDeadLetters, maxReceiveCount: MAX_RECEIVES },
    });
    this.tick = this.queue("Tick", {
      retentionPeriod: Duration.seconds(TICK_RETENTION_SECONDS),
      visibilityTimeout: sixTimes(TIMEOUTS.sweep),
    });
    Validations.of(this.tick).acknowledge(
      {
        id: "AwsSolutions::AwsSolutions-SQS3",
        reason: "A tick is worth nothing once it is late: the next one sweeps the same items.",
      },
      { id: "Serverless::Serverless-SQSRedrivePolicy", reason: "A tick is worth nothing once it is late." },
    );
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
