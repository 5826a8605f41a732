import { readFileSync } from "node:fs";
import { Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Topic } from "aws-cdk-lib/aws-sns";
import { describe, expect, test } from "vitest";
import { LastbeatForwarder } from "../../cdk/forwarder.ts";
import { Lastbeat } from "../../cdk/lastbeat.ts";
import { BEAT_MB, ALARMS as COUNTED_ALARMS, OTHER_MB } from "../../lib/cost/usage.ts";
import { METRICS } from "../../lib/names.ts";
import { anApp, idOf, lambdasOf, resourcesOf, templateOf, type Value } from "./synthesis.ts";

type Alarm = {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: Value }[];
  readonly TreatMissingData: string;
  readonly Threshold: number;
  readonly DatapointsToAlarm: number;
  readonly EvaluationPeriods: number;
  readonly AlarmActions?: readonly Value[];
  readonly OKActions?: readonly Value[];
};

const TEMPLATE = templateOf({ name: "jobs" });
const alarmsIn = (template: Template): readonly Alarm[] =>
  [...resourcesOf<Alarm>(template, "AWS::CloudWatch::Alarm").values()].map(({ Properties }) => Properties);
const ALARMS = alarmsIn(TEMPLATE);
const headingOf = ({ AlarmName }: Alarm): string => AlarmName.replace(/^jobs-/, "");

describe("the alarms", () => {
  test("are each a heading of the runbook, and each heading there is an alarm", () => {
    const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
    const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    const busArn = "arn:aws:events:eu-central-1:123456789012:event-bus/jobs-forwarded";
    const forwarder = Template.fromStack(new LastbeatForwarder(anApp(), "jobs", { busArn }));
    const withClusters = alarmsIn(templateOf({ name: "jobs", clusters: [{ name: "prod" }] }));
    const all = [...withClusters, ...alarmsIn(forwarder)];
    expect(headings.sort()).toEqual(all.map(headingOf).sort());
  });

  test("begin with the name of the deployment, and say where to read on", () => {
    for (const alarm of ALARMS) {
      expect(alarm.AlarmName).toMatch(/^jobs-[a-z-]+$/);
      expect(alarm.AlarmDescription).toMatch(new RegExp(`\\. docs/runbook\\.md: ${headingOf(alarm)}$`));
    }
  });

  test("are as many as the bill counts", () => {
    expect(ALARMS).toHaveLength(COUNTED_ALARMS);
  });

  test("look at metrics that are written, under the name of the deployment", () => {
    const { namespace, name: _, cause: __, ...written } = METRICS;
    const ours = ALARMS.filter(({ Namespace }) => Namespace === namespace);
    expect(ours.length).toBeGreaterThan(3);
    for (const { MetricName, Dimensions } of ours) {
      expect(Object.values(written)).toContain(MetricName);
      expect(Dimensions).toEqual([{ Name: METRICS.name, Value: "jobs" }]);
    }
  });

  test("take silence for good, except about sweeps and the canary: those are always there", () => {
    const alarming = ALARMS.filter(({ TreatMissingData }) => TreatMissingData !== "notBreaching");
    expect(alarming.map((each) => [headingOf(each), each.TreatMissingData])).toEqual([
      ["sweeps-stopped", "breaching"],
      ["front-door-unreachable", "breaching"],
    ]);
  });

  test("ring when their texts say so", () => {
    const conditions = Object.fromEntries(
      ALARMS.map((each) => [
        headingOf(each),
        [each.Threshold, each.DatapointsToAlarm, each.EvaluationPeriods].join(" "),
      ]),
    );
    expect(conditions).toEqual({
      "sweeps-stopped": "1 3 3",
      "debts-unsettled": "120 3 3",
      "front-door-unreachable": "1 2 3",
      "front-door-failing": "5 3 5",
      "verdicts-frozen": "1 3 3",
      "valve-open": "1 1 1",
      "requeues-unread": "900 1 1",
      "requeues-dead": "1 1 1",
      "notices-dead": "1 1 1",
    });
  });

  test("tell nobody unless a topic is named", () => {
    expect(ALARMS.filter((each) => "AlarmActions" in each || "OKActions" in each)).toEqual([]);
  });

  test("tell the topic that is named, that it is bad and that it is good again", () => {
    const stack = new Stack(anApp(), "Embedding");
    const alarmTopic = new Topic(stack, "Topic");
    new Lastbeat(stack, "Lastbeat", { alarmTopic });
    const template = Template.fromStack(stack);
    const [topic] = resourcesOf(template, "AWS::SNS::Topic").keys();
    const told = alarmsIn(template).map(({ AlarmActions = [], OKActions = [] }) => [
      AlarmActions.map(idOf),
      OKActions.map(idOf),
    ]);
    expect(told).toEqual(ALARMS.map(() => [[topic], [topic]]));
  });

  test("look at the REST API where that is announced", () => {
    const failing = (template: Template): Alarm | undefined =>
      alarmsIn(template).find(({ AlarmName }) => AlarmName.endsWith("front-door-failing"));
    expect(failing(TEMPLATE)).toMatchObject({ MetricName: "5xx", Namespace: "AWS/ApiGateway" });
    expect(failing(templateOf({ frontDoors: ["rest-api"] }))).toMatchObject({ MetricName: "5XXError" });
  });
});

describe("observability", () => {
  test("none is no alarm, no dashboard, and no name under which metrics are written", () => {
    const template = templateOf({ observability: "none" });
    template.resourceCountIs("AWS::CloudWatch::Alarm", 0);
    template.resourceCountIs("AWS::CloudWatch::Dashboard", 0);
    for (const { Properties } of lambdasOf(template).values())
      expect(Properties.Environment.Variables).not.toHaveProperty("LASTBEAT_NAME");
  });

  test("alarms is alarms, and the name in all that measures", () => {
    TEMPLATE.resourceCountIs("AWS::CloudWatch::Dashboard", 0);
    const named = [...lambdasOf(TEMPLATE)].filter(
      ([, { Properties }]) => Properties.Environment.Variables["LASTBEAT_NAME"] === "jobs",
    );
    expect(named.map(([name]) => name).sort()).toEqual(["canary", "notice", "owner", "runner", "sweep"]);
  });

  test("full is a dashboard besides, which shows every alarm", () => {
    const template = templateOf({ name: "jobs", observability: "full" });
    template.resourceCountIs("AWS::CloudWatch::Alarm", COUNTED_ALARMS);
    template.resourceCountIs("AWS::CloudWatch::Dashboard", 1);
    template.hasResourceProperties("AWS::CloudWatch::Dashboard", {
      DashboardName: "jobs-lastbeat",
      DashboardBody: Match.anyValue(),
    });
    const [board] = resourcesOf(template, "AWS::CloudWatch::Dashboard").values();
    const body = JSON.stringify(board?.Properties);
    for (const id of resourcesOf(template, "AWS::CloudWatch::Alarm").keys()) expect(body).toContain(`"${id}"`);
  });
});

test("the Lambdas have the memory that the bill counts with", () => {
  const memory = [...lambdasOf(TEMPLATE)].map(([name, { Properties }]) => [name, Properties.MemorySize]);
  expect(memory.length).toBeGreaterThan(2);
  const rest = memory.filter(([name]) => name !== "notice"); // rare, and not on the bill
  expect(rest).toEqual(rest.map(([name]) => [name, name === "beat" ? BEAT_MB : OTHER_MB]));
});
