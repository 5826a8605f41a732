import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NOTICE_RULES } from "../../lib/names.ts";
import { doctor } from "../../lib/stack/doctor/doctor.ts";
import type { Finding } from "../../lib/stack/doctor/finding.ts";
import {
  type Answers,
  denied,
  described,
  outputsAt,
  outputsWithTargets,
  REGION,
  Refusal,
  type StubAws,
  type StubDoor,
  stubAws,
  stubDoor,
  unknownStack,
} from "./aws.ts";

const NOW = Date.parse("2026-11-22T12:00:00.000Z");
const DOOR_DATE = "Sun, 22 Nov 2026 12:00:00 GMT";

let aws: StubAws;
let door: StubDoor;
beforeEach(async () => {
  door = await stubDoor(() => ({ status: 200, body: { ok: true }, headers: { date: DOOR_DATE } }));
});
afterEach(async () => {
  await door.stop();
  await aws.stop();
});

const rule = (Name: string, State = "ENABLED") => ({ Name, State });
/** All that there should be, some of them otherwise. */
const rules = (...others: readonly { readonly Name: string; readonly State?: string }[]) => [
  ...NOTICE_RULES.map((kind) => rule(`lastbeat-${kind}`)).filter(
    ({ Name }) => !others.some((other) => other.Name === Name),
  ),
  ...others,
];
const TRAIL = { Name: "all", TrailARN: "arn:aws:cloudtrail:eu-central-1:123456789012:trail/all" };

/** What all of AWS says when nothing is wrong. */
const healthy = (outputs: Readonly<Record<string, string>>): Answers => ({
  DescribeStacks: described(outputs),
  DescribeTable: { Table: { TableStatus: "ACTIVE", DeletionProtectionEnabled: true } },
  DescribeTimeToLive: { TimeToLiveDescription: { TimeToLiveStatus: "ENABLED", AttributeName: "t" } },
  GetItem: { Item: { d: { N: String(NOW - 7_000) } } },
  GetQueueAttributes: { Attributes: { QueueArn: "arn", ApproximateNumberOfMessages: "0" } },
  ListRules: { Rules: rules() },
  ListTargetsByRule: { Targets: [{ Id: "1", Arn: "arn" }] },
  DescribeTrails: { trailList: [TRAIL] },
  GetTrailStatus: { IsLogging: true },
  GetEventSelectors: { EventSelectors: [{ IncludeManagementEvents: true }] },
  GetAccountSettings: { AccountLimit: { ConcurrentExecutions: 1000 } },
});

type More = {
  readonly answers?: Answers;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly version?: string;
  readonly call?: (url: string, region: string | undefined) => Promise<void>;
};

/** Queue URLs have to name the stub, and its answers have to name the queues. */
async function examined({ answers = {}, outputs, url, version = "1.2.3", call = async () => {} }: More = {}) {
  let all: Readonly<Record<string, string>> = {};
  aws = await stubAws({ ...healthy({}), DescribeStacks: () => described(all), ...answers });
  all = outputs ?? { ...outputsAt(aws.url), Url: door.url };
  return doctor({ stack: "prod", url, settings: aws.settings, version, clock: () => NOW, call });
}

const of = (findings: readonly Finding[], check: string): Finding[] => findings.filter((each) => each.check === check);
const badOf = (findings: readonly Finding[]): string[] =>
  findings.filter(({ state }) => state !== "ok").map(({ state, check }) => `${state}: ${check}`);

