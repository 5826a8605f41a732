import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { segmentOf } from "../../lib/wire/ids.ts";

type Json = Record<string, unknown>;
type Reply = { readonly status: number; readonly body: Json; readonly headers: Headers };

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

async function call(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Reply> {
  const response = await fetch(`${dev.info.api}${path}`, { method, headers, ...(body !== undefined && { body }) });
  return { status: response.status, body: (await response.json()) as Json, headers: response.headers };
}

const as = (credential: unknown): Record<string, string> => ({ authorization: `Bearer ${credential}` });
const json = (body: unknown): string => JSON.stringify(body);
const problem = (name: string): Json => ({ type: `urn:lastbeat:problem:${name}` });

/** The table without the last sweep, which has its own clock. */
async function everything(): Promise<string> {
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: dev.info.table, ConsistentRead: true }));
  return json(
    Items.map((item) => json(item))
      .filter((item) => !item.includes('"sweep"'))
      .sort(),
  );
}

/** The reply, after asking that the table is as it was. */
async function refused(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<Reply> {
  const before = await everything();
  const reply = await call(method, path, body, headers);
  expect(await everything()).toBe(before);
  expect(reply.headers.get("content-type")).toBe("application/problem+json");
  return reply;
}

const holder = (digit: string): { holder: { id: string; host: string } } => ({
  holder: { id: digit.repeat(32), host: "i-0123456789abcdef0" },
});

async function registered(run: string, spec: Json = {}): Promise<string> {
  return String((await call("PUT", `/v1/runs/${run}`, json(spec))).body["ticket"]);
}

async function claimed(run: string, spec: Json = {}): Promise<{ ticket: string; token: string }> {
  const ticket = await registered(run, spec);
  const { body } = await call("POST", `/v1/runs/${run}/claim`, json(holder("a")), as(ticket));
  return { ticket, token: String(body["token"]) };
}

describe("the life of a run", () => {
  test("a run is registered, claimed, beats and finishes, and its record says so", async () => {
    const made = await call("PUT", "/v1/runs/etl-2026-11-22", json({ leaseSeconds: 60, labels: { team: "ml" } }));
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      run: "etl-2026-11-22",
      state: "queued",
      attempt: 1,
      startBy: expect.any(String),
    });
    const claim = await call("POST", "/v1/runs/etl-2026-11-22/claim", json(holder("a")), as(made.body["ticket"]));
    expect(claim.body).toMatchObject({ attempt: 1, leaseSeconds: 60, nextBeatSeconds: 15, directive: "continue" });
    const token = as(claim.body["token"]);
    const beat = await call("POST", "/v1/runs/etl-2026-11-22/beat", json({ progress: { value: 82, of: 100 } }), token);
    expect(beat.body).toEqual({ directive: "continue", leaseSeconds: 60, nextBeatSeconds: 15 });
    const live = await call("GET", "/v1/runs/etl-2026-11-22");
    expect(live.body).toMatchObject({
      state: "running",
      host: "i-0123456789abcdef0",
      progress: { value: 82, of: 100 },
    });
    const finish = await call(
      "POST",
      "/v1/runs/etl-2026-11-22/finish",
      json({ outcome: "succeeded", exitCode: 0 }),
      token,
    );
    expect(finish).toMatchObject({ status: 200, body: { state: "ended", outcome: "succeeded" } });
    const record = await call("GET", "/v1/runs/etl-2026-11-22");
    expect(record.body).toMatchObject({
      state: "ended",
      outcome: "succeeded",
      spec: { leaseSeconds: 60, labels: { team: "ml" } },
      attempts: [{ attempt: 1, cause: "succeeded", exitCode: 0, holder: holder("a").holder, evidence: [] }],
    });
    const ended = await call("GET", "/v1/runs?state=ended");
    expect(ended.body["runs"]).toContainEqual(expect.objectContaining({ run: "etl-2026-11-22", outcome: "succeeded" }));
  });

  test.each(["manual__2026-11-27T00:00:00+00:00", "model.shop.orders", "shop/deploy/17", "1.2.3.4.5.k-aaaa"])(
    "a run is called %s, as its orchestrator calls it",
    async (run) => {
      const path = `/v1/runs/${segmentOf(run)}`;
      const ticket = (await call("PUT", path, "{}")).body["ticket"];
      const { token } = (await call("POST", `${path}/claim`, json(holder("a")), as(ticket))).body;
      expect((await call("POST", `${path}/beat`, "{}", as(token))).body).toMatchObject({ directive: "continue" });
      expect((await call("GET", "/v1/runs")).body["runs"]).toContainEqual(expect.objectContaining({ run }));
      expect(await call("POST", `${path}/finish`, json({ outcome: "succeeded" }), as(token))).toMatchObject({
        status: 200,
      });
      expect((await call("GET", path)).body).toMatchObject({ run, outcome: "succeeded" });
      expect((await call("GET", "/v1/runs?state=ended")).body["runs"]).toContainEqual(expect.objectContaining({ run }));
    },
  );

  test("the same spec may be registered again, another one may not", async () => {
    await registered("again", { leaseSeconds: 30 });
    expect(await call("PUT", "/v1/runs/again", json({ leaseSeconds: 30 }))).toMatchObject({
      status: 200,
      body: { state: "queued" },
    });
    expect(await refused("PUT", "/v1/runs/again", json({ leaseSeconds: 31 }))).toMatchObject({
      status: 409,
      body: problem("run-exists"),
    });
  });

  test("the ticket of the attempt that is queued is given again, also to one who knows no spec", async () => {
    const ticket = await registered("asked-again", { leaseSeconds: 30 });
    expect(await call("POST", "/v1/runs/asked-again/ticket")).toMatchObject({
      status: 200,
      body: { state: "queued", ticket },
    });
    const { token } = await claimed("asked-late");
    const late = await call("POST", "/v1/runs/asked-late/ticket");
    expect(late).toMatchObject({ status: 200, body: { state: "running", attempt: 1 } });
    expect(late.body).not.toHaveProperty("ticket");
    await call("POST", "/v1/runs/asked-late/finish", json({ outcome: "succeeded" }), as(token));
    for (const [method, path] of [
      ["POST", "/v1/runs/asked-late/ticket"],
      ["PUT", "/v1/runs/asked-late"],
    ] as const)
      expect(await call(method, path)).toMatchObject({
        status: 200,
        body: { state: "ended", outcome: "succeeded", endedAt: expect.any(String) },
      });
    expect(await refused("POST", "/v1/runs/nobody/ticket")).toMatchObject({ status: 404 });
  });

  test("the same holder may claim again and gets the same attempt; another one is refused", async () => {
    const ticket = await registered("claimed-twice");
    const claim = (digit: string): Promise<Reply> =>
      call("POST", "/v1/runs/claimed-twice/claim", json(holder(digit)), as(ticket));
    const first = await claim("a");
    expect((await claim("a")).body["fence"]).toBe(first.body["fence"]);
    expect(await claim("b")).toMatchObject({ status: 409, body: problem("held-by-another") });
  });

  test("a finish may be sent again, but not with another end", async () => {
    const { token } = await claimed("finished-twice");
    const finish = (body: Json): Promise<Reply> =>
      call("POST", "/v1/runs/finished-twice/finish", json(body), as(token));
    expect(await finish({ outcome: "succeeded", exitCode: 0 })).toMatchObject({ status: 200 });
    expect(await finish({ exitCode: 0, outcome: "succeeded" })).toMatchObject({
      status: 200,
      body: { outcome: "succeeded" },
    });
    expect(await finish({ outcome: "failed", exitCode: 1 })).toMatchObject({
      status: 409,
      body: problem("finished-otherwise"),
    });
  });

  test("a crash with budget left sends the next attempt's message, and the old fence is refused", async () => {
    const { token } = await claimed("crashing", { budgets: { crashes: 1 }, backoff: { baseSeconds: 0 } });
    const { body } = await call(
      "POST",
      "/v1/runs/crashing/finish",
      json({ outcome: "failed", exitCode: 3 }),
      as(token),
    );
    expect(body).toEqual({ state: "queued" });
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: dev.info.queueUrl, MaxNumberOfMessages: 10 }),
    );
    const message = Messages.map(({ Body = "" }) => JSON.parse(Body) as { data: Json }).find(
      ({ data }) => data["run"] === "crashing",
    );
    expect(message).toMatchObject({
      type: "lastbeat.run.requeue.v1",
      data: { cause: "crashed", next: { attempt: 2, held: false, isLast: false } },
    });
    expect(await refused("POST", "/v1/runs/crashing/beat", "{}", as(token))).toMatchObject({
      status: 409,
      body: { ...problem("superseded"), attempt: 2 },
    });
  });

  test("a canceled run tells its holder to stop, and stays canceled", async () => {
    const { token } = await claimed("canceled");
    expect(await call("POST", "/v1/runs/canceled/cancel", json({ reason: "wrong day" }))).toMatchObject({
      status: 202,
      body: { state: "canceling" },
    });
    expect((await call("POST", "/v1/runs/canceled/beat", "", as(token))).body).toMatchObject({
      directive: "stop",
      reason: "wrong day",
    });
    await call("POST", "/v1/runs/canceled/finish", json({ outcome: "succeeded", exitCode: 0 }), as(token));
    expect((await call("GET", "/v1/runs/canceled")).body).toMatchObject({ state: "ended", outcome: "canceled" });
    const before = await everything();
    expect(await call("POST", "/v1/runs/canceled/cancel", "{}")).toMatchObject({
      status: 202, // the reply to the first request may have been lost
      body: { state: "ended" },
    });
    expect(await everything()).toBe(before);
    expect(
      await refused("POST", "/v1/runs/canceled/claim", json(holder("a")), as(token.replace(/.$/, "A"))),
    ).toMatchObject({ status: 401 });
  });

  test("a run that ended otherwise cannot be canceled any more", async () => {
    const { token } = await claimed("succeeded");
    await call("POST", "/v1/runs/succeeded/finish", json({ outcome: "succeeded", exitCode: 0 }), as(token));
    expect(await refused("POST", "/v1/runs/succeeded/cancel", "{}")).toMatchObject({
      status: 409,
      body: problem("ended"),
    });
  });

  test("a requeued run tells its holder to stop; a repeated request for the old attempt does not requeue twice", async () => {
    const { token } = await claimed("requeued");
    expect(await call("POST", "/v1/runs/requeued/requeue", json({ attempt: 1 }))).toMatchObject({
      status: 202,
      body: { state: "leaving" },
    });
    expect((await call("POST", "/v1/runs/requeued/beat", "{}", as(token))).body).toMatchObject({ directive: "stop" });
    await call("POST", "/v1/runs/requeued/finish", json({ outcome: "interrupted", reason: "requeued" }), as(token));
    expect((await call("GET", "/v1/runs/requeued")).body).toMatchObject({
      state: "queued",
      attempt: 2,
      spent: { interruptions: 0, losses: 0 },
    });
    expect(await refused("POST", "/v1/runs/requeued/requeue", json({ attempt: 1 }))).toMatchObject({
      status: 409,
      body: problem("superseded"),
    });
  });

  test("the list of live runs gives each of them once, page by page", async () => {
    await Promise.all(Array.from({ length: 7 }, (_, index) => registered(`listed-${index}`)));
    const found: string[] = [];
    let cursor = "";
    do {
      const { body } = await call("GET", `/v1/runs?limit=2${cursor}`);
      found.push(...(body["runs"] as { run: string }[]).map(({ run }) => run));
      cursor = body["cursor"] === undefined ? "" : `&cursor=${body["cursor"]}`;
    } while (cursor !== "");
    expect(found.filter((run) => run.startsWith("listed-")).sort()).toEqual(
      Array.from({ length: 7 }, (_, index) => `listed-${index}`),
    );
    expect(new Set(found).size).toBe(found.length);
  });
});

