import { Stack, type StackProps, Validations } from "aws-cdk-lib";
import { EventBus } from "aws-cdk-lib/aws-events";
import { EventBus as ToBus } from "aws-cdk-lib/aws-events-targets";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { NoticeRules } from "./rules.ts";
import { SettingError } from "./settings.ts";

export type ForwarderProps = StackProps & {
  /** The ARN of the default event bus in the region and account where Lastbeat is. */
  readonly busArn: string;
};

const BUS_ARN = /^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[\w./-]+$/;

/**
 * For each further region or account with hosts: hands on what AWS says there to the bus of the region where Lastbeat is,
 * whose own rules take it from there. Another account has to be named there, in `forwarderAccounts`.
 */
export class LastbeatForwarder extends Stack {
  constructor(scope: Construct, id: string, { busArn, ...props }: ForwarderProps) {
    super(scope, id, props);
    if (!BUS_ARN.test(busArn))
      throw new SettingError(`busArn is the ARN of an event bus, not ${JSON.stringify(busArn)}`);
    const undelivered = new Queue(this, "Undelivered", { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true });
    Validations.of(undelivered).acknowledge(
      { id: "AwsSolutions::AwsSolutions-SQS3", reason: "It is the dead-letter queue of each rule's target." },
      { id: "Serverless::Serverless-SQSRedrivePolicy", reason: "It is where what was not delivered ends." },
    );
    const target = new ToBus(EventBus.fromEventBusArn(this, "Bus", busArn), { deadLetterQueue: undelivered });
    new NoticeRules(this, "Rules", `${this.stackName}-forward-`, target);
  }
}
