import type { Context, APIGatewayProxyEventV2 as HttpEvent, ScheduledEvent, SQSEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { contextFor } from "../../dev/http.ts";
import { theApp } from "../../lambdas/connect.ts";
import { httpHandler } from "../../lambdas/http.ts";
import { handler as owner } from "../../lambdas/owner.ts";
import { handler as runner } from "../../lambdas/runner.ts";
import { handler as sweep } from "../../lambdas/sweep.ts";
import { handler as ticker } from "../../lambdas/ticker.ts";
import { keysOf, systemClock } from "../../lambdas/variables.ts";
import { sign } from "../../lib/app/credentials.ts";
import { asFence } from "../../lib/core/run.ts";
import { seconds } from "../../lib/core/time.ts";
import { ENVIRONMENT } from "../../lib/names.ts";
import type { LogLine } from "../../lib/ports/runtime.ts";
import { parseBearer } from "../../lib/wire/credentials.ts";

let dev: Dev;
const logged: LogLine[] = [];

beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: (line) => logged.push(line) } });
});
afterAll(() => dev.stop());

const context: Context = contextFor(60_000);
const ticks = (...times: Date[]): SQSEvent =>
  ({ Records: times.map((at) => ({ body: JSON.stringify({ at }) })) }) as SQSEvent;
const opts = { signal: new AbortController().signal };

