import { Duration, Stack, type StackProps, Validations } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { EventBus } from "aws-cdk-lib/aws-events";
import { EventBus as ToBus } from "aws-cdk-lib/aws-events-targets";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { NoticeRules } from "./rules.ts";
import { SettingError } from "./settings.ts";

export type ForwarderProps = StackProps & {
  /** The ARN of the bus that the stack made for forwarders (its output ForwarderBus); or of another bus with rules for notices. */
  readonly busArn: string;
  /** Where the alarm goes, by the ARN of a topic in this region. Default: nowhere but the console. */
  readonly alarmTopicArn?: string;
};

/** The name of a rule has 64 at most, and the longest of ours is -forward-capacity-reservation. */
const MOST_LETTERS = 64 - "-forward-capacity-reservation".length;

const BUS_ARN = /^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[\w./-]+$/;

/**
 * For each further region or account with hosts: hands on what AWS says there to a bus in the region where Lastbeat is, whose own
 * rules take it from there. That stack names the account in `forwarderAccounts`, or its organization.
 */
export class LastbeatForwarder extends Stack {
  constructor(scope: Construct, id: string, { busArn, alarmTopicArn, ...props }: ForwarderProps) {
    super(scope, id, props);
    if (this.stackName.length > MOST_LETTERS)
      throw new SettingError(
        `stackName has ${this.stackName.length} letters; ${MOST_LETTERS} leave room for the names of rules`,
      );
    if (!BUS_ARN.test(busArn))
      throw new SettingError(`busArn is the ARN of an event bus, not ${JSON.stringify(busArn)}`);
    const undelivered = new Queue(this, "Undelivered", { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true });
    Validations.of(undelivered).acknowledge(
      { id: "AwsSolutions::AwsSolutions-SQS3", reason: "It is the dead-letter queue of each rule's target." },
      { id: "Serverless::Serverless-SQSRedrivePolicy", reason: "It is where what was not delivered ends." },
    );
    const target = new ToBus(EventBus.fromEventBusArn(this, "Bus", busArn), { deadLetterQueue: undelivered });
    new NoticeRules(this, "Rules", `${this.stackName}-forward-`, target);
    const alarm = new Alarm(this, "NotForwarded", {
      alarmName: `${this.stackName}-not-forwarded`,
      alarmDescription:
        "Notices could not be handed on: runs here are not told to leave. docs/runbook.md: not-forwarded",
      metric: undelivered.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(1),
        statistic: "Maximum",
      }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    if (alarmTopicArn !== undefined)
      alarm.addAlarmAction(new SnsAction(Topic.fromTopicArn(this, "Topic", alarmTopicArn)));
  }
}
