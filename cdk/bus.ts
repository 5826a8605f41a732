import { Stack } from "aws-cdk-lib";
import { CfnEventBusPolicy, EventBus, type IEventBus } from "aws-cdk-lib/aws-events";
import { Construct } from "constructs";
import type { Queues } from "./queues.ts";
import { NoticeRules, SOURCES, toQueue } from "./rules.ts";
import type { Settings } from "./settings.ts";

/**
 * A bus for the events of forwarders. On the default bus the events of other accounts would match every rule that the
 * account has for its own instances.
 */
export class ForwarderBus extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, settings: Settings, queues: Queues) {
    super(scope, id);
    const bus = new EventBus(this, "Bus", { eventBusName: `${settings.name}-forwarded` });
    this.arn = bus.eventBusArn;
    // The library's types do not agree with each other.
    new NoticeRules(this, "Rules", `${settings.name}-remote-`, toQueue(queues), bus as IEventBus);
    const { partition } = Stack.of(this);
    const admit = (statementId: string, who: object | "*", more: object = {}): void => {
      new CfnEventBusPolicy(this, statementId, {
        eventBusName: bus.eventBusName,
        statementId,
        statement: {
          Effect: "Allow",
          Principal: who,
          Action: "events:PutEvents",
          Resource: this.arn,
          // Events of AWS, but no drills: drills are played in this account.
          Condition: {
            "ForAllValues:StringEquals": { "events:source": SOURCES },
            Null: { "events:source": "false" },
            ...more,
          },
        },
      });
    };
    const { forwarderAccounts, forwarderOrganization } = settings;
    // One statement for all: a policy has room for 34 that name one account each.
    if (forwarderAccounts.length > 0)
      admit("Accounts", { AWS: forwarderAccounts.map((account) => `arn:${partition}:iam::${account}:root`) });
    if (forwarderOrganization !== undefined)
      admit("Organization", "*", { StringEquals: { "aws:PrincipalOrgID": forwarderOrganization } });
  }
}