test("a token that was signed with the key before is renewed by its next beat", async () => {
  const [old = ""] = (process.env[ENVIRONMENT.keys] ?? "").split(",");
  const before = { clock: systemClock, keys: { all: async () => keysOf(old) } };
  process.env[ENVIRONMENT.keys] = `new:${Buffer.alloc(32, 3).toString("base64url")},${old}`; // read at the first request
  const call = async (
    method: string,
    path: string,
    body: unknown,
    credential = "",
  ): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${credential}` };
    const response = await fetch(`${dev.info.api}/v1/runs/etl${path}`, { method, headers, body: JSON.stringify(body) });
    return (await response.json()) as Record<string, unknown>;
  };
  const claims = parseBearer(`Bearer ${(await call("PUT", "", {}))["ticket"]}`)?.claims;
  if (claims === undefined) throw new Error("no ticket");
  await call("POST", "/claim", { holder: { id: "a".repeat(32) } }, await sign(before, "ticket", claims));
  const { token } = await call("POST", "/beat", {}, await sign(before, "token", claims));
  expect(token).toContain(".new-");
  expect(await call("POST", "/beat", {}, String(token))).toEqual({
    directive: "continue",
    leaseSeconds: 120,
    nextBeatSeconds: 30,
  });
  await call("POST", "/finish", { outcome: "succeeded" }, String(token));
});

test("a tick makes one sweep, and a second one right after it makes none", async () => {
  process.env[ENVIRONMENT.sweepSeconds] = "0.001"; // so that the server's own first sweep does not count as just now
  const counts = await sweep(ticks(new Date(), new Date()), context, opts);
  expect(counts).toEqual({
    live: 0,
    reaped: 0,
    spared: 0,
    frozen: 0,
    limited: 0,
    settled: 0,
    removed: 0,
    failed: 0,
    silent: 0,
    canary: 0,
    valve: 0,
    debtAge: 0,
  });
  process.env[ENVIRONMENT.sweepSeconds] = "60";
  expect(await sweep(ticks(new Date()), context, opts)).toBeUndefined();
});

test("a tick that is two minutes old makes no sweep", async () => {
  process.env[ENVIRONMENT.sweepSeconds] = "0.001";
  expect(await sweep(ticks(new Date(Date.now() - 120_001)), context, opts)).toBeUndefined();
});

describe("a tick that cannot be read", () => {
  const ODD = ["", "{", "null", "[]", "{}", '{"at":null}', '{"at":"soon"}', '{"at":{}}'];
  const records = (...bodies: readonly string[]): SQSEvent =>
    ({ Records: bodies.map((body) => ({ body })) }) as SQSEvent;

  test.each(ODD)("such as %j counts as one that is long past, and does not come again", async (body) => {
    process.env[ENVIRONMENT.sweepSeconds] = "0.001";
    expect(await sweep(records(body), context, opts)).toBeUndefined();
  });

  test("keeps the others of its batch from nothing", async () => {
    process.env[ENVIRONMENT.sweepSeconds] = "0.001";
    const good = JSON.stringify({ at: new Date() });
    expect(await sweep(records(...ODD, good, ...ODD), context, opts)).toMatchObject({ live: 0, failed: 0 });
  });
});

test.each(["", "yesterday", "2026-02-30T12:00:00", "2999-01-01T00:00:00Z", "2026-01-01T00:00:00Z"])(
  "a restore at %j is refused, and changes nothing",
  async (restored) => {
    await expect(sweep({ restored }, context, opts)).rejects.toThrow(/^restored must be the time/);
  },
);

test("a restore is seen to by the sweep's Lambda", async () => {
  expect(await sweep({ restored: new Date().toISOString() }, context, opts)).toMatchObject({ left: 0 });
});

test("the rule of every minute queues the ticks of the coming one", async () => {
  process.env[ENVIRONMENT.sweepSeconds] = "10";
  const event = { time: new Date().toISOString() } as ScheduledEvent;
  const queued = (await ticker(event, context, opts))?.ticks;
  expect(queued).toBe(6);
});

test("a use case that throws is a problem that can be tried again, and its reason is in the log only", async () => {
  const handler = httpHandler(theApp, {
    health: async () => {
      throw new Error("the table is gone");
    },
  });
  const event = { rawPath: "/healthz", requestContext: { http: { method: "GET" } }, headers: {} } as HttpEvent;
  logged.length = 0;
  const reply = await handler(event, context, opts);
  expect(reply).toMatchObject({ statusCode: 500, headers: { "content-type": "application/problem+json" } });
  expect(reply?.body).toContain("urn:lastbeat:problem:internal");
  expect(reply?.body).not.toContain("gone");
  expect(logged).toEqual([{ level: "ERROR", decision: "failed", error: expect.stringContaining("the table is gone") }]);
});

test("each call of an owner has a line with who called, and how it was answered", async () => {
  logged.length = 0;
  const call = async (method: string, rawPath: string, body: string, userArn: string): Promise<void> => {
    const requestContext = { http: { method }, authorizer: { iam: { userArn } } };
    await owner({ rawPath, body, requestContext, headers: {} } as unknown as HttpEvent, context, opts);
  };
  await call("PUT", "/v1/runs/whose", "{}", "arn:aws:iam::1:user/ann");
  await call("POST", "/v1/runs/whose/cancel", "{}", "arn:aws:iam::1:role/bob");
  await call("POST", "/v1/hosts/a~b/drain", "{}", "arn:aws:iam::1:role/bob");
  await call("GET", "/v1/runs/nowhere", "", "arn:aws:iam::1:user/ann");
  const ann = "arn:aws:iam::1:user/ann";
  const bob = "arn:aws:iam::1:role/bob";
  expect(logged.filter(({ decision }) => decision === "asked")).toEqual([
    { decision: "asked", call: "register", by: ann, status: 201, run: "whose" },
    { decision: "asked", call: "cancel", by: bob, status: 202, run: "whose" },
    { decision: "asked", call: "drain", by: bob, status: 202, host: "a/b" },
    { decision: "asked", call: "inspect", by: ann, status: 404, run: "nowhere" },
  ]);
});

test("an owner's call that fails has its line, too", async () => {
  logged.length = 0;
  const read = vi.spyOn(theApp().specs, "read").mockRejectedValueOnce(new Error("the table is gone"));
  const requestContext = { http: { method: "GET" }, authorizer: { iam: { userArn: "arn:aws:iam::1:user/ann" } } };
  const event = { rawPath: "/v1/runs/etl", body: "", requestContext, headers: {} };
  expect(await owner(event as unknown as HttpEvent, context, opts)).toMatchObject({ statusCode: 500 });
  expect(logged[0]).toEqual({
    decision: "asked",
    call: "inspect",
    by: "arn:aws:iam::1:user/ann",
    status: 500,
    run: "etl",
  });
  read.mockRestore();
});

test("a ticket that has expired is superseded, so that its agent ends; a token is not taken", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2020-01-01T00:00:00Z") });
  const claims = { run: "etl", shard: 0, attempt: 1, fence: asFence(1), lease: seconds(120) };
  const [ticket, token] = [await sign(theApp(), "ticket", claims), await sign(theApp(), "token", claims)];
  vi.useRealTimers();
  const ask = (path: string, credential: string, body: object) =>
    runner(
      {
        rawPath: `/v1/runs/etl/${path}`,
        body: JSON.stringify(body),
        requestContext: { http: { method: "POST" } },
        headers: { authorization: `Bearer ${credential}` },
      } as unknown as HttpEvent,
      context,
      opts,
    );
  expect(await ask("claim", ticket, { holder: { id: "a".repeat(32) } })).toMatchObject({ statusCode: 409 });
  expect(await ask("finish", token, { outcome: "succeeded" })).toMatchObject({ statusCode: 401 });
});

test("refused credentials have one line a minute, with how many there were since the one before", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2099-01-01T00:00:00Z") });
  try {
    logged.length = 0;
    const knock = async (): Promise<void> => {
      const requestContext = { http: { method: "POST" } };
      const event = { rawPath: "/v1/runs/etl/finish", body: "{}", requestContext, headers: {} };
      expect(await runner(event as unknown as HttpEvent, context, opts)).toMatchObject({ statusCode: 401 });
    };
    for (let knocked = 0; knocked < 5; knocked += 1) await knock();
    expect(logged).toEqual([{ level: "WARN", decision: "refused", counts: { refusals: 1 } }]);
    vi.setSystemTime(Date.parse("2099-01-01T00:01:00Z"));
    await knock();
    expect(logged).toEqual([
      { level: "WARN", decision: "refused", counts: { refusals: 1 } },
      { level: "WARN", decision: "refused", counts: { refusals: 5 } },
    ]);
  } finally {
    vi.useRealTimers();
  }
});
