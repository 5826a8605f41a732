import { randomUUID } from "node:crypto";
import { DeleteItemCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { contextFor } from "../../dev/http.ts";
import { theApp } from "../../lambdas/connect.ts";
import { handler } from "../../lambdas/notice.ts";
import { parseBearer } from "../../lib/wire/credentials.ts";
import { attemptNotice, ownMessage } from "../../lib/wire/own-events.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";

type Json = Record<string, unknown>;
type Reply = { readonly status: number; readonly body: Json };

let dev: Dev;
let dynamodb: DynamoDBClient;
let sqs: SQSClient;

beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  dynamodb = new DynamoDBClient({ endpoint: dev.info.dynamodb, region: "us-east-1", credentials });
  sqs = new SQSClient({ endpoint: dev.info.sqs, region: "us-east-1", credentials });
});
afterAll(() => dev.stop());

/** The server handles an event within milliseconds; on a busy machine that may take a while. */
const SOON = { timeout: 10_000, interval: 20 };

async function call(method: string, path: string, body: unknown, credential = ""): Promise<Reply> {
  const response = await fetch(`${dev.info.api}${path}`, {
    method,
    headers: { authorization: `Bearer ${credential}` },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Json };
}

const post = (path: string, body: unknown, credential = ""): Promise<Reply> => call("POST", path, body, credential);

let hosts = 0;
/** An instance that no other test uses. */
const instanceId = (): string => `i-${(hosts++).toString(16).padStart(17, "0")}`;

async function claimed(run: string, host: string, spec: Json = {}): Promise<string> {
  const { ticket } = (await call("PUT", `/v1/runs/${run}`, spec)).body;
  const holder = { id: "a".repeat(32), host };
  return String((await post(`/v1/runs/${run}/claim`, { holder }, String(ticket))).body["token"]);
}

const beat = async (run: string, token: string): Promise<Json> => (await post(`/v1/runs/${run}/beat`, {}, token)).body;

const event = (type: string, detail: Json, own: Json = {}): Json => ({
  version: "0",
  id: randomUUID(),
  "detail-type": type,
  source: "aws.ec2",
  account: "123456789012",
  time: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
  region: "us-east-1",
  resources: [],
  detail,
  ...own,
});

const warning = (host: string): Json =>
  event(
    "EC2 Spot Instance Interruption Warning",
    { "instance-id": host, "instance-action": "terminate" },
    { resources: [`arn:aws:ec2:us-east-1b:instance/${host}`] },
  );

const terminated = (host: string): Json =>
  event("EC2 Instance State-change Notification", { "instance-id": host, state: "terminated" });

const happens = (...events: readonly unknown[]): Promise<Reply> => post("/dev/events", events);

/** The messages of that run, as many as are wanted, taken off the queue; those of other runs stay for other tests. */
const taken: RequeueEvent[] = [];
async function messagesOf(run: string, count: number): Promise<readonly RequeueEvent["data"][]> {
  const found = () => taken.map(({ data }) => data).filter((data) => data.run === run);
  for (let looks = 0; looks < 10 && found().length < count; looks += 1) {
    const QueueUrl = dev.info.queueUrl;
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    for (const { Body = "", ReceiptHandle } of Messages) {
      taken.push(JSON.parse(Body) as RequeueEvent);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
  return found();
}

describe("a spot warning", () => {
  test("reaches the attempt with its next beat, and the queue with its successor's ticket, held until it is gone", async () => {
    const host = instanceId();
    const token = await claimed("warned", host);
    expect(await happens(warning(host))).toEqual({ status: 202, body: { events: 1 } });
    await vi.waitFor(async () => {
      expect(await beat("warned", token)).toMatchObject({
        directive: "drain",
        reason: "spot-interruption",
        deadline: expect.stringMatching(/Z$/),
        nextBeatSeconds: 10,
      });
    }, SOON);
    const [message] = await messagesOf("warned", 1);
    expect(message).toMatchObject({
      cause: "interrupted",
      previous: { attempt: 1, holder: { host } },
      next: { attempt: 2, held: true, capacity: "any" },
    });
    const successor = { holder: { id: "b".repeat(32), host: instanceId() } };
    const claim = () => post("/v1/runs/warned/claim", successor, message?.next.ticket);
    expect(await claim()).toMatchObject({ status: 425, body: { type: "urn:lastbeat:problem:hold" } });
    await post("/v1/runs/warned/finish", { outcome: "interrupted", reason: "sigterm" }, token);
    expect(await claim()).toMatchObject({ status: 200, body: { attempt: 2, directive: "continue" } });
    expect((await call("GET", "/v1/runs/warned", undefined)).body).toMatchObject({
      attempts: [
        { attempt: 1, cause: "interrupted", charged: "interruptions", evidence: [{ kind: "spot-interruption" }] },
        { attempt: 2 },
      ],
    });
  });

  test("that is delivered three times announces one attempt", async () => {
    const host = instanceId();
    await claimed("thrice", host);
    const word = warning(host);
    expect(await handled(word, word, word)).toEqual({ batchItemFailures: [] });
    const ids = new Set((await messagesOf("thrice", 1)).map(({ next }) => next.fence));
    expect(ids.size).toBe(1);
  });

  test("in the envelope of an SNS topic is the same", async () => {
    const host = instanceId();
    const token = await claimed("by-sns", host);
    await handled({ Type: "Notification", Message: JSON.stringify(warning(host)) });
    expect(await beat("by-sns", token)).toMatchObject({ directive: "drain" });
  });
});

describe("a terminated instance", () => {
  test("ends its attempts at once, without waiting for their leases", async () => {
    const host = instanceId();
    const token = await claimed("dead", host, { backoff: { baseSeconds: 0 } });
    const { now } = Date;
    const later = vi.spyOn(Date, "now").mockImplementation(() => now() + 5000);
    try {
      await handled({ ...terminated(host), time: new Date(now() + 4000).toISOString() });
    } finally {
      later.mockRestore();
    }
    expect(await beat("dead", token)).toMatchObject({ type: "urn:lastbeat:problem:superseded", attempt: 2 });
    expect(await messagesOf("dead", 1)).toMatchObject([{ cause: "lost", next: { attempt: 2, held: false } }]);
  });

  test("by a clock that is ahead of ours proves nothing yet, and drains", async () => {
    const host = instanceId();
    const token = await claimed("dying", host);
    await handled({ ...terminated(host), time: new Date(Date.now() + 30_000).toISOString() });
    expect(await beat("dying", token)).toMatchObject({ directive: "drain", reason: "terminated" });
  });
});

describe("an operator who drains a host", () => {
  test("is answered 202, and what stands there is told to leave", async () => {
    const host = "ip-10-0-0-1.ec2.internal";
    const token = await claimed("drained", host);
    expect(await post(`/v1/hosts/${host}/drain`, { deadlineSeconds: 60, reason: "kernel" })).toEqual({
      status: 202,
      body: { attempts: 1 },
    });
    await vi.waitFor(async () => {
      expect(await beat("drained", token)).toMatchObject({ directive: "drain", deadline: expect.any(String) });
    }, SOON);
    expect(await messagesOf("drained", 1)).toMatchObject([{ next: { attempt: 2, held: true } }]);
  });

  test("may name a host with a slash, encoded, and say nothing else", async () => {
    const token = await claimed("on-fargate", "fargate/abc:1");
    expect((await post("/v1/hosts/fargate%2Fabc%3A1/drain", {})).status).toBe(202);
    await vi.waitFor(async () => {
      expect(await beat("on-fargate", token)).toMatchObject({ directive: "drain", reason: "drain" });
    }, SOON);
  });

  test("is answered 202 for a host that carries nothing of ours", async () => {
    expect(await post(`/v1/hosts/${instanceId()}/drain`, {})).toEqual({ status: 202, body: { attempts: 0 } });
  });
});

describe("a runner's notice", () => {
  const now = (): string => new Date().toISOString();

  test("of a SIGTERM concerns its own attempt, whatever else stands on its host", async () => {
    const host = instanceId();
    const [own, other] = [await claimed("termed", host), await claimed("neighbour", host)];
    expect(await post("/v1/runs/termed/notice", { kind: "sigterm", at: now() }, own)).toEqual({
      status: 202,
      body: {},
    });
    await vi.waitFor(async () => {
      expect(await beat("termed", own)).toMatchObject({ directive: "drain", reason: "sigterm" });
    }, SOON);
    expect(await beat("neighbour", other)).toMatchObject({ directive: "continue" });
    expect(await messagesOf("termed", 1)).toMatchObject([{ next: { attempt: 2, held: true } }]);
  });

  test("of a spot interruption concerns its own attempt, too", async () => {
    const host = instanceId();
    const [own, other] = [await claimed("told", host), await claimed("told-too", host)];
    const deadline = new Date(Date.now() + 120_000).toISOString();
    await post("/v1/runs/told/notice", { kind: "spot", at: now(), deadline }, own);
    await vi.waitFor(async () => {
      expect(await beat("told", own)).toMatchObject({ directive: "drain", reason: "spot-interruption", deadline });
    }, SOON);
    expect(await handled(wordOf(own, host))).toEqual({ batchItemFailures: [] });
    expect(await beat("told-too", other)).toMatchObject({ directive: "continue" });
  });

  test("of a spot interruption closes its host to nobody", async () => {
    const host = instanceId();
    const own = await claimed("closing", host);
    await handled(wordOf(own, host));
    expect(await beat("closing", own)).toMatchObject({ directive: "drain" });
    expect(await beat("open-to", await claimed("open-to", host))).toMatchObject({ directive: "continue" });
  });

  test("is on the record of its attempt, the newest of each kind, before the attempt has ended", async () => {
    const own = await claimed("telling", instanceId());
    const newest = wordOf(own);
    const older = new Date(Date.parse(newest.detail.at) - 1000).toISOString();
    await handled({ ...newest, id: "older", detail: { ...newest.detail, at: older } });
    await handled(newest);
    await handled({ ...newest, id: "older", detail: { ...newest.detail, at: older } });
    const attempts = (await call("GET", "/v1/runs/telling", undefined)).body["attempts"];
    expect(attempts).toMatchObject([
      { attempt: 1, evidence: [{ id: newest.id, source: "runner", kind: "spot-interruption", at: newest.detail.at }] },
    ]);
    expect((attempts as readonly { evidence: unknown }[])[0]?.evidence).toHaveLength(1);
  });

  test.each([
    ["an hour ahead is one of ten minutes", 3_600_000, 600_000],
    ["an hour ago is one of now", -3_600_000, 0],
  ])("with a deadline %s", async (_, ahead, taken) => {
    const run = `deadline-${taken}`;
    const token = await claimed(run, instanceId());
    const from = Date.now();
    const deadline = new Date(from + ahead).toISOString();
    await post(`/v1/runs/${run}/notice`, { kind: "spot", at: now(), deadline }, token);
    const to = Date.now();
    await vi.waitFor(async () => {
      expect(await beat(run, token)).toMatchObject({ directive: "drain" });
    }, SOON);
    const told = Date.parse(String((await beat(run, token))["deadline"]));
    expect(told).toBeGreaterThanOrEqual(from + taken);
    expect(told).toBeLessThanOrEqual(to + taken);
  });

  test("without a host concerns its own attempt", async () => {
    const { ticket } = (await call("PUT", "/v1/runs/hostless", {})).body;
    const { token } = (await post("/v1/runs/hostless/claim", { holder: { id: "c".repeat(32) } }, String(ticket))).body;
    await post("/v1/runs/hostless/notice", { kind: "spot", at: now() }, String(token));
    await vi.waitFor(async () => {
      expect(await beat("hostless", String(token))).toMatchObject({ directive: "drain" });
    }, SOON);
  });

  test("of an attempt that is over is refused: 409 superseded, 410 once the run has ended", async () => {
    const spec = { backoff: { baseSeconds: 0 }, budgets: { crashes: 1 } };
    const token = await claimed("over", instanceId(), spec);
    await post("/v1/runs/over/finish", { outcome: "failed", exitCode: 1 }, token);
    const tell = () => post("/v1/runs/over/notice", { kind: "spot", at: now() }, token);
    expect(await tell()).toMatchObject({ status: 409, body: { type: "urn:lastbeat:problem:superseded", attempt: 2 } });
    await post("/v1/runs/over/cancel", {});
    expect(await tell()).toMatchObject({ status: 410, body: { type: "urn:lastbeat:problem:ended" } });
  });
});

/** What the holder of this token is told of a spot interruption, as it comes out of the queue. */
function wordOf(token: string, host?: string): ReturnType<typeof attemptNotice> {
  const claims = parseBearer(`Bearer ${token}`)?.claims;
  if (claims === undefined) throw new Error(`${token} is no token`);
  const { run, shard, fence } = claims;
  const at = new Date().toISOString();
  return attemptNotice(randomUUID(), at, { run, shard, fence, kind: "spot", at, ...(host !== undefined && { host }) });
}

const opts = { signal: new AbortController().signal };

/** The Lambda with a batch of messages, as SQS hands it over; strings go as they are. */
async function handled(...bodies: readonly unknown[]): Promise<SQSBatchResponse | undefined> {
  const Records = bodies.map((body, index) => ({
    messageId: String(index),
    body: typeof body === "string" ? body : JSON.stringify(body),
  }));
  return handler({ Records } as SQSEvent, contextFor(60_000), opts);
}

/** Without its spec a run cannot be told anything: that is a failure. */
async function withoutSpec(run: string): Promise<void> {
  const Key = { p: { S: `R#${run}` }, s: { S: "spec" } };
  await dynamodb.send(new DeleteItemCommand({ TableName: dev.info.table, Key }));
}

type Row = { readonly partition: string; readonly all: string };

async function table(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let start: ScanCommand["input"]["ExclusiveStartKey"];
  do {
    const { Items = [], LastEvaluatedKey } = await dynamodb.send(
      new ScanCommand({ TableName: dev.info.table, ConsistentRead: true, ExclusiveStartKey: start }),
    );
    rows.push(...Items.map((item) => ({ partition: item["p"]?.S ?? "", all: JSON.stringify(item) })));
    start = LastEvaluatedKey;
  } while (start !== undefined);
  return rows.filter(({ partition }) => partition !== "C").sort((one, other) => (one.all < other.all ? -1 : 1));
}

const isOdd = ({ partition }: Row): boolean => partition.startsWith("U#");

/** What the Lambda kept of these messages for people, after asking that nothing else has changed and nothing failed. */
async function keptOf(...bodies: readonly unknown[]): Promise<readonly Row[]> {
  const before = await table();
  expect(await handled(...bodies)).toEqual({ batchItemFailures: [] });
  const now = await table();
  expect(now.filter((row) => !isOdd(row))).toEqual(before.filter((row) => !isOdd(row)));
  return now.filter((row) => isOdd(row) && !before.some(({ all }) => all === row.all));
}

describe("an event that cannot be understood is kept, and changes nothing:", () => {
  test.each<[string, unknown]>([
    ["text that is not JSON", "{ not json"],
    ["null", "null"],
    ["an array", "[]"],
    ["a number", "1"],
    ["nested deeper than any stack", "[".repeat(100_000) + "]".repeat(100_000)],
    ["an empty object", {}],
    ["__proto__", '{"__proto__": {"source": "aws.ec2"}}'],
    ["an unknown source", event("EC2 Spot Instance Interruption Warning", {}, { source: "aws.moon" })],
    ["an unknown kind", event("EC2 Instance Levitation", { "instance-id": "i-0123456789abcdef0" })],
    ["a kind that every object has", event("constructor", {})],
    ["no detail", event("EC2 Spot Instance Interruption Warning", {}, { detail: null })],
    ["no instance", event("EC2 Spot Instance Interruption Warning", {})],
    [
      "a host that would break out of its key",
      event("EC2 Spot Instance Interruption Warning", { "instance-id": "i-0abc#r#etl" }),
    ],
    [
      "a state that there is not",
      event("EC2 Instance State-change Notification", { "instance-id": "i-0123456789abcdef0", state: "dead" }),
    ],
    ["200 kB", event("EC2 Instance Levitation", { pad: "x".repeat(200_000) })],
    ["200 kB of text", "x".repeat(200_000)],
    ["a drain without a host", event("Lastbeat Host Drain", {}, { source: "lastbeat" })],
    [
      "a runner's notice without an attempt",
      event("Lastbeat Attempt Notice", { kind: "spot" }, { source: "lastbeat" }),
    ],
    [
      "a runner's notice from a host that would break out of its key",
      event(
        "Lastbeat Attempt Notice",
        { run: "etl", shard: 1, fence: 1, kind: "spot", at: "2026-11-22T12:00:00Z", host: "i-0abc#r#etl" },
        { source: "lastbeat" },
      ),
    ],
    ["a continued notice that says nothing", event("Lastbeat Notice Continued", {}, { source: "lastbeat" })],
  ])("%s", async (_, body) => {
    expect(await keptOf(body)).toHaveLength(1);
  });

  test("the same twice is kept once", async () => {
    expect(await keptOf("the same", "the same")).toHaveLength(1);
  });

  test("200 kB are kept by their beginning", async () => {
    const [row] = await keptOf(`a long one ${"y".repeat(200_000)}`);
    expect(row?.all.length).toBeLessThan(10_000);
  });
});

describe("an event that was understood and concerns nobody here", () => {
  test.each([
    [
      "a running instance",
      event("EC2 Instance State-change Notification", { "instance-id": "i-0123456789abcdef0", state: "running" }),
    ],
    [
      "a launch of Auto Scaling",
      event("EC2 Instance Launch Successful", { EC2InstanceId: "i-0123456789abcdef0" }, { source: "aws.autoscaling" }),
    ],
  ])("leaves no trace: %s", async (_, body) => {
    expect(await keptOf(body)).toEqual([]);
  });

  test("leaves no trace: a runner's notice about an attempt that there is not", async () => {
    const detail = { run: "nobody", shard: 1, fence: 1, kind: "spot", at: new Date().toISOString() };
    expect(await keptOf(event("Lastbeat Attempt Notice", detail, { source: "lastbeat" }))).toEqual([]);
  });
});

describe("an eviction", () => {
  const evicted = (hosts: readonly string[]): Json =>
    event("AWS Service Event via CloudTrail", {
      eventName: "BidEvictedEvent",
      eventTime: new Date().toISOString(),
      serviceEventDetails: { instanceIdSet: hosts },
    });

  test("of a hundred and one hosts is told to the last of them, in parts, and is not kept", async () => {
    const all = Array.from({ length: 101 }, instanceId);
    const [first, last] = [await claimed("first-of-many", all[0] ?? ""), await claimed("last-of-many", all[100] ?? "")];
    const before = (await table()).filter(isOdd).length;
    expect(await handled(evicted(all))).toEqual({ batchItemFailures: [] });
    expect((await table()).filter(isOdd)).toHaveLength(before);
    const told = { directive: "drain", reason: "evicted" };
    await vi.waitFor(async () => expect(await beat("first-of-many", first)).toMatchObject(told), SOON);
    await vi.waitFor(async () => expect(await beat("last-of-many", last)).toMatchObject(told), SOON);
  });

  test("that is not begun in time comes again, and nobody else's", async () => {
    const context = { ...contextFor(60_000), getRemainingTimeInMillis: () => 5000 };
    const Records = [{ messageId: "late", body: JSON.stringify(evicted([instanceId()])) }];
    expect(await handler({ Records } as SQSEvent, context, opts)).toEqual({
      batchItemFailures: [{ itemIdentifier: "late" }],
    });
  });

  test("that names more hosts than an event holds is kept, and 12,000 of them are told", async () => {
    const sent = vi.spyOn(theApp().notices, "send").mockResolvedValue();
    try {
      const before = (await table()).filter(isOdd).length;
      const all = Array.from({ length: 12_001 }, (_, index) => `i-f${index.toString(16).padStart(16, "0")}`);
      expect(await handled(evicted(all))).toEqual({ batchItemFailures: [] });
      const parts = sent.mock.calls.map(([message]) => ownMessage(JSON.parse(JSON.stringify(message))));
      const hosts = parts.map((part) => (part?.["detail-type"] === "Lastbeat Notice Shared" ? part.detail.hosts : []));
      expect(hosts.flat()).toEqual(all.slice(0, 12_000));
      expect(Math.max(...hosts.map(({ length }) => length))).toBe(10);
      expect((await table()).filter(isOdd)).toHaveLength(before + 1);
    } finally {
      vi.restoreAllMocks();
    }
  });

  test("comes again when one of its hosts has failed, which keeps none of the others from being told", async () => {
    const all = Array.from({ length: 10 }, instanceId);
    const [bad = "", good = ""] = [all[0], all[9]];
    await claimed("evicted-without-spec", bad);
    const token = await claimed("evicted-with-spec", good);
    await withoutSpec("evicted-without-spec");
    expect(await handled(evicted(all))).toEqual({ batchItemFailures: [{ itemIdentifier: "0" }] });
    expect(await beat("evicted-with-spec", token)).toMatchObject({ directive: "drain", reason: "evicted" });
  });
});

describe("a forged message of our own", () => {
  const forged = (evidence: Json): Json => ({
    source: "lastbeat",
    "detail-type": "Lastbeat Notice Continued",
    detail: { notice: { host: "i-00000000000000forged", evidence }, seenUpTo: { run: "etl", fence: 1, at: 1e12 } },
  });

  test.each<[string, Json]>([
    ["a kind that there is not", { id: "x", source: "x", kind: "earthquake", at: 0 }],
    ["a kind that every object has", { id: "x", source: "x", kind: "constructor", at: 0 }],
    ["an instant that no clock shows", { id: "x", source: "x", kind: "drain", at: 1e300 }],
    ["an id that is no part of a key", { id: "x".repeat(2000), source: "x", kind: "drain", at: 0 }],
  ])("with %s is kept, and changes nothing", async (_, evidence) => {
    expect(await keptOf(forged(evidence))).toHaveLength(1);
  });
});

describe("a batch", () => {
  test("reports the message that failed, so that it comes again, and does the others", async () => {
    const [bad, good] = [instanceId(), instanceId()];
    await claimed("without-spec", bad);
    const token = await claimed("with-spec", good);
    await withoutSpec("without-spec");
    expect(await handled(warning(bad), warning(good), "odd")).toEqual({
      batchItemFailures: [{ itemIdentifier: "0" }],
    });
    expect(await beat("with-spec", token)).toMatchObject({ directive: "drain" });
  });

  test("of no messages does nothing", async () => {
    expect(await handled()).toEqual({ batchItemFailures: [] });
  });
});

describe("POST /dev/events", () => {
  test("takes one event or a list of them, more than a batch of SQS holds, and leaves the odd ones for people", async () => {
    const before = (await table()).filter(isOdd).length;
    const odd = Array.from({ length: 23 }, (_, index) => ({ odd: index, run: randomUUID() }));
    expect(await happens(...odd)).toEqual({ status: 202, body: { events: 23 } });
    expect(await post("/dev/events", { odd: 23, run: randomUUID() })).toEqual({ status: 202, body: { events: 1 } });
    await vi.waitFor(async () => {
      expect((await table()).filter(isOdd).length).toBe(before + 24);
    }, SOON);
  });

  test("takes an event of 200 kB", async () => {
    const before = (await table()).filter(isOdd).length;
    expect((await happens({ pad: "z".repeat(200_000), run: randomUUID() })).status).toBe(202);
    await vi.waitFor(async () => {
      expect((await table()).filter(isOdd).length).toBe(before + 1);
    }, SOON);
  });

  test("refuses what is not JSON", async () => {
    const response = await fetch(`${dev.info.api}/dev/events`, { method: "POST", body: "{" });
    expect([response.status, ((await response.json()) as Json)["type"]]).toEqual([
      400,
      "urn:lastbeat:problem:malformed",
    ]);
  });
});
