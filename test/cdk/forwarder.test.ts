import type { Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { LastbeatForwarder } from "../../cdk/forwarder.ts";
import { type LastbeatProps, SettingError } from "../../cdk/settings.ts";
import { noticeRules } from "./patterns.ts";
import { anApp, idOf, resourcesOf, templateOf, type Value } from "./synthesis.ts";

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

  test("has a name that leaves room for those of its rules", () => {
    const named = (letters: number): Stack => new LastbeatForwarder(anApp(), "F".repeat(letters), { busArn: BUS });
    const names = [...noticeRules(Template.fromStack(named(34))).values()].map(({ Properties }) => Properties.Name);
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(64);
    expect(() => named(36)).toThrow(/^stackName has 36 letters/);
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

describe("what could not be handed on", () => {
  test("rings", () => {
    const [undelivered] = resourcesOf(TEMPLATE, "AWS::SQS::Queue").keys();
    const [alarm] = resourcesOf<{ readonly Dimensions: readonly { readonly Value: Value }[] }>(
      TEMPLATE,
      "AWS::CloudWatch::Alarm",
    ).values();
    expect(idOf(alarm?.Properties.Dimensions[0]?.Value)).toBe(undelivered);
    TEMPLATE.hasResourceProperties("AWS::CloudWatch::Alarm", { Threshold: 1, AlarmActions: Match.absent() });
  });

  test("rings where the topic leads", () => {
    const alarmTopicArn = "arn:aws:sns:eu-west-1:123456789012:alarms";
    const stack = new LastbeatForwarder(anApp(), "LastbeatForwarder", { busArn: BUS, alarmTopicArn });
    Template.fromStack(stack).hasResourceProperties("AWS::CloudWatch::Alarm", { AlarmActions: [alarmTopicArn] });
  });
});

describe("the bus of forwarders", () => {
  type Policy = {
    readonly StatementId: string;
    readonly EventBusName: Value;
    readonly Statement: {
      readonly Effect: string;
      readonly Action: string;
      readonly Principal: unknown;
      readonly Condition: object;
    };
  };
  const policiesOf = (props: LastbeatProps): readonly Policy[] =>
    [...resourcesOf<Policy>(templateOf(props), "AWS::Events::EventBusPolicy").values()].map(
      ({ Properties }) => Properties,
    );
  const OF_AWS = {
    "ForAllValues:StringEquals": { "events:source": ["aws.ec2", "aws.autoscaling", "aws.health"] },
    Null: { "events:source": "false" },
  };

  test("takes what AWS says, and no drills, from any number of accounts by one statement", () => {
    const accounts = Array.from({ length: 100 }, (_, index) => String(111_122_220_000 + index));
    const [policy, ...others] = policiesOf({ forwarderAccounts: accounts });
    expect(others).toEqual([]);
    expect(policy?.Statement).toMatchObject({ Effect: "Allow", Action: "events:PutEvents", Condition: OF_AWS });
    const principals = JSON.stringify(policy?.Statement.Principal);
    expect(accounts.filter((account) => !principals.includes(`:iam::${account}:root`))).toEqual([]);
    expect(principals).not.toContain('"*"');
    expect(JSON.stringify(policy).length).toBeLessThan(10_240); // EventBridge's quota
  });

  test("takes it from every account of an organization, and from nobody else", () => {
    const [policy, ...others] = policiesOf({ forwarderOrganization: "o-a1b2c3d4e5" });
    expect(others).toEqual([]);
    expect(policy?.Statement).toMatchObject({
      Principal: "*",
      Condition: { ...OF_AWS, StringEquals: { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } },
    });
  });

  test("has the same rules as the default bus, on which nothing is put", () => {
    const template = templateOf({ forwarderAccounts: ["111122223333"] });
    const [bus] = resourcesOf(template, "AWS::Events::EventBus").keys();
    const rules = [...noticeRules(template).values()].map(({ Properties }) => Properties);
    const isOnBus = ({ EventBusName }: { readonly EventBusName?: Value }): boolean =>
      EventBusName !== undefined && idOf(EventBusName) === bus;
    const patterns = (of: typeof rules): readonly string[] => of.map((rule) => JSON.stringify(rule.EventPattern));
    const onBus = rules.filter(isOnBus);
    expect(onBus).toHaveLength(7);
    expect(patterns(onBus)).toEqual(patterns(rules.filter((rule) => !isOnBus(rule))));
    const [policy] = policiesOf({ forwarderAccounts: ["111122223333"] });
    expect(idOf(policy?.EventBusName)).toBe(bus);
  });

  test("is there only where somebody is named", () => {
    templateOf().resourceCountIs("AWS::Events::EventBus", 0);
    templateOf().resourceCountIs("AWS::Events::EventBusPolicy", 0);
  });
});