describe("a deployment that is well", () => {
  test("has findings about all of it, and none of them bad; nothing is changed, and every call is signed", async () => {
    const findings = await examined();
    expect(badOf(findings)).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual([
      "stack",
      "version",
      "front door",
      "clock",
      "owner call",
      "table",
      "deletion protection",
      "time to live",
      "last sweep",
      "canary",
      "requeue queue",
      "requeue dead letters",
      "notice queue",
      "notice dead letters",
      "rules",
      "trail",
      "concurrency",
    ]);
    expect(aws.unsigned).toEqual([]);
    expect(aws.asked.filter(({ operation }) => !/^(Describe|Get|List)/.test(operation))).toEqual([]);
  });

  test("is looked at in its own table, under the key of the control item", async () => {
    await examined();
    const { input } = aws.asked.find(({ operation }) => operation === "GetItem") ?? {};
    expect(input).toEqual({
      TableName: "lastbeat-table",
      Key: { p: { S: "C" }, s: { S: "sweep" } },
      ConsistentRead: true,
    });
  });
});

describe("the stack", () => {
  test.each([
    ["CREATE_COMPLETE", "ok"],
    ["UPDATE_IN_PROGRESS", "warning"],
    ["UPDATE_ROLLBACK_COMPLETE", "warning"],
    ["UPDATE_ROLLBACK_FAILED", "problem"],
    ["DELETE_FAILED", "problem"],
    ["ROLLBACK_COMPLETE", "problem"],
  ])("that is %s is %s", async (status, state) => {
    const answers = { DescribeStacks: () => described({ ...outputsAt(aws.url), Url: door.url }, status) };
    const findings = await examined({ answers });
    expect(of(findings, "stack")).toMatchObject([{ state, says: expect.stringContaining(status) }]);
  });

  test("that is not there is the only finding, and a problem", async () => {
    const findings = await examined({ answers: { DescribeStacks: unknownStack } });
    expect(findings).toMatchObject([
      { state: "problem", check: "stack", says: expect.stringContaining(`there is no stack "prod" in ${REGION}`) },
    ]);
  });

  test("that is somebody else's is a problem, and nothing else of it is looked at", async () => {
    const findings = await examined({ outputs: { Vpc: "vpc-1" } });
    expect(findings.map(({ state, check }) => [state, check])).toEqual([
      ["ok", "stack"],
      ["problem", "outputs"],
    ]);
  });

  test("that nobody may look at is a warning, and a front door that was named is looked at", async () => {
    const asked: unknown[] = [];
    const findings = await examined({
      answers: { DescribeStacks: denied("cloudformation:DescribeStacks") },
      url: door.url,
      call: async (...args) => void asked.push(args),
    });
    expect(findings[0]).toMatchObject({
      state: "warning",
      says: "could not look: needs cloudformation:DescribeStacks",
    });
    expect(findings.slice(1).map(({ check }) => check)).toEqual(["front door", "clock", "owner call"]);
    expect(asked).toEqual([[door.url, undefined]]);
  });

  test("that cannot be asked for is a problem", async () => {
    const findings = await examined({ answers: { DescribeStacks: new Refusal("ExpiredToken", "it is over", 403) } });
    expect(findings).toMatchObject([{ state: "problem", says: expect.stringContaining("it is over") }]);
  });

  test("of another version than the command line is a warning", async () => {
    expect(of(await examined({ version: "2.0.0" }), "version")).toMatchObject([
      { state: "warning", says: "the stack has 1.2.3, the command line is 2.0.0" },
    ]);
  });

  test("that lacks an output has a problem where it is needed, and nowhere else", async () => {
    const findings = await examined({ outputs: { Url: door.url, Version: "1.2.3", RulePrefix: "lastbeat-" } });
    expect(badOf(findings)).toEqual([
      "problem: table",
      "problem: time to live",
      "problem: last sweep",
      "problem: requeue queue",
      "problem: notice queue",
    ]);
  });
});

