import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { AttachRolePolicyCommand, CreatePolicyCommand, CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetQueueAttributesCommand, SendMessageCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dynamoHosts } from "../../lib/aws/hosts.ts";
import { fence } from "../../lib/core/run.ts";
import { instant } from "../../lib/core/time.ts";
import { CONTROL, METRICS } from "../../lib/names.ts";
import { type Consumer, consumer } from "./consumer.ts";
import { type Deployment, deployment, STACK } from "./deployment.ts";
import { ACCOUNT, REGION, ROOT } from "./emulator.ts";
import { eventually } from "./eventually.ts";
import { callsOf, grantsOf } from "./grants.ts";
import { NOBODY } from "./wiretap.ts";

let here: Deployment;
let owner: Consumer;
const failing = new Set<string>();
const folder = mkdtempSync(join(tmpdir(), "lastbeat-stories-"));

const BOTH_DOORS = { frontDoors: "http-api,rest-api", observability: "full" } as const;

beforeAll(async () => {
  here = await deployment();
  await here.deploy(BOTH_DOORS);
  // The canary has to reach the front door, whose name is not one that can be resolved here.
  await here.deploy({ ...BOTH_DOORS, publicUrl: here.url() });
  owner = consumer(here, failing);
});
afterAll(async () => {
  await owner?.stop();
  await here?.stop();
  rmSync(folder, { recursive: true });
});

let hosts = 0;
const newHost = (): string => `i-${(hosts++).toString(16).padStart(17, "0")}`;

const sdk = (): { endpoint: string; region: string; credentials: typeof ROOT } => ({
  endpoint: here.wiretap.url,
  region: REGION,
  credentials: ROOT,
});

/** The name of a function of ours, as CloudFormation made it up. */
async function functionNamed(name: string): Promise<string> {
  const { Functions = [] } = await new LambdaClient(sdk()).send(new ListFunctionsCommand({}));
  const found = Functions.find(({ FunctionName }) => FunctionName?.includes(`Lambdas${name}Function`));
  if (found?.FunctionName === undefined) throw new Error(`there is no function ${name}`);
  return found.FunctionName;
}

async function invoke(name: string, payload: unknown): Promise<unknown> {
  const { FunctionError, Payload } = await new LambdaClient(sdk()).send(
    new InvokeCommand({ FunctionName: await functionNamed(name), Payload: JSON.stringify(payload) }),
  );
  const text = Buffer.from(Payload ?? []).toString("utf8");
  if (FunctionError !== undefined) throw new Error(`${name}: ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

const depth = async (queueUrl: string): Promise<number> => {
  const { Attributes } = await here.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ["ApproximateNumberOfMessages"] }),
  );
  return Number(Attributes?.ApproximateNumberOfMessages);
};

const SLEEP = ["sh", "-c", "echo up $$; exec sleep 600"] as const;

describe("the front door", () => {
  test("answers everybody who asks whether it is there", async () => {
    for (const url of [here.url("httpApi"), here.url("restApi")])
      expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true });
  });

  test.each(["httpApi", "restApi"] as const)("refuses an owner's call without a signature: %s", async (kind) => {
    expect((await fetch(`${here.url(kind)}/v1/runs`)).status).toBe(403);
  });

  // The emulator lets any bearer pass an HTTP API's IAM authorizer; a REST API's it enforces.
  test("refuses a signature that is none, and somebody who may not; and takes one who may", async () => {
    const url = `${here.url("restApi")}/v1/runs`;
    expect((await fetch(url, { headers: { authorization: "Bearer x" } })).status).toBe(403);
    const iam = new IAMClient(sdk());
    const trust = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
    };
    const as = async (name: string): Promise<Record<string, string>> => {
      const { Credentials } = await new STSClient(sdk()).send(
        new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${ACCOUNT}:role/${name}`, RoleSessionName: "e2e" }),
      );
      return {
        AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? "",
        AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? "",
        AWS_SESSION_TOKEN: Credentials?.SessionToken ?? "",
      };
    };
    for (const RoleName of ["nobody", "data-engineer"])
      await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) }));
    const { Policy } = await iam.send(
      new CreatePolicyCommand({
        PolicyName: "owner-calls",
        PolicyDocument: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Action: "execute-api:Invoke",
              Resource: `arn:aws:execute-api:${REGION}:${ACCOUNT}:${here.output("restApi")}/prod/GET/v1/runs`,
            },
          ],
        }),
      }),
    );
    await iam.send(new AttachRolePolicyCommand({ RoleName: "data-engineer", PolicyArn: Policy?.Arn }));
    const runs = async (name: string) => {
      const program = here.askAs(await as(name), "runs", "--url", here.url("restApi"));
      return { code: await program.left, said: program.errors.join() };
    };
    expect(await runs("nobody")).toMatchObject({ code: 1, said: expect.stringContaining("execute-api:Invoke") });
    expect(await runs("data-engineer")).toMatchObject({ code: 0 });
  });

  test("lets a runner in, and the Lambda looks at the credential", async () => {
    const call = (credential: string) =>
      fetch(`${here.url()}/v1/runs/etl/beat`, {
        method: "POST",
        body: "{}",
        headers: { authorization: `Bearer ${credential}` },
      });
    const reply = await call("etl.1.1.0.5000.initial.nonsense");
    expect(reply.status).toBe(401);
    expect(await reply.json()).toMatchObject({ type: "urn:lastbeat:problem:unauthorized" });
  });
});