const DRAIN = "/v1/hosts/i-0123456789abcdef0/drain";

describe("bad input gets a problem that names it, and changes nothing", () => {
  let token = "";
  let ticket = "";
  beforeAll(async () => {
    ({ token, ticket } = await claimed("held"));
    await registered("other");
  });

  const bodies: readonly (readonly [string, string, number, string, string])[] = [
    ["not JSON", "{", 400, "malformed", "not JSON"],
    ["a number instead of an object", "1", 400, "malformed", "body"],
    ["an array", "[]", 400, "malformed", "body"],
    ["null", "null", 400, "malformed", "body"],
    ["an unknown field", '{"nope": 1}', 400, "malformed", "nope"],
    ["__proto__", '{"__proto__": {"a": 1}}', 400, "malformed", "__proto__"],
    ["nested deeper than anything of ours", "[".repeat(100) + "]".repeat(100), 400, "malformed", "nested"],
    ["bytes that are no text", "\u0000\u0001", 400, "malformed", "not JSON"],
  ];
  const calls = [
    ["PUT", "/v1/runs/new-run", ""],
    ["POST", "/v1/runs/held/cancel", ""],
    ["POST", "/v1/runs/held/requeue", ""],
    ["POST", "/v1/runs/held/claim", "ticket"],
    ["POST", "/v1/runs/held/beat", "token"],
    ["POST", "/v1/runs/held/finish", "token"],
    ["POST", "/v1/runs/held/notice", "token"],
    ["POST", "/v1/hosts/i-0123456789abcdef0/drain", ""],
  ] as const;
  const credentialFor = (by: string): Record<string, string> => (by === "" ? {} : as(by === "ticket" ? ticket : token));

  for (const [method, path, by] of calls)
    for (const [what, body, status, name, named] of bodies)
      test(`${method} ${path} with ${what}`, async () => {
        const reply = await refused(method, path, body, credentialFor(by));
        expect(reply).toMatchObject({ status, body: { ...problem(name), detail: expect.stringContaining(named) } });
      });

  for (const [method, path, by] of calls)
    test(`${method} ${path} with a body of 1 MB`, async () => {
      const reply = await refused(method, path, json({ pad: "x".repeat(1024 * 1024) }), credentialFor(by));
      expect(reply).toMatchObject({ status: 413, body: problem("too-large") });
    });

  test.each([
    ["a lease as text", "PUT", "/v1/runs/new-run", { leaseSeconds: "60" }, 400, "malformed", "leaseSeconds"],
    ["a lease that is too short", "PUT", "/v1/runs/new-run", { leaseSeconds: 1 }, 422, "invalid", "leaseSeconds"],
    [
      "two kinds of budgets",
      "PUT",
      "/v1/runs/new-run",
      { budgets: { attempts: 3, crashes: 1 } },
      422,
      "invalid",
      "budgets",
    ],
    ["an unknown budget", "PUT", "/v1/runs/new-run", { budgets: { crash: 1 } }, 400, "malformed", "budgets.crash"],
    [
      "21 labels",
      "PUT",
      "/v1/runs/new-run",
      { labels: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, ""])) },
      422,
      "invalid",
      "labels",
    ],
    [
      "a reason that is too long",
      "POST",
      "/v1/runs/held/cancel",
      { reason: "x".repeat(1001) },
      422,
      "invalid",
      "reason",
    ],
    ["a deadline as text", "POST", DRAIN, { deadlineSeconds: "60" }, 400, "malformed", "deadlineSeconds"],
    ["a deadline in the past", "POST", DRAIN, { deadlineSeconds: -1 }, 422, "invalid", "deadlineSeconds"],
    ["a deadline in two days", "POST", DRAIN, { deadlineSeconds: 86_401 }, 422, "invalid", "deadlineSeconds"],
    ["a drain's reason that is too long", "POST", DRAIN, { reason: "x".repeat(1001) }, 422, "invalid", "reason"],
  ])("%s", async (_, method, path, body, status, name, field) => {
    const reply = await refused(method, path, json(body));
    expect(reply).toMatchObject({ status, body: { ...problem(name), errors: [{ field }] } });
  });

  const NOW = "2026-11-22T12:00:00.000Z";

  test.each([
    ["no kind", { at: NOW }, "kind"],
    ["a kind that there is not", { kind: "earthquake", at: NOW }, "kind"],
    ["no instant", { kind: "spot" }, "at"],
    ["an instant that is none", { kind: "spot", at: "now" }, "at"],
    ["an instant as a number", { kind: "spot", at: 1_795_348_800 }, "at"],
    ["an instant in local time", { kind: "spot", at: "2026-11-22T12:00:00+01:00" }, "at"],
    ["a day that there is not", { kind: "spot", at: "2026-02-30T12:00:00.000Z" }, "at"],
    ["a deadline that is none", { kind: "spot", at: NOW, deadline: "soon" }, "deadline"],
  ])("a runner's notice with %s", async (_, body, field) => {
    const reply = await refused("POST", "/v1/runs/held/notice", json(body), as(token));
    expect(reply.body).toMatchObject({ errors: [{ field }] });
    expect([400, 422]).toContain(reply.status);
  });

  test.each([
    ["a blank", "a%20b", 400],
    ["a leading dash", "-a", 400],
    ["a hash, which would break out of its key", "i-0abc%23r%23etl", 400],
    ["a NUL", "a%00", 400],
    ["200 characters", "a".repeat(200), 400],
    ["nothing", "", 400],
    ["__proto__", "__proto__", 400],
    ["a slash, as it is", "a/b", 404],
  ])("a host with %s", async (_, host, status) => {
    expect((await refused("POST", `/v1/hosts/${host}/drain`, "{}")).status).toBe(status);
  });

  test("a runner's notice without a good credential is 401, and for another run 403", async () => {
    const body = json({ kind: "spot", at: NOW });
    expect((await refused("POST", "/v1/runs/held/notice", body)).status).toBe(401);
    expect((await refused("POST", "/v1/runs/held/notice", body, as(ticket))).status).toBe(401);
    expect((await refused("POST", "/v1/runs/other/notice", body, as(token))).status).toBe(403);
  });

  test.each([
    ["a part that is two dots", "/v1/runs/a~..~b", 400, "malformed"],
    ["a slash, as it is", "/v1/runs/a/b", 404, "not-found"],
    ["200 characters", `/v1/runs/${"a".repeat(200)}`, 400, "malformed"],
    ["two slashes", "/v1/runs/a~~b", 400, "malformed"],
    ["a dot at its beginning", "/v1/runs/.a", 400, "malformed"],
    ["nothing", "/v1/runs/", 400, "malformed"],
    ["a broken escape", "/v1/runs/%zz", 400, "malformed"],
    ["__proto__", "/v1/runs/__proto__", 400, "malformed"],
    ["a NUL", "/v1/runs/a%00", 400, "malformed"],
  ])("a run id with %s", async (_, path, status, name) => {
    expect(await refused("PUT", path, "{}")).toMatchObject({ status, body: problem(name) });
  });

  test("an unknown path is 404, a wrong method 405 with what is allowed", async () => {
    expect(await refused("GET", "/v2/runs")).toMatchObject({ status: 404, body: problem("not-found") });
    const reply = await refused("DELETE", "/v1/runs/held");
    expect(reply).toMatchObject({ status: 405, body: problem("method-not-allowed") });
    expect(reply.headers.get("allow")).toBe("PUT, GET");
  });

  test.each([
    ["an unknown query field", "?nope=1", 400],
    ["an unknown state", "?state=dead", 422],
    ["a limit of 0", "?limit=0", 422],
    ["a limit of 501", "?limit=501", 422],
    ["a cursor of another list", `?state=ended&cursor=${Buffer.from("0.a").toString("base64url")}`, 404],
    ["a garbled cursor", "?cursor=%00", 422],
    ["a since that is no instant", "?state=ended&since=yesterday", 422],
  ])("a list with %s", async (_, query, status) => {
    expect((await refused("GET", `/v1/runs${query}`)).status).toBe(status);
  });

  const flip = (credential: string, at: number): string => {
    const letter = credential.at(at) ?? "";
    const next = String.fromCharCode(letter.charCodeAt(0) ^ 1);
    return `${credential.slice(0, at)}${next}${at === -1 ? "" : credential.slice(at + 1)}`;
  };

  test("a credential that is missing, garbled, of the other domain, or changed by one bit is 401", async () => {
    const beat = (authorization: Record<string, string>): Promise<Reply> =>
      refused("POST", "/v1/runs/held/beat", "{}", authorization);
    const wrong = [
      {},
      { authorization: "" },
      as(""),
      as("garbled"),
      as(ticket),
      as(flip(token, -1)),
      as(flip(token, -20)),
      { authorization: `Basic ${token}` },
      as(`${token}=`),
      as(`${token} `.repeat(2)),
    ];
    for (const authorization of wrong)
      expect(await beat(authorization as Record<string, string>)).toMatchObject({
        status: 401,
        body: problem("unauthorized"),
      });
  });

  test("each bit of the last letter of the HMAC counts, though base64 drops two of them", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const letter of alphabet)
      if (!token.endsWith(letter))
        expect((await call("POST", "/v1/runs/held/beat", "{}", as(token.slice(0, -1) + letter))).status).toBe(401);
  });

  test("a credential with an unknown key, or with any part changed, is 401", async () => {
    const parts = token.split(".");
    for (let index = 0; index < parts.length - 1; index += 1) {
      const changed = parts
        .map((part, at) => (at === index ? (/^\d+$/.test(part) ? String(Number(part) + 1) : `${part}x`) : part))
        .join(".");
      expect(await refused("POST", `/v1/runs/${changed.split(".")[0]}/beat`, "{}", as(changed))).toMatchObject({
        status: 401,
      });
    }
  });

  test("the token of another run is 403, before any state is looked at", async () => {
    expect(await refused("POST", "/v1/runs/other/beat", "{}", as(token))).toMatchObject({
      status: 403,
      body: problem("wrong-run"),
    });
    expect(await refused("POST", "/v1/runs/never-registered/beat", "{}", as(token))).toMatchObject({ status: 403 });
  });

  test("a holder id that is not 32 hex digits is refused by name", async () => {
    for (const id of ["", "a", "A".repeat(32), "a".repeat(33), 7])
      expect(
        (await refused("POST", "/v1/runs/other/claim", json({ holder: { id } }), as(await registered("other")))).body,
      ).toMatchObject({ errors: [{ field: "holder.id" }] });
  });

  test("a request from a foreign host or page is refused", async () => {
    expect(await refused("GET", "/v1/runs", undefined, { origin: "https://example.com" })).toMatchObject({
      status: 403,
      body: problem("foreign-origin"),
    });
    expect((await call("GET", "/v1/runs", undefined, { origin: dev.info.api })).status).toBe(200);
  });

  test("a run that nobody registered is 404 to its owner", async () => {
    for (const [method, path] of [
      ["GET", "/v1/runs/nobody"],
      ["POST", "/v1/runs/nobody/cancel"],
      ["POST", "/v1/runs/nobody/requeue"],
    ] as const)
      expect(await refused(method, path, method === "GET" ? undefined : "{}")).toMatchObject({
        status: 404,
        body: problem("not-found"),
      });
  });
});

test("a body that comes in base64 is read as the same", async () => {
  const { token } = await claimed("binary");
  const reply = await call("POST", "/v1/runs/binary/beat", json({ progress: { value: 1 } }), {
    ...as(token),
    "content-type": "application/octet-stream",
  });
  expect(reply.status).toBe(200);
  expect((await call("GET", "/v1/runs/binary")).body).toMatchObject({ progress: { value: 1 } });
});

test("the front door answers without a credential, and describes itself", async () => {
  expect(await call("GET", "/healthz")).toMatchObject({ status: 200, body: { ok: true } });
  expect((await call("GET", "/openapi.json")).body).toMatchObject({
    openapi: "3.1.0",
    paths: { "/v1/runs/{run}/beat": {} },
  });
});
