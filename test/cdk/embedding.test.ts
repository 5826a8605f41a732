import { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type IMetric, MathExpression, Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { describe, expect, test } from "vitest";
import { Lastbeat, type LastbeatProps, LastbeatStack } from "../../cdk/construct.ts";
import { METRICS, OUTPUTS } from "../../lib/names.ts";
import { ROUTES } from "../../lib/wire/routes.ts";
import { anApp, idOf, outputOf, resourcesOf, stackOf } from "./synthesis.ts";

type Statement = { readonly Action: string | readonly string[]; readonly Resource: unknown; readonly Effect: string };

/** What a role of one's own may do after `grant`, in an app of one's own. */
function granted(props: LastbeatProps, grant: (lastbeat: Lastbeat, role: Role) => void): readonly Statement[] {
  const stack = new Stack(anApp(), "Embedding");
  const role = new Role(stack, "Orchestrator", { assumedBy: new ServicePrincipal("ecs-tasks.amazonaws.com") });
  grant(new Lastbeat(stack, "Lastbeat", props), role);
  const template = Template.fromStack(stack);
  type Policy = { readonly PolicyDocument: { readonly Statement: readonly Statement[] } };
  const own = [...resourcesOf<Policy>(template, "AWS::IAM::Policy")].filter(([id]) => id.startsWith("Orchestrator"));
  return own.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
}

/** The texts of an ARN without what refers to something else. */
const pathsIn = (resource: unknown): readonly string[] =>
  [resource].flat().map((arn) =>
    (arn as { readonly "Fn::Join": readonly [string, readonly unknown[]] })["Fn::Join"][1]
      .filter((part) => typeof part === "string")
      .join("")
      .replace(/^arn::execute-api:::/, ""),
  );

describe("in an app of one's own", () => {
  test("the construct is complete without any setting", () => {
    const stack = new Stack(anApp(), "Embedding");
    const lastbeat = new Lastbeat(stack, "Lastbeat");
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::DynamoDB::GlobalTable", 1);
    expect(stack.resolve(lastbeat.url)).toMatchObject({ "Fn::Join": expect.anything() });
    expect(lastbeat.rulePrefix).toBe("Embedding-notice-");
    expect(template.findOutputs("*")).toEqual({});
  });

  test("two can live beside each other under names of their own", () => {
    const stack = new Stack(anApp(), "Embedding");
    new Lastbeat(stack, "One", { name: "one" });
    new Lastbeat(stack, "Two", { name: "two" });
    const template = Template.fromStack(stack);
    for (const [type, property] of [
      ["AWS::Events::Rule", "Name"],
      ["AWS::CloudWatch::Alarm", "AlarmName"],
    ] as const) {
      const names = [...resourcesOf<Readonly<Record<string, unknown>>>(template, type).values()]
        .map(({ Properties }) => Properties[property])
        .filter((name) => name !== undefined);
      expect(names.length).toBeGreaterThan(10);
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

describe("the stack", () => {
  test("tells the command line all that it asks for", () => {
    const domain = { name: "beat.example.com", certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/x" };
    const webhooks = [{ name: "ci", url: "https://ci.example" }];
    const others = { forwarderAccounts: ["111122223333"], ownerPrincipals: ["111122223333"], webhooks };
    const template = Template.fromStack(stackOf({ frontDoors: ["http-api", "rest-api"], domain, ...others }));
    expect(Object.keys(template.findOutputs("*"))).toEqual(expect.arrayContaining(Object.values(OUTPUTS)));
  });

  test("tells the version of this package", () => {
    expect(outputOf(Template.fromStack(stackOf()), OUTPUTS.version)).toMatch(/^\d+\.\d+\.\d+/);
  });

  test("takes what every stack takes, beside the settings", () => {
    const stack = new LastbeatStack(anApp(), "Lastbeat", {
      env: { account: "123456789012", region: "eu-central-1" },
      stackName: "jobs",
    });
    expect([stack.region, stack.stackName, stack.lastbeat.rulePrefix]).toEqual([
      "eu-central-1",
      "jobs",
      "jobs-notice-",
    ]);
  });
});

describe("an owner who was let in", () => {
  const owners = Object.values(ROUTES)
    .filter(({ caller }) => caller === "owner")
    .map(({ method, path }) => `${method}${path.replaceAll(/\{\w+\}/g, "*")}`);

  test("may make the calls of owners at every front door, and no call of runners", () => {
    const statements = granted({ frontDoors: ["http-api", "rest-api"] }, (lastbeat, role) => lastbeat.grantOwner(role));
    expect(statements).toHaveLength(1);
    expect(statements.map(({ Effect, Action }) => [Effect, Action])).toEqual([["Allow", "execute-api:Invoke"]]);
    const wanted = owners.flatMap((route) => [`/$default/${route}`, `/prod/${route}`]);
    expect(pathsIn(statements[0]?.Resource).toSorted()).toEqual(wanted.toSorted());
  });

  test("may read no queue and no table", () => {
    const statements = granted({}, (lastbeat, role) => lastbeat.grantOwner(role));
    expect(statements.flatMap(({ Action }) => Action)).toEqual(["execute-api:Invoke"]);
  });
});

test("who was let read the requeues may receive and delete them, and send none", () => {
  const statements = granted({}, (lastbeat, role) => lastbeat.grantConsumeRequeues(role));
  const actions = statements.flatMap(({ Action }) => Action);
  expect(actions).toEqual(expect.arrayContaining(["sqs:ReceiveMessage", "sqs:DeleteMessage"]));
  expect(actions.filter((action) => /Send|Purge|Set|\*/.test(action))).toEqual([]);
  const stack = stackOf();
  const requeue = idOf(outputOf(Template.fromStack(stack), OUTPUTS.requeueQueue)).replace("Lastbeat", "");
  expect(statements.map(({ Resource }) => JSON.stringify(Resource))).toEqual([expect.stringContaining(requeue)]);
});

describe("metrics", () => {
  const { lastbeat } = stackOf({ name: "jobs" });
  const of = (metric: IMetric): Metric => {
    if (metric instanceof Metric) return metric;
    throw new Error("it is no metric");
  };

  test.each([
    ["liveRuns", METRICS.live],
    ["sweepAge", METRICS.sweepAge],
    ["debtAge", METRICS.debtAge],
    ["frozen", METRICS.frozen],
    ["valveOpen", METRICS.valveOpen],
    ["canaryFailed", METRICS.canaryFailed],
  ] as const)("%s is %s of this deployment, by the minute", (method, metricName) => {
    const metric = of(lastbeat.metrics[method]());
    expect(metric).toMatchObject({ namespace: "Lastbeat", metricName, dimensions: { Name: "jobs" } });
    expect(metric.period.toSeconds()).toBe(60);
  });

  test("verdicts are counted by their cause", () => {
    const metric = of(lastbeat.metrics.verdicts("crashed"));
    expect(metric).toMatchObject({
      namespace: "Lastbeat",
      metricName: METRICS.verdicts,
      statistic: "Sum",
      dimensions: { Name: "jobs", Cause: "crashed" },
    });
  });

  test("the time to a verdict is that of lost attempts, at the percentile that is asked for", () => {
    expect(of(lastbeat.metrics.detectionLatency())).toMatchObject({
      metricName: METRICS.detection,
      statistic: "p99",
      dimensions: { Name: "jobs", Cause: "lost" },
    });
    expect(of(lastbeat.metrics.detectionLatency("p50")).statistic).toBe("p50");
  });

  test("verdicts of every cause are searched for in this deployment alone", () => {
    const search = lastbeat.metrics.verdictsByCause();
    expect(search).toBeInstanceOf(MathExpression);
    expect(search.expression).toBe(`SEARCH('{Lastbeat,Name,Cause} MetricName="Verdicts" Name="jobs"', 'Sum', 60)`);
  });
});