describe.concurrent("a run in the account", () => {
  test("succeeds through the REST API too", async () => {
    const ticket = await here.register("by-rest");
    const { left } = here.agent(ticket, newHost(), "true");
    expect(await left).toBe(0);
    expect(await here.json("show", "by-rest", "--url", here.url("restApi"))).toMatchObject({ outcome: "succeeded" });
  });

  test("that vanishes is found by the rule of every minute, and goes on with the message from the real queue", async () => {
    const ticket = await here.register("vanished", "--lease", "5");
    const first = here.agent(ticket, newHost(), ...SLEEP);
    const [, pid] = await first.line(/^up (\d+)$/);
    process.kill(first.pid, "SIGKILL"); // the agent first, or it would report the end of its command
    process.kill(Number(pid), "SIGKILL");
    const { cause, next, previous } = await owner.message("vanished", 2);
    expect({ cause, held: next.held, previous }).toMatchObject({
      cause: "lost",
      held: false,
      previous: { attempt: 1 },
    });
    const second = here.agent(next.ticket, newHost(), "true");
    expect(await second.left).toBe(0);
    expect(await here.record("vanished")).toMatchObject({
      outcome: "succeeded",
      spent: { losses: 1 },
      attempts: [{ cause: "lost", charged: "losses" }, { cause: "succeeded" }],
    });
  });

  test("is handed over by a drill that goes through the real rule: told at once, held until the old attempt is gone", async () => {
    const host = newHost();
    const first = here.agent(await here.register("drilled", "--lease", "20"), host, ...SLEEP);
    await first.line(/^up/);
    expect(await here.ask("drill", "spot", host, "--stack", STACK).left).toBe(0);
    const { cause, next } = await owner.message("drilled", 2);
    expect({ cause, held: next.held }).toEqual({ cause: "interrupted", held: true });
    const second = here.agent(next.ticket, newHost(), "sh", "-c", "echo second");
    expect(await first.left).toBe(82);
    await second.line(/^second$/);
    expect(await second.left).toBe(0);
    const { attempts } = await here.record("drilled");
    expect(attempts).toMatchObject([{ cause: "interrupted", charged: "interruptions" }, { cause: "succeeded" }]);
    expect(attempts[0]?.evidence).toMatchObject([{ source: "lastbeat.drill", kind: "spot-interruption" }]);
    expect(Date.parse(attempts[1]?.claimedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(attempts[0]?.endedAt ?? "") - 1);
  });

  test("that its owner does not start himself is announced at once", async () => {
    await here.ask("register", "dispatched", "--start", "dispatch").left;
    const { cause, next } = await owner.message("dispatched", 1);
    expect(cause).toBe("first");
    expect(await here.agent(next.ticket, newHost(), "true").left).toBe(0);
  });

  test("that crashes with budget left is announced by its own report", async () => {
    const spec = join(folder, "crash.json");
    writeFileSync(spec, JSON.stringify({ budgets: { crashes: 1 }, backoff: { baseSeconds: 0 } }));
    expect(await here.agent(await here.register("crashed", "--spec", spec), newHost(), "sh", "-c", "exit 3").left).toBe(
      3,
    );
    const { cause, next } = await owner.message("crashed", 2);
    expect(cause).toBe("crashed");
    expect(await here.agent(next.ticket, newHost(), "true").left).toBe(0);
  });

  test("hears of its own SIGTERM, and of a drain of its host", async () => {
    const [one, other] = [newHost(), newHost()];
    const terminated = here.agent(await here.register("terminated"), one, ...SLEEP);
    await terminated.line(/^up/);
    terminated.child.kill("SIGTERM");
    expect(await terminated.left).toBe(143);
    const drained = here.agent(await here.register("drained", "--lease", "20"), other, ...SLEEP);
    await drained.line(/^up/);
    expect(await here.ask("drain", other, "--reason", "maintenance").left).toBe(0);
    expect(await drained.left).toBe(82);
    expect(await here.record("drained")).toMatchObject({ attempts: [{ cause: "interrupted" }] });
  });

  test("that is canceled while nobody holds it any more ends when its lease is over, and is removed a minute later", async () => {
    const first = here.agent(await here.register("canceled", "--lease", "5"), newHost(), ...SLEEP);
    const [, pid] = await first.line(/^up (\d+)$/);
    process.kill(first.pid, "SIGKILL");
    process.kill(Number(pid), "SIGKILL");
    expect(await here.ask("cancel", "canceled").left).toBe(0);
    const ended = await eventually(
      () => here.record("canceled"),
      ({ state }) => state === "ended",
    );
    expect(ended).toMatchObject({ outcome: "canceled" });
    const item = (): Promise<unknown> =>
      here.dynamodb
        .send(
          new GetItemCommand({
            TableName: here.output("table"),
            Key: { p: { S: "L#0" }, s: { S: "canceled" } },
            ConsistentRead: true,
          }),
        )
        .then(({ Item }) => Item);
    expect(await item()).toBeDefined();
    await eventually(item, (found) => found === undefined);
    expect(await here.record("canceled")).toMatchObject({ outcome: "canceled" });
  });
});

// By itself: while it replaces a Lambda the emulator answers 502, where AWS lets the old one finish. Agents get over that; the
// one-off calls of the other stories would not.
describe("a run that is live", () => {
  test("is not disturbed by an update of the stack: none is lost, old tokens and tickets are good", async () => {
    const go = join(folder, "go");
    const script = `echo up; while [ ! -e ${go} ]; do sleep 0.2; done`;
    const before = await here.register("across-the-update", "--lease", "30");
    const early = await here.register("claimed-after-the-update");
    const long = here.agent(before, newHost(), "sh", "-c", script);
    await long.line(/^up/);
    // Other code, more shards, another memory: what an upgrade changes.
    const anotherBuild = 'node scripts/build.ts && for f in dist/lambdas/*/index.mjs; do echo "//another" >> $f; done';
    await here.deploy({ ...BOTH_DOORS, publicUrl: here.url(), expectedRuns: "20000" }, anotherBuild);
    const updatedAt = Date.now();
    const beaten = await eventually(
      () => here.record("across-the-update"),
      ({ lastBeatAt = "" }) => Date.parse(lastBeatAt) > updatedAt + 1000,
    );
    expect(beaten).toMatchObject({ state: "running", attempt: 1 });
    expect(await here.agent(early, newHost(), "true").left).toBe(0);
    writeFileSync(go, "");
    expect(await long.left).toBe(0);
    expect(await here.record("across-the-update")).toMatchObject({ outcome: "succeeded", attempt: 1 });
    expect(await here.agent(await here.register("registered-after"), newHost(), "true").left).toBe(0);
  });
});

describe("dead letters", () => {
  test("a message on which its consumer fails five times is kept, told of, and comes back with a redrive", async () => {
    failing.add("poison");
    await here.ask("register", "poison", "--start", "dispatch").left;
    await eventually(
      () => depth(here.output("requeueDeadLetters")),
      (messages) => messages === 1,
    );
    const doctor = here.ask("doctor", "--stack", STACK);
    expect(await doctor.left).toBe(1);
    expect(doctor.lines.join("\n")).toMatch(/problem\s+requeue dead letters.*\n.*lastbeat redrive requeue/i);
    failing.delete("poison");
    expect(await here.askAs({}, "redrive", "requeue", "--stack", STACK).left).toBe(0);
    expect((await owner.message("poison", 1)).next.attempt).toBe(1);
  });

  test("a notice that cannot be handled is kept, and told again with a redrive", async () => {
    const queue = here.output("noticeQueue");
    const set = (seconds: string): Promise<unknown> =>
      here.sqs.send(new SetQueueAttributesCommand({ QueueUrl: queue, Attributes: { VisibilityTimeout: seconds } }));
    await set("1");
    const host = newHost();
    const agent = here.agent(await here.register("on-a-deaf-host", "--lease", "20"), host, ...SLEEP);
    await agent.line(/^up/);
    here.wiretap.fail({
      by: "lastbeat-notice",
      service: "dynamodb",
      status: 400,
      error: "com.amazonaws#AccessDeniedException",
    });
    expect(await here.ask("drain", host).left).toBe(0);
    await eventually(
      () => depth(here.output("noticeDeadLetters")),
      (messages) => messages === 1,
    );
    here.wiretap.fail(undefined);
    expect(await here.askAs({}, "redrive", "notice", "--stack", STACK).left).toBe(0);
    expect(await agent.left).toBe(82);
    await set("60");
  });
});

describe("what AWS says", () => {
  test("and nobody understands is kept for people, and stops nothing", async () => {
    const odd = JSON.stringify({
      source: "aws.ec2",
      "detail-type": "EC2 Something New",
      detail: { marker: randomUUID() },
    });
    await here.sqs.send(new SendMessageCommand({ QueueUrl: here.output("noticeQueue"), MessageBody: odd }));
    await eventually(
      async () => (await linesOf("notice")).map((line) => line["decision"]),
      (decisions) => decisions.includes("not-understood"),
    );
  });

  test("about a host with more attempts than one message takes is told in several", async () => {
    const host = newHost();
    const ports = dynamoHosts({ client: here.dynamodb, table: here.output("table") });
    const at = instant(Date.now());
    for (let n = 0; n < 201; n += 1)
      await ports.enter(host, { run: `seeded-${n}`, shard: 0, fence: fence(1), at }, instant(at + 3_600_000));
    const before = here.wiretap.heard.length;
    await here.ask("drain", host).left;
    await eventually(
      async () => here.wiretap.heard.slice(before),
      (heard) => heard.some(({ by, action }) => by === "lastbeat-notice" && action === "sqs:SendMessage"),
    );
  });
});

describe("the signing keys", () => {
  test("are rotated while a run lives: it keeps its token, and what is handed out later is good, too", async () => {
    const ticket = await here.register("across-the-rotation");
    const secrets = new SecretsManagerClient(sdk());
    const SecretId = here.output("keys");
    const token = randomUUID();
    // What RotateSecret does is played, because the emulator has no schedule: pending version, four steps.
    const step = (Step: string): Promise<unknown> => invoke("rotate", { Step, SecretId, ClientRequestToken: token });
    for (const name of ["createSecret", "setSecret", "testSecret", "finishSecret"]) await step(name);
    const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId }));
    const { keys } = JSON.parse(SecretString) as { keys: { id: string; signsFrom: string }[] };
    expect(keys.map(({ id }) => id)).toEqual([expect.not.stringMatching("initial"), "initial"]);
    expect(Date.parse(keys[0]?.signsFrom ?? "")).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    await step("createSecret"); // a step that comes again changes nothing
    await step("finishSecret");
    await expect(
      invoke("rotate", { Step: "createSecret", SecretId, ClientRequestToken: randomUUID() }),
    ).rejects.toThrow("the last rotation is not over");
    expect(await here.agent(ticket, newHost(), "true").left).toBe(0);
  });
});

