import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { OUTPUTS } from "../../lib/names.ts";
import { LAMBDAS, OF_TARGETS } from "../../scripts/bundle.ts";
import { idOf, lambdasOf, outputOf, resourcesOf, templateOf, type Value } from "./synthesis.ts";

const TEMPLATE = templateOf();
const FUNCTIONS = lambdasOf(TEMPLATE);
const EACH = [...FUNCTIONS];

type Mapping = {
  readonly EventSourceArn: Value;
  readonly FunctionName: Value;
  readonly FunctionResponseTypes?: readonly string[];
  readonly ScalingConfig?: unknown;
};
const MAPPINGS = [...resourcesOf<Mapping>(TEMPLATE, "AWS::Lambda::EventSourceMapping").values()].map(
  ({ Properties }) => Properties,
);
const mappingOf = (name: string): Mapping | undefined =>
  MAPPINGS.find(({ FunctionName }) => idOf(FunctionName) === FUNCTIONS.get(name)?.id);

test("there is one Lambda for each bundle, and two of them only where there are targets", () => {
  const always = LAMBDAS.filter((name) => !OF_TARGETS.some((each) => each === name));
  expect([...FUNCTIONS.keys()].sort()).toEqual([...always].sort());
  TEMPLATE.resourceCountIs("AWS::Lambda::Function", always.length);
  const withClusters = templateOf({ clusters: [{ name: "prod" }] });
  expect([...lambdasOf(withClusters).keys()].sort()).toEqual([...LAMBDAS].sort());
  const withWebhooks = templateOf({ webhooks: [{ name: "ci", url: "https://ci.example" }] });
  expect([...lambdasOf(withWebhooks).keys()].sort()).toEqual([...always, "dispatch"].sort());
});

test("only the Lambda that calls an orchestrator knows its address and reads its secret", () => {
  const secretArn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prefect-AbCdEf";
  const prefect = { kind: "prefect", name: "prod", url: "https://prefect.example/api" } as const;
  const template = templateOf({ orchestrators: [{ ...prefect, secretArn }] });
  const known = (name: string): unknown =>
    lambdasOf(template).get(name)?.Properties.Environment?.Variables?.["LASTBEAT_ORCHESTRATORS"];
  expect(known("dispatch")).toBe(JSON.stringify([{ ...prefect, secret: secretArn }]));
  expect(known("owner")).toBe(JSON.stringify([{ kind: "prefect", name: "prod" }]));
  expect(known("sweep")).toBeUndefined();
  const readers = [...resourcesOf<{ Policies?: unknown }>(template, "AWS::IAM::Role").values()].filter((role) =>
    JSON.stringify(role).includes(secretArn),
  );
  const policies = [...resourcesOf<object>(template, "AWS::IAM::Policy").values()].filter((policy) =>
    JSON.stringify(policy).includes(secretArn),
  );
  expect(readers.length + policies.length).toBe(1);
});

describe.each(EACH)("the Lambda %s", (_, { Properties }) => {
  test("runs Node 24 on arm64", () => {
    expect([Properties.Runtime, Properties.Architectures]).toEqual(["nodejs24.x", ["arm64"]]);
  });

  test("logs JSON: its decisions, and of Lambda's own lines only warnings", () => {
    expect(Properties.LoggingConfig).toMatchObject({
      LogFormat: "JSON",
      SystemLogLevel: "WARN",
      ApplicationLogLevel: "INFO",
    });
  });

  test("logs into a group of its own that forgets after 30 days", () => {
    const group = idOf(Properties.LoggingConfig["LogGroup"]);
    expect(EACH.filter(([, other]) => idOf(other.Properties.LoggingConfig["LogGroup"]) === group)).toHaveLength(1);
    const groups = resourcesOf<{ RetentionInDays?: number }>(TEMPLATE, "AWS::Logs::LogGroup");
    expect(groups.get(group)?.Properties.RetentionInDays).toBe(30);
  });

  test("finds no key in its environment: only the ARN of the secret", () => {
    const { LASTBEAT_KEYS_SECRET: secret, ...others } = Properties.Environment.Variables;
    expect(Object.keys(others)).not.toContain("LASTBEAT_KEYS");
    expect(JSON.stringify(others)).not.toContain("resolve:");
    if (secret !== undefined) expect(secret).toEqual({ "Fn::GetAtt": [idOf(outputOf(TEMPLATE, OUTPUTS.keys)), "Id"] });
  });

  test("reserves no concurrency", () => {
    expect(Properties).not.toHaveProperty("ReservedConcurrentExecutions");
  });
});