describe("the front door", () => {
  test("is asked as the owner, signed for the stack's region", async () => {
    const asked: unknown[] = [];
    await examined({ call: async (...args) => void asked.push(args) });
    expect(asked).toEqual([[door.url, REGION]]);
  });

  test("that refuses the owner is a problem, in the words of the refusal", async () => {
    const call = async () => Promise.reject(new Error("somebody is not allowed"));
    expect(of(await examined({ call }), "owner call")).toMatchObject([
      { state: "problem", says: "somebody is not allowed", fix: expect.stringContaining("execute-api:Invoke") },
    ]);
  });

  test("that does not answer is one problem, and the rest is looked at", async () => {
    const findings = await examined({ url: "http://127.0.0.1:1" });
    expect(badOf(findings)).toEqual(["problem: front door"]);
    expect(of(findings, "owner call")).toEqual([]);
    expect(of(findings, "concurrency")).toHaveLength(1);
  });
});

describe("the table", () => {
  const table = (Table: object): Answers => ({ DescribeTable: { Table } });
  test.each<[string, Answers, string, string]>([
    ["is gone", { DescribeTable: new Refusal("ResourceNotFoundException") }, "table", "problem"],
    ["is archived", table({ TableStatus: "ARCHIVED", DeletionProtectionEnabled: true }), "table", "problem"],
    ["can be deleted", table({ TableStatus: "ACTIVE" }), "deletion protection", "problem"],
    ["may not be looked at", { DescribeTable: denied("dynamodb:DescribeTable") }, "table", "warning"],
    [
      "forgets nothing",
      { DescribeTimeToLive: { TimeToLiveDescription: { TimeToLiveStatus: "DISABLED" } } },
      "time to live",
      "problem",
    ],
    [
      "forgets by another attribute",
      { DescribeTimeToLive: { TimeToLiveDescription: { TimeToLiveStatus: "ENABLED", AttributeName: "ttl" } } },
      "time to live",
      "problem",
    ],
    [
      "does not show whether it forgets",
      { DescribeTimeToLive: denied("dynamodb:DescribeTimeToLive") },
      "time to live",
      "warning",
    ],
  ])("that %s is found, and nothing else", async (_, answers, check, state) => {
    expect(badOf(await examined({ answers }))).toEqual([`${state}: ${check}`]);
  });

  test("that is being updated, and begins to forget, is well", async () => {
    const answers = {
      ...table({ TableStatus: "UPDATING", DeletionProtectionEnabled: true }),
      DescribeTimeToLive: { TimeToLiveDescription: { TimeToLiveStatus: "ENABLING", AttributeName: "t" } },
    };
    expect(badOf(await examined({ answers }))).toEqual([]);
  });
});

describe("the sweep", () => {
  const item = (attributes: Readonly<Record<string, number>>): Answers => ({
    GetItem: {
      Item: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, { N: String(value) }])),
    },
  });
  test.each<[string, Answers, string[]]>([
    ["began three minutes ago", item({ d: NOW - 180_000 }), []],
    ["began longer ago than that", item({ d: NOW - 180_001 }), ["problem: last sweep"]],
    ["has never begun", { GetItem: {} }, ["problem: last sweep"]],
    ["is beside a canary that failed long ago", item({ d: NOW, b: NOW - 180_001 }), []],
    ["is beside a canary that failed lately", item({ d: NOW, b: NOW - 180_000 }), ["problem: canary"]],
    ["may not be looked at", { GetItem: denied("dynamodb:GetItem") }, ["warning: last sweep"]],
  ])("that %s: %j", async (_, answers, bad) => {
    expect(badOf(await examined({ answers }))).toEqual(bad);
  });

  test("says how long ago it began", async () => {
    const [found] = of(await examined({ answers: item({ d: NOW - 195_000 }) }), "last sweep");
    expect(found?.says).toBe("began 195 s ago: lost runs are not found");
  });
});