type Line = Readonly<Record<string, unknown>>;

/** The lines of JSON that a Lambda has written. */
async function linesOf(name: string): Promise<readonly Line[]> {
  return (await logOf(name)).flatMap((text) => {
    try {
      return [JSON.parse(text) as Line];
    } catch {
      return []; // what the runtime writes itself
    }
  });
}

async function logOf(name: string): Promise<readonly string[]> {
  const logs = new CloudWatchLogsClient(sdk());
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({}));
  const group = logGroups.find(({ logGroupName }) => logGroupName?.includes(`Lambdas${name}Logs`));
  const messages: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await logs.send(
      new FilterLogEventsCommand({ logGroupName: group?.logGroupName, ...(nextToken !== undefined && { nextToken }) }),
    );
    messages.push(...(page.events ?? []).map(({ message = "" }) => message));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return messages;
}

describe("what an operator sees", () => {
  test("doctor finds nothing but what the emulator lacks", async () => {
    const found = await here.findings();
    expect(found.filter(({ state }) => state === "problem").map(({ check }) => check)).toEqual(["deletion protection"]);
    expect(found.filter(({ state }) => state === "warning").map(({ check }) => check)).toEqual(["trail"]);
    expect(found.length).toBeGreaterThan(10);
  });

  test("the log has the metrics, and no credential", async () => {
    const swept = (await linesOf("sweep")).filter((line) => METRICS.live in line);
    expect(swept.length).toBeGreaterThan(0);
    const verdicts = (await linesOf("sweep")).filter((line) => METRICS.verdicts in line);
    expect(verdicts).toContainEqual(
      expect.objectContaining({ run: "vanished", cause: "lost", [METRICS.cause]: "lost" }),
    );
    for (const name of ["beat", "runner", "owner", "sweep", "notice", "ticker", "canary", "rotate"])
      for (const line of await logOf(name)) expect(line, name).not.toMatch(/\.initial\.[A-Za-z0-9_-]{43}/);
  });

  test("the canary gets through; and when it does not, that is written down", async () => {
    expect(await invoke("canary", {})).toEqual({ failed: false });
    here.wiretap.fail({ by: "lastbeat-beat", service: "dynamodb", status: 500, error: "InternalServerError" });
    const from = Date.now();
    expect(await invoke("canary", {})).toEqual({ failed: true });
    here.wiretap.fail(undefined);
    const { Item } = await here.dynamodb.send(
      new GetItemCommand({
        TableName: here.output("table"),
        Key: { p: { S: CONTROL.partition }, s: { S: CONTROL.sort } },
        ConsistentRead: true,
      }),
    );
    expect(Number(Item?.[CONTROL.canaryFailed]?.N)).toBeGreaterThanOrEqual(from);
    expect((await here.findings()).find(({ check }) => check === "canary")).toMatchObject({ state: "problem" });
  });
});

describe("the grants", () => {
  test("no Lambda was refused anything by IAM", () => {
    expect(here.wiretap.heard.filter(({ by, status }) => by !== NOBODY && status === 403)).toEqual([]);
  });

  test("each role may do what its Lambda has called in all these stories, and nothing else", () => {
    const template = here.template();
    const grants = grantsOf(template);
    expect(Object.keys(grants)).toHaveLength(8);
    expect(callsOf(here.wiretap.heard, template)).toEqual(grants);
  });
});
