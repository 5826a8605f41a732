import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";

/** A page in a developer's browser asks the embedded server and its emulators, which ask nobody for credentials. */
let dev: Dev;
beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
  await ask(dev.info.api, "PUT", "/v1/runs/victim", {}, "{}");
});
afterAll(() => dev.stop());

type Answer = { readonly status: number; readonly text: string; readonly headers: NodeJS.Dict<string | string[]> };

/** With headers that no fetch of Node would let through. */
const ask = (base: string, method: string, path: string, headers: Record<string, string>, body = ""): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const asked = request({ hostname, port, method, path, headers }, (answer) => {
      let text = "";
      answer.on("data", (data) => {
        text += String(data);
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    });
    asked.on("error", reject).end(body);
  });

const EVIL = "https://evil.example";
const SCAN = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.Scan" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const RECEIVE = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.ReceiveMessage" };

/** What tells a page from a client: whatever a browser adds, or the name that a page's own server has made lead here. */
const PAGES: readonly (readonly [string, Record<string, string>])[] = [
  ["of another site", { origin: EVIL }],
  ["without an address of its own", { origin: "null" }],
  ["of another port of this machine", { origin: "http://localhost:3000" }],
  ["of a name that begins like this machine", { origin: "http://localhost.evil.example" }],
  ["of a name that ends like this machine", { origin: "http://evil-127.0.0.1" }],
  ["whose browser sends no origin", { "sec-fetch-site": "cross-site" }],
  ["of the same site", { "sec-fetch-site": "same-site" }],
  ["whose name leads here", { host: "evil.example" }],
  ["whose name leads here, with a port", { host: "evil.example:80" }],
  ["whose name looks like an address", { host: "127.0.0.1.evil.example" }],
  ["with the address of all interfaces", { host: "0.0.0.0" }],
  ["with a number for an address", { host: "2130706433" }],
];

describe.each(PAGES)("a page %s", (_, headers) => {
  test("reads no table", async () => {
    const { status, text } = await ask(
      dev.info.dynamodb,
      "POST",
      "/",
      { ...SCAN, ...headers },
      `{"TableName":"lastbeat"}`,
    );
    expect([status, text]).toEqual([403, ""]);
  });

  test("is not invited to by a preflight", async () => {
    const asked = { "access-control-request-method": "POST", "access-control-request-headers": "x-amz-target" };
    for (const base of [dev.info.dynamodb, dev.info.sqs]) {
      const { status, headers: answered } = await ask(base, "OPTIONS", "/", { ...asked, ...headers });
      expect([status, Object.keys(answered).filter((name) => name.startsWith("access-control"))]).toEqual([403, []]);
    }
  });

  test("receives no ticket", async () => {
    const body = JSON.stringify({ QueueUrl: dev.info.queueUrl });
    const { status, text } = await ask(dev.info.sqs, "POST", "/", { ...RECEIVE, ...headers }, body);
    expect([status, text]).toEqual([403, ""]);
  });

  test("makes no topic that writes to the queues", async () => {
    const { status } = await ask(dev.info.sqs, "POST", "/", { ...FORM, ...headers }, "Action=CreateTopic&Name=t");
    expect(status).toBe(403);
  });

  test("cancels no run", async () => {
    const plain = { "content-type": "text/plain", ...headers };
    expect((await ask(dev.info.api, "POST", "/v1/runs/victim/cancel", plain, "{}")).status).toBe(403);
    expect((await ask(dev.info.api, "GET", "/v1/runs/victim", {})).text).toContain(`"state":"queued"`);
  });

  test("plays no event, and learns no address", async () => {
    for (const [method, path] of [
      ["POST", "/dev/events"],
      ["GET", "/dev/info"],
      ["GET", "/openapi.json"],
    ] as const)
      expect((await ask(dev.info.api, method, path, headers, method === "POST" ? "{}" : "")).status).toBe(403);
  });
});

test("the embedded server's own page, if it had one, and every client of this machine are answered", async () => {
  const host = new URL(dev.info.api).host;
  for (const headers of [
    {},
    { origin: `http://${host}`, "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
  ])
    expect((await ask(dev.info.api, "GET", "/v1/runs/victim", headers as Record<string, string>)).status).toBe(200);
  const { status } = await ask(dev.info.dynamodb, "POST", "/", { ...SCAN, host }, `{"TableName":"lastbeat"}`);
  expect(status).not.toBe(403);
});
