import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { theApp } from "../../lambdas/connect.ts";

/** A pod of another team has a ticket and a token of its own, and names its host itself. */
let dev: Dev;
let mine: string;
let victim: string;
beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
  victim = await claimed("victim", "i-shared");
  mine = await claimed("mine", "i-shared");
});
afterAll(() => dev.stop());

type Json = Readonly<Record<string, unknown>>;

async function call(method: string, path: string, body?: unknown, credential?: string) {
  const response = await fetch(`${dev.info.api}/v1/${path}`, {
    method,
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(credential !== undefined && { headers: { authorization: `Bearer ${credential}` } }),
  });
  const text = await response.text();
  return { status: response.status, size: text.length, body: JSON.parse(text) as Json };
}

let holders = 0;
const holder = (host: string) => ({ holder: { id: (holders++).toString(16).padStart(32, "0"), host } });

async function claimed(run: string, host: string): Promise<string> {
  const { ticket } = (await call("PUT", `runs/${run}`, {})).body;
  return String((await call("POST", `runs/${run}/claim`, holder(host), String(ticket))).body["token"]);
}

const now = (): string => new Date().toISOString();
const KINDS = ["sigterm", "spot", "rebalance"] as const;

/** Until the word has come to where it counts, through the queue. */
async function heeded(run: string, kind: string): Promise<void> {
  const until = Date.now() + 10_000;
  while (Date.now() < until) {
    const { attempts } = (await call("GET", `runs/${run}`)).body as { attempts: { evidence: { kind: string }[] }[] };
    if (attempts[0]?.evidence.some((each) => each.kind.startsWith(kind))) return;
  }
  throw new Error(`the ${kind} of ${run} was not heeded within 10 s`);
}

describe("its word", () => {
  test.each(KINDS)("of %s about the host that it shares drains nobody else there", async (kind) => {
    expect((await call("POST", "runs/mine/notice", { kind, at: now() }, mine)).status).toBe(202);
    await heeded("mine", kind);
    expect((await call("POST", "runs/victim/beat", {}, victim)).body).toMatchObject({ directive: "continue" });
  });

  test("of a host closes it to no claim of others", async () => {
    const { ticket } = (await call("PUT", "runs/late", {})).body;
    expect((await call("POST", "runs/late/claim", holder("i-shared"), String(ticket))).status).toBe(200);
  });

  test("said a thousand times is one message", async () => {
    const send = vi.spyOn(theApp().notices, "send");
    const flooder = await claimed("flooder", "i-flooder");
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => call("POST", "runs/flooder/notice", { kind: "spot", at: now() }, flooder)),
    );
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    // As many as have looked before the first one was written down, of those that came at once.
    expect(send.mock.calls.length).toBeGreaterThan(0);
    expect(send.mock.calls.length).toBeLessThan(50);
    send.mockRestore();
  });

  test.each(["finish", "notice", "beat"])("by %s about another run is refused", async (name) => {
    const body = { finish: { outcome: "failed" }, notice: { kind: "spot", at: now() }, beat: {} }[name];
    expect((await call("POST", `runs/victim/${name}`, body, mine)).status).toBe(403);
    expect((await call("GET", "runs/victim")).body).toMatchObject({ state: "running" });
  });
});

describe("what it sends", () => {
  test("in 63 KB of unknown fields is answered in less than a tenth of that", async () => {
    const body = JSON.stringify(Object.fromEntries(Array.from({ length: 6000 }, (_, n) => [`f${n}`, 1])));
    const { status, size } = await call("POST", "runs/mine/beat", body, mine);
    expect(status).toBe(400);
    expect(size).toBeLessThan(6400);
  });

  test("as an instant of 59,000 digits is refused, and carried nowhere", async () => {
    const at = `2026-11-22T12:00:00.${"0".repeat(59_000)}Z`;
    expect((await call("POST", "runs/mine/notice", { kind: "spot", at }, mine)).status).toBe(422);
  });

  test.each([
    ["a command of a shell", { cmd: "$(reboot)" }],
    ["a key of the table", { "i-abc#r#etl": "x" }],
    ["fifty of the longest", Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`f${n}`, "x".repeat(250)]))],
  ])("as facts of its holder, such as %s, is refused or stays a text", async (_, facts) => {
    const run = `facts-${holders}`;
    const { ticket } = (await call("PUT", `runs/${run}`, {})).body;
    const { holder: bare } = holder("i-facts");
    const { status } = await call("POST", `runs/${run}/claim`, { holder: { ...bare, ...facts } }, String(ticket));
    expect([200, 400, 422]).toContain(status);
    expect((await call("GET", "runs/victim")).body).toMatchObject({ state: "running" });
  });

  test("never reaches the requeues of others", async () => {
    const sqs = new SQSClient({
      endpoint: dev.info.sqs,
      region: "us-east-1",
      credentials: { accessKeyId: "dev", secretAccessKey: "dev" },
    });
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: dev.info.queueUrl, MaxNumberOfMessages: 10 }),
    );
    expect(Messages.filter(({ Body = "" }) => Body.includes('"victim"'))).toEqual([]);
  });
});
