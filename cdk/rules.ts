import type { IEventBus, IRuleTarget } from "aws-cdk-lib/aws-events";
import { type EventPattern, Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import { DRILL_SOURCE, type NOTICE_RULES } from "../lib/names.ts";
import type { Queues } from "./queues.ts";

type Pattern = Required<Pick<EventPattern, "source" | "detailType">> & EventPattern;

/**
 * The events of AWS about hosts, by the name of the rule. The patterns filter out events that end no attempt, such as
 * an instance that starts or the maintenance of a volume: they invoke nothing. lib/evidence/aws reads the events.
 */
const NOTICES: Readonly<Record<(typeof NOTICE_RULES)[number], Pattern>> = {
  "spot-interruption": { source: ["aws.ec2"], detailType: ["EC2 Spot Instance Interruption Warning"] },
  rebalance: { source: ["aws.ec2"], detailType: ["EC2 Instance Rebalance Recommendation"] },
  "state-change": {
    source: ["aws.ec2"],
    detailType: ["EC2 Instance State-change Notification"],
    detail: { state: ["stopping", "stopped", "shutting-down", "terminated"] },
  },
  "capacity-reservation": {
    source: ["aws.ec2"],
    detailType: ["EC2 Capacity Reservation Instance Interruption Warning"],
  },
  "bid-evicted": {
    source: ["aws.ec2"],
    detailType: ["AWS Service Event via CloudTrail"],
    detail: { eventName: ["BidEvictedEvent"] },
  },
  "scale-in": {
    source: ["aws.autoscaling"],
    detailType: ["EC2 Instance-terminate Lifecycle Action", "EC2 Instance Terminate Successful"],
  },
  health: {
    source: ["aws.health"],
    detailType: ["AWS Health Event"],
    detail: { service: ["EC2"], eventTypeCategory: ["scheduledChange"] },
  },
};

/** The services that send these events. */
export const SOURCES: readonly string[] = [...new Set(Object.values(NOTICES).flatMap(({ source }) => source))];

/** The rules, each with the target. AWS reserves its own sources, so a drill has another source, in the same rule. */
export class NoticeRules extends Construct {
  /** `prefix`: the beginning of the rules' names. `eventBus`: by default the account's own bus. */
  constructor(scope: Construct, id: string, prefix: string, target: IRuleTarget, eventBus?: IEventBus) {
    super(scope, id);
    for (const [name, pattern] of Object.entries(NOTICES))
      new Rule(this, name, {
        ruleName: `${prefix}${name}`,
        description: `Lastbeat: ${pattern.detailType.join(", ")}`,
        eventPattern: { ...pattern, source: [...pattern.source, DRILL_SOURCE] },
        targets: [target],
        ...(eventBus !== undefined && { eventBus }),
      });
  }
}

/** The notice queue as a target. Events that EventBridge cannot deliver within a day go to its dead letters. */
export const toQueue = ({ notice, noticeDeadLetters }: Queues): IRuleTarget =>
  new SqsQueue(notice, { deadLetterQueue: noticeDeadLetters });