describe("the queues", () => {
  const depths = (of: Readonly<Record<string, number>>): Answers => ({
    GetQueueAttributes: ({ QueueUrl }) => ({
      Attributes: {
        QueueArn: "arn",
        ApproximateNumberOfMessages: String(of[String(QueueUrl).split("/").at(-1) ?? ""] ?? 0),
      },
    }),
  });

  test("with dead letters name the redrive that brings them back", async () => {
    const findings = await examined({ answers: depths({ "requeue-dead": 3, "notice-dead": 1 }) });
    expect(badOf(findings)).toEqual(["problem: requeue dead letters", "problem: notice dead letters"]);
    expect(of(findings, "requeue dead letters")).toMatchObject([
      {
        says: "3 messages: attempts that no consumer could start",
        fix: expect.stringContaining("lastbeat redrive requeue --stack prod"),
      },
    ]);
    expect(of(findings, "notice dead letters")).toMatchObject([
      {
        says: expect.stringMatching(/^1 message:/),
        fix: expect.stringContaining("lastbeat redrive notice --stack prod"),
      },
    ]);
  });

  test("of a stack that starts attempts itself are three", async () => {
    const outputs = { ...outputsWithTargets("https://door"), Url: door.url };
    const findings = await examined({ outputs, answers: depths({ dispatch: 5, "dispatch-dead": 2 }) });
    expect(of(findings, "dispatch queue")).toMatchObject([{ state: "ok", says: "5 messages waiting" }]);
    expect(of(findings, "dispatch dead letters")).toMatchObject([
      {
        state: "problem",
        says: "2 messages: attempts that their targets could not start",
        fix: expect.stringContaining("lastbeat redrive dispatch --stack prod"),
      },
    ]);
  });

  test("with messages that wait are a warning where people read, and none where a Lambda does", async () => {
    const findings = await examined({ answers: depths({ requeue: 12, notice: 12 }) });
    expect(badOf(findings)).toEqual(["warning: requeue queue"]);
    expect(of(findings, "requeue queue")[0]?.says).toContain("perhaps no consumer reads them");
  });

  test("that are gone are problems", async () => {
    const answers = { GetQueueAttributes: new Refusal("QueueDoesNotExist") };
    expect(badOf(await examined({ answers }))).toEqual([
      "problem: requeue queue",
      "problem: requeue dead letters",
      "problem: notice queue",
      "problem: notice dead letters",
    ]);
  });

  test("that may not be looked at are warnings which name what is missing", async () => {
    // SQS does not name the action.
    const findings = await examined({ answers: { GetQueueAttributes: new Refusal("AccessDenied", "no", 403) } });
    expect(badOf(findings)).toEqual(["warning: requeue queue", "warning: notice queue"]);
    expect(of(findings, "notice queue")[0]?.says).toBe("could not look: needs sqs:GetQueueAttributes");
  });
});