describe("what messages invoke", () => {
  test("is the sweep by ticks and the notice by notices, and nothing else", () => {
    const pairs = MAPPINGS.map(({ EventSourceArn, FunctionName }) => [idOf(FunctionName), idOf(EventSourceArn)]);
    const ticks = FUNCTIONS.get("ticker")?.Properties.Environment.Variables["LASTBEAT_TICK_QUEUE_URL"];
    expect(pairs.sort()).toEqual(
      [
        [FUNCTIONS.get("sweep")?.id, idOf(ticks)],
        [FUNCTIONS.get("notice")?.id, idOf(outputOf(TEMPLATE, OUTPUTS.noticeQueue))],
      ].sort(),
    );
  });

  test("is hidden for six times as long as the Lambda may take, so that a throttled batch comes only once", () => {
    const queues = resourcesOf<{ VisibilityTimeout?: number }>(TEMPLATE, "AWS::SQS::Queue");
    const byId = new Map(EACH.map(([, each]) => [each.id, each]));
    expect(MAPPINGS.length).toBeGreaterThan(0);
    for (const { EventSourceArn, FunctionName } of MAPPINGS) {
      const visibility = queues.get(idOf(EventSourceArn))?.Properties.VisibilityTimeout ?? 0;
      expect(visibility).toBeGreaterThanOrEqual(6 * (byId.get(idOf(FunctionName))?.Properties.Timeout ?? Number.NaN));
    }
  });

  test("has no maximum of pollers, which would keep five of them awake", () => {
    expect(MAPPINGS.filter((each) => "ScalingConfig" in each)).toEqual([]);
    TEMPLATE.allResourcesProperties("AWS::Lambda::EventSourceMapping", { ScalingConfig: Match.absent() });
  });

  test("may fail one by one when it is a notice; a sweep takes all ticks or none", () => {
    expect(mappingOf("notice")?.FunctionResponseTypes).toEqual(["ReportBatchItemFailures"]);
    expect(mappingOf("sweep")).not.toHaveProperty("FunctionResponseTypes");
  });
});

test("every minute the ticks are queued and the canary beats", () => {
  type Rule = { readonly ScheduleExpression?: string; readonly Targets: readonly { readonly Arn: Value }[] };
  const scheduled = [...resourcesOf<Rule>(TEMPLATE, "AWS::Events::Rule").values()].filter(
    ({ Properties }) => Properties.ScheduleExpression !== undefined,
  );
  expect(scheduled.map(({ Properties }) => Properties.ScheduleExpression)).toEqual([
    "rate(1 minute)",
    "rate(1 minute)",
  ]);
  const targets = scheduled.flatMap(({ Properties }) => Properties.Targets.map(({ Arn }) => idOf(Arn)));
  expect(targets.sort()).toEqual([FUNCTIONS.get("canary")?.id, FUNCTIONS.get("ticker")?.id].sort());
});

describe("settings reach the Lambdas:", () => {
  test("the level of the log, and how long it is kept", () => {
    const quiet = templateOf({ logLevel: "WARN", logRetentionDays: 365 });
    // Lambda itself lets all lines through: it would leave out those with the metrics, too.
    quiet.allResourcesProperties("AWS::Lambda::Function", {
      LoggingConfig: Match.objectLike({ ApplicationLogLevel: "INFO", SystemLogLevel: "WARN" }),
    });
    for (const name of ["runner", "owner", "sweep", "notice", "canary"])
      expect(lambdasOf(quiet).get(name)?.Properties.Environment.Variables).toMatchObject({
        LASTBEAT_LOG_LEVEL: "WARN",
      });
    quiet.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 365 });
  });

  test("lease, retention and pace", () => {
    const functions = lambdasOf(templateOf({ leaseSeconds: 45, retentionDays: 7, sweepSeconds: 20 }));
    const told = (name: string): Readonly<Record<string, Value>> =>
      functions.get(name)?.Properties.Environment.Variables ?? {};
    expect(told("owner")).toMatchObject({ LASTBEAT_LEASE_SECONDS: "45", LASTBEAT_RETENTION_DAYS: "7" });
    expect(told("sweep")).toMatchObject({ LASTBEAT_SWEEP_SECONDS: "20", LASTBEAT_RETENTION_DAYS: "7" });
    expect(told("ticker")).toMatchObject({ LASTBEAT_SWEEP_SECONDS: "20" });
  });

  test("whether runners are trusted to speak for their host: the one that heeds them is told", () => {
    const told = (trustRunners: boolean): readonly (readonly [string, Value])[] =>
      [...lambdasOf(templateOf({ trustRunners }))].flatMap(([name, { Properties }]) => {
        const value = Properties.Environment.Variables["LASTBEAT_TRUST_RUNNERS"];
        return value === undefined ? [] : [[name, value] as const];
      });
    expect(told(true)).toEqual([["notice", "true"]]);
    expect(told(false)).toEqual([]);
  });
});

test("the rotation is invoked by Secrets Manager, for our secret in our account, and by nobody else's", () => {
  templateOf().hasResourceProperties("AWS::Lambda::Permission", {
    Principal: "secretsmanager.amazonaws.com",
    SourceArn: { "Fn::GetAtt": [Match.stringLikeRegexp("KeysSecret"), "Id"] },
    SourceAccount: Match.anyValue(),
  });
});
