import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook as Receiver } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import type { RecordView } from "../../lib/wire/run-view.ts";

let server: Server;
let dev: Dev;
let status = 202;
const got: RequeueEvent[] = [];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = await text(request);
    const [{ secret = "" } = {}] = dev.info.webhooks ?? [];
    got.push(new Receiver(secret).verify(body, request.headers as Record<string, string>) as RequeueEvent);
    response.writeHead(status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  dev = await startDev({ port: 0, sweepSeconds: 1, log: { write: () => {} }, webhooks: [{ name: "ci", url }] });
});
afterAll(async () => {
  await dev.stop();
  server.closeAllConnections();
  server.close();
});

const call = async (method: string, path: string, body?: object, credential?: string): Promise<never> => {
  const response = await fetch(`${dev.info.api}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(credential !== undefined && { headers: { authorization: `Bearer ${credential}` } }),
  });
  return (await response.json()) as never;
};
const eventOf = (run: string, attempt: number): RequeueEvent | undefined =>
  got.find(({ data }) => data.run === run && data.next.attempt === attempt);
const patient = { timeout: 20_000 };
const SPEC = { start: "dispatch", backoff: { baseSeconds: 0 }, target: { kind: "webhook", name: "ci" } };

describe("a run whose target is a webhook", () => {
  test("is told to it, with a ticket that claims, and again when its attempt was interrupted", async () => {
    await call("PUT", "/v1/runs/etl", SPEC);
    await expect.poll(() => eventOf("etl", 1), patient).toBeDefined();
    const first = eventOf("etl", 1)?.data.next.ticket ?? "";
    const holder = { id: "1".repeat(32) };
    const { token } = (await call("POST", "/v1/runs/etl/claim", { holder }, first)) as { token: string };
    const ended = { outcome: "interrupted", exitCode: 143 };
    await call("POST", "/v1/runs/etl/finish", ended, token);
    await expect.poll(() => eventOf("etl", 2), patient).toBeDefined();
    expect(eventOf("etl", 2)).toMatchObject({
      type: "lastbeat.run.requeue.v1",
      data: { previous: { attempt: 1 }, target: { kind: "webhook", name: "ci" } },
    });
  });

  test("says on its record why its webhook has refused it", async () => {
    status = 410;
    await call("PUT", "/v1/runs/refused", SPEC);
    const record = async (): Promise<RecordView> => call("GET", "/v1/runs/refused");
    await expect.poll(async () => JSON.stringify(await record()), patient).toContain("says that it is gone (410)");
    status = 202;
    await call("PUT", "/v1/runs/after", SPEC);
    await expect
      .poll(async () => JSON.stringify(await call("GET", "/v1/runs/after")), patient)
      .toContain("has said that it is gone (410)");
    expect(eventOf("after", 1)).toBeUndefined();
  });

  test("has to name a webhook that there is", async () => {
    expect(await call("PUT", "/v1/runs/x", { ...SPEC, target: { kind: "webhook", name: "cd" } })).toMatchObject({
      detail: "target.name is no webhook: the webhooks are ci",
    });
  });
});
