import type { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { LastbeatForwarder } from "../../cdk/forwarder.ts";
import { SettingError } from "../../cdk/settings.ts";
import { noticeRules } from "./patterns.ts";
import { anApp, idOf, resourcesOf, templateOf } from "./synthesis.ts";

const BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/default";
const forwarder = (busArn: string): Stack => new LastbeatForwarder(anApp(), "LastbeatForwarder", { busArn });
const TEMPLATE = Template.fromStack(forwarder(BUS));
const RULES = [...noticeRules(TEMPLATE).values()];

describe("a forwarder", () => {
  test("waits for the same events as the service itself", () => {
    const patternsOf = (template: Template): readonly string[] =>
      [...noticeRules(template).values()].map(({ Properties }) => JSON.stringify(Properties.EventPattern));
    expect(patternsOf(TEMPLATE)).toEqual(patternsOf(templateOf()));
  });

  test("hands them on to the other bus, and keeps what it could not deliver", () => {
    const [undelivered] = resourcesOf(TEMPLATE, "AWS::SQS::Queue").keys();
    for (const { Properties } of RULES)
      expect(Properties.Targets.map(({ Arn, DeadLetterConfig }) => [Arn, idOf(DeadLetterConfig?.Arn)])).toEqual([
        [BUS, undelivered],
      ]);
  });

  test("may put events on that bus, and nothing else", () => {
    type Policy = { readonly PolicyDocument: { readonly Statement: readonly object[] } };
    const policies = [...resourcesOf<Policy>(TEMPLATE, "AWS::IAM::Policy").values()];
    expect(policies).toHaveLength(RULES.length);
    for (const { Properties } of policies)
      expect(Properties.PolicyDocument.Statement).toEqual([
        { Effect: "Allow", Action: "events:PutEvents", Resource: BUS },
      ]);
  });

  test("takes no name of a rule from the service, in case both are in one region", () => {
    const own = [...noticeRules(templateOf()).values()].map(({ Properties }) => Properties.Name);
    expect(RULES.filter(({ Properties }) => own.includes(Properties.Name))).toEqual([]);
  });

  test.each([
    "arn:aws:events:eu-central-1:123456789012:event-bus/default",
    "arn:aws-us-gov:events:us-gov-west-1:123456789012:event-bus/team/hosts",
  ])("knows %s as a bus", (arn) => {
    expect(() => forwarder(arn)).not.toThrow();
  });

  test.each([
    "",
    "default",
    "arn:aws:events:eu-central-1:123456789012:rule/default",
    "arn:aws:events:eu-central-1:1234:event-bus/default",
    "arn:aws:sqs:eu-central-1:123456789012:queue",
    `${BUS}\n`,
  ])("refuses %j as a bus", (arn) => {
    expect(() => forwarder(arn)).toThrow(SettingError);
    expect(() => forwarder(arn)).toThrow(/^busArn /);
  });
});

describe("accounts that may forward", () => {
  type Policy = {
    readonly StatementId: string;
    readonly Statement: { readonly Effect: string; readonly Action: string; readonly Principal: object };
  };

  test("are let onto the default bus one by one, to put events and nothing else", () => {
    const template = templateOf({ forwarderAccounts: ["111122223333", "444455556666"] });
    const policies = [...resourcesOf<Policy>(template, "AWS::Events::EventBusPolicy").values()];
    expect(
      policies.map(({ Properties: { Statement, StatementId } }) => [StatementId, Statement.Effect, Statement.Action]),
    ).toEqual([
      ["Lastbeat-lastbeat-111122223333", "Allow", "events:PutEvents"],
      ["Lastbeat-lastbeat-444455556666", "Allow", "events:PutEvents"],
    ]);
    const principals = policies.map(({ Properties }) => JSON.stringify(Properties.Statement.Principal));
    expect(principals[0]).toContain(":iam::111122223333:root");
    expect(principals[1]).toContain(":iam::444455556666:root");
    expect(principals.filter((principal) => principal.includes('"*"'))).toEqual([]);
  });

  test("are let in with what AWS says, and not with drills", () => {
    const [policy] = resourcesOf<{ readonly Statement: { readonly Condition: unknown } }>(
      templateOf({ forwarderAccounts: ["111122223333"] }),
      "AWS::Events::EventBusPolicy",
    ).values();
    expect(policy?.Properties.Statement.Condition).toEqual({
      StringEquals: { "events:source": ["aws.ec2", "aws.autoscaling", "aws.health"] },
    });
  });

  test("are none unless they are named", () => {
    templateOf().resourceCountIs("AWS::Events::EventBusPolicy", 0);
  });
});
