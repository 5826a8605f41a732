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
  /** The ARN of the stack's bus for forwarders (the output ForwarderBus), or of another bus with rules for notices. */
  readonly busArn: string;
  /** The ARN of a topic in this region that the alarm goes to. Default: the alarm is only in the console. */
  readonly alarmTopicArn?: string;
};

/** The name of a rule has at most 64 characters. Our longest ending is -forward-capacity-reservation. */
const MOST_LETTERS = 64 - "-forward-capacity-reservation".length;

const BUS_ARN = /^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[\w./-]+$/;

/**
 * For each further region or account with hosts: it sends the events of AWS there to a bus in Lastbeat's region. The
 * rules of that bus take them from there. The stack of the bus must name the account in `forwarderAccounts`, or its
 * organization.
 */
export class LastbeatForwarder extends Stack {
  constructor(scope: Construct, id: string, { busArn, alarmTopicArn, ...props }: ForwarderProps) {
    super(scope, id, props);
    if (this.stackName.length > MOST_LETTERS)
      throw new SettingError(
        `stackName has ${this.stackName.length} letters; it may have ${MOST_LETTERS}, because the names of the rules begin with it`,
      );
    if (!BUS_ARN.test(busArn))
      throw new SettingError(`busArn must be the ARN of an event bus, not ${JSON.stringify(busArn)}`);
    const undelivered = new Queue(this, "Undelivered", { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true });
    Validations.of(undelivered).acknowledge(
      { id: "AwsSolutions::AwsSolutions-SQS3", reason: "It is the dead-letter queue of each rule's target." },
      { id: "Serverless::Serverless-SQSRedrivePolicy", reason: "Undelivered events end here." },
    );
    const target = new ToBus(EventBus.fromEventBusArn(this, "Bus", busArn), { deadLetterQueue: undelivered });
    new NoticeRules(this, "Rules", `${this.stackName}-forward-`, target);
    const alarm = new Alarm(this, "NotForwarded", {
      alarmName: `${this.stackName}-not-forwarded`,
      alarmDescription:
        "Notices could not be forwarded: attempts here are not told to leave. docs/runbook.md: not-forwarded",
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
