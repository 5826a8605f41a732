import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook as Receiver } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { httpWebhook } from "../../../lib/adapters/webhook/webhook.ts";
import { instant } from "../../../lib/core/time.ts";
import { Forbidden, type Webhook } from "../../../lib/ports/webhooks.ts";

const SECRET = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3";

let server: Server;
let port: number;
let asked: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
let answer: (response: ServerResponse) => void;
beforeEach(async () => {
  asked = [];
  answer = (response) => response.writeHead(202).end();
  server = createServer((request, response) => {
    text(request).then((body) => {
      asked.push({ path: request.url ?? "", headers: request.headers, body });
      answer(response);
    }, response.destroy);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

let offset = 0;
const now = () => instant(Date.now() + offset);
const webhook = (allowPrivate: boolean, host = "127.0.0.1"): Webhook =>
  httpWebhook({ name: "ci", url: `http://${host}:${port}/start?team=ml`, allowPrivate }, async () => SECRET, now);

describe("a webhook over the network", () => {
  test("gets the event as it is, and can tell who sent it", async () => {
    const body = JSON.stringify({ run: "größe" });
    expect(await webhook(true).post("etl.7", body)).toEqual({ status: 202 });
    const [got] = asked;
    expect(got).toMatchObject({ path: "/start?team=ml", body, headers: { "webhook-id": "etl.7" } });
    expect(got?.headers["content-type"]).toBe("application/cloudevents+json");
    expect(new Receiver(SECRET).verify(got?.body ?? "", got?.headers as Record<string, string>)).toEqual({
      run: "größe",
    });
  });

  test.each(["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433"])(
    "is not called at %s, unless its settings allow it",
    async (host) => {
      await expect(webhook(false, host).post("etl.7", "{}")).rejects.toThrow(Forbidden);
      expect(asked).toEqual([]);
    },
  );

  test("is not followed to another address", async () => {
    answer = (response) => response.writeHead(307, { location: `http://127.0.0.1:${port}/elsewhere` }).end();
    expect(await webhook(true).post("etl.7", "{}")).toEqual({ status: 307 });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ["30", 30_000],
    [" 30 ", 30_000],
    ["soon", undefined],
  ])("asks by Retry-After %j to be left alone for %s ms", async (header, retryAfter) => {
    answer = (response) => response.writeHead(503, { "retry-after": header }).end();
    const { retryAfter: read } = await webhook(true).post("etl.7", "{}");
    expect(read).toBe(retryAfter);
  });

  test("may ask by a date", async () => {
    answer = (response) =>
      response.writeHead(503, { "retry-after": new Date(Date.now() + 60_000).toUTCString() }).end();
    const { retryAfter } = await webhook(true).post("etl.7", "{}");
    expect(retryAfter).toBeGreaterThan(50_000);
    expect(retryAfter).toBeLessThanOrEqual(60_000);
  });

  test("that sends a large answer is not listened to", async () => {
    answer = (response) => {
      response.writeHead(200);
      const write = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        if (!response.destroyed) response.once("drain", write);
      };
      write();
    };
    const closed = once(server, "request").then(([, response]) => once(response, "close"));
    expect(await webhook(true).post("etl.7", "{}")).toEqual({ status: 200 });
    await closed;
  });

  test("that cuts the connection has not answered", async () => {
    answer = (response) => response.destroy();
    await expect(webhook(true).post("etl.7", "{}")).rejects.toThrow(/hang up|ECONNRESET/);
  });

  test("that did not answer is not asked again for a moment, and then it is", async () => {
    answer = (response) => response.destroy();
    const ci = webhook(true);
    await expect(ci.post("etl.7", "{}")).rejects.toThrow(/hang up|ECONNRESET/);
    await expect(ci.post("etl.8", "{}")).rejects.toThrow("it did not answer a moment ago");
    expect(asked).toHaveLength(1);
    answer = (response) => response.writeHead(200).end();
    offset = 15_000;
    expect(await ci.post("etl.8", "{}")).toEqual({ status: 200 });
  });

  test("reads its secret again after five minutes, and keeps the known one while it cannot be read", async () => {
    let read = 0;
    const reader = async (): Promise<string> => {
      read += 1;
      if (read === 2) throw new Error("Secrets Manager does not answer");
      return SECRET;
    };
    offset = 0;
    const ci = httpWebhook({ name: "ci", url: `http://127.0.0.1:${port}`, allowPrivate: true }, reader, now);
    await ci.post("etl.7", "{}");
    await ci.post("etl.7", "{}");
    expect(read).toBe(1);
    offset = 301_000;
    expect(await ci.post("etl.7", "{}")).toEqual({ status: 202 });
    expect(read).toBe(2);
  });

  test("is not called without a secret", async () => {
    const broken = httpWebhook(
      { name: "ci", url: `http://127.0.0.1:${port}`, allowPrivate: true },
      async () => "",
      now,
    );
    await expect(broken.post("etl.7", "{}")).rejects.toThrow("24 to 64 bytes");
    expect(asked).toEqual([]);
  });
});