describe("the rules", () => {
  test.each<[string, Answers, string[]]>([
    ["are not there", { ListRules: { Rules: [] } }, ["problem: rules"]],
    ["are disabled", { ListRules: { Rules: rules(rule("lastbeat-health", "DISABLED")) } }, ["problem: rules"]],
    [
      "see all management events",
      { ListRules: { Rules: rules(rule("lastbeat-health", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")) } },
      [],
    ],
    ["are in no state", { ListRules: { Rules: rules({ Name: "lastbeat-health" }) } }, ["problem: rules"]],
    ["have one too few", { ListRules: { Rules: rules().slice(1) } }, ["problem: rules"]],
    ["have no target", { ListTargetsByRule: { Targets: [] } }, NOTICE_RULES.map(() => "problem: rules")],
    ["may not be listed", { ListRules: denied("events:ListRules") }, ["warning: rules"]],
    ["do not show their targets", { ListTargetsByRule: denied("events:ListTargetsByRule") }, ["warning: rules"]],
  ])("that %s: %j", async (_, answers, bad) => {
    expect(badOf(await examined({ answers }))).toEqual(bad);
  });

  test("are looked for by the stack's prefix, on all pages", async () => {
    const answers: Answers = {
      ListRules: ({ NextToken }) =>
        NextToken === undefined ? { Rules: rules(), NextToken: "next" } : { Rules: [rule("lastbeat-z", "DISABLED")] },
    };
    const [found] = of(await examined({ answers }), "rules");
    expect(found).toMatchObject({ state: "problem", says: expect.stringContaining("lastbeat-z is DISABLED") });
    expect(aws.asked.find(({ operation }) => operation === "ListRules")?.input).toEqual({ NamePrefix: "lastbeat-" });
  });
});

describe("the trail", () => {
  const advanced = (...Equals: readonly string[]): Answers => ({
    GetEventSelectors: { AdvancedEventSelectors: [{ FieldSelectors: [{ Field: "eventCategory", Equals }] }] },
  });
  test.each<[string, Answers, string[]]>([
    ["is not there", { DescribeTrails: { trailList: [] } }, ["warning: trail"]],
    ["is stopped", { GetTrailStatus: { IsLogging: false } }, ["warning: trail"]],
    [
      "logs data alone",
      { GetEventSelectors: { EventSelectors: [{ IncludeManagementEvents: false }] } },
      ["warning: trail"],
    ],
    ["logs data alone, by advanced selectors", advanced("Data"), ["warning: trail"]],
    ["logs management events by advanced selectors", advanced("Management"), []],
    ["belongs to the organization", { GetEventSelectors: new Refusal("TrailNotFoundException") }, []],
    ["may not be looked for", { DescribeTrails: denied("cloudtrail:DescribeTrails") }, ["warning: trail"]],
    ["does not show its status", { GetTrailStatus: denied("cloudtrail:GetTrailStatus") }, ["warning: trail"]],
  ])("that %s: %j", async (_, answers, bad) => {
    expect(badOf(await examined({ answers }))).toEqual(bad);
  });

  test("that logs is found behind one that does not", async () => {
    const stopped = { Name: "old", TrailARN: "arn:old" };
    const findings = await examined({
      answers: {
        DescribeTrails: { trailList: [stopped, TRAIL] },
        GetTrailStatus: ({ Name }) => ({ IsLogging: Name === TRAIL.TrailARN }),
      },
    });
    expect(of(findings, "trail")).toMatchObject([{ state: "ok", says: "all logs management events" }]);
  });

  test("is missed for what it is for", async () => {
    const [found] = of(await examined({ answers: { DescribeTrails: { trailList: [] } } }), "trail");
    expect(found?.says).toContain("BidEvictedEvent");
  });
});

describe("the concurrency of the account", () => {
  test.each<[string, Answers, string[]]>([
    [
      "of a new account",
      { GetAccountSettings: { AccountLimit: { ConcurrentExecutions: 10 } } },
      ["warning: concurrency"],
    ],
    ["of one that has asked", { GetAccountSettings: { AccountLimit: { ConcurrentExecutions: 11 } } }, []],
    ["that AWS says nothing of", { GetAccountSettings: {} }, ["warning: concurrency"]],
    ["that nobody may see", { GetAccountSettings: denied("lambda:GetAccountSettings") }, ["warning: concurrency"]],
  ])("%s: %j", async (_, answers, bad) => {
    expect(badOf(await examined({ answers }))).toEqual(bad);
  });
});

test("whoever may see nothing has a warning for each check that names its action, and no problem", async () => {
  const nothing = Object.fromEntries(
    Object.keys(healthy({}))
      .filter((operation) => operation !== "DescribeStacks")
      .map((operation) => [operation, new Refusal("AccessDeniedException", "no")]),
  );
  const findings = await examined({ answers: nothing });
  expect(findings.filter(({ state }) => state === "problem")).toEqual([]);
  expect(findings.flatMap(({ says }) => /^could not look: needs (.*)/.exec(says)?.[1] ?? [])).toEqual([
    "dynamodb:DescribeTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:GetItem",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueAttributes",
    "events:ListRules",
    "cloudtrail:DescribeTrails and cloudtrail:GetTrailStatus",
    "lambda:GetAccountSettings",
  ]);
});
