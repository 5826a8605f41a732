import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ScheduledEvent } from "aws-lambda";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { contextFor } from "../../dev/http.ts";
import { handler, probe } from "../../lambdas/canary.ts";
import { theCanary } from "../../lambdas/connect.ts";
import { ENVIRONMENT } from "../../lib/names.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** A front door that answers as it is told, by path. */
async function doorThat(answer: (path: string) => { readonly status: number; readonly body: unknown } | "hang up") {
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const reply = answer(request.url ?? "");
    if (reply === "hang up") request.socket.destroy();
    else response.writeHead(reply.status).end(JSON.stringify(reply.body));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  process.env[ENVIRONMENT.frontDoor] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prod/`;
}

const ours = (name: string) => ({ type: `urn:lastbeat:problem:${name}`, title: name });

describe("a probe", () => {
  test.each([
    ["our refusal, as the table leads to it", { status: 410, body: ours("ended") }, true],
    ["our refusal of a run of that name", { status: 409, body: ours("superseded") }, true],
    ["another problem of ours, which has not been at the table", { status: 401, body: ours("unauthorized") }, false],
    ["our own failure", { status: 500, body: ours("internal") }, false],
    ["the gateway's refusal", { status: 403, body: { message: "Forbidden" } }, false],
    ["the gateway's throttle", { status: 429, body: { message: "Too Many Requests" } }, false],
    ["a success, which nobody can have", { status: 200, body: {} }, false],
    ["no answer", "hang up" as const, false],
  ])("takes %s for what it is", async (_, reply, isThrough) => {
    await doorThat((path) => (path === "/prod/v1/runs/nobody/beat" ? reply : { status: 404, body: {} }));
    expect(await probe("nobody", "a.token")).toBe(isThrough);
  });

  test.each([
    [200, true],
    [503, false],
  ])("behind a JWT authorizer is content with a Lambda that answers %i", async (status, isThrough) => {
    await doorThat((path) =>
      path === "/prod/healthz" ? { status, body: {} } : { status: 401, body: { message: "Unauthorized" } },
    );
    expect(await probe("nobody", "a.token")).toBe(isThrough);
  });
});

describe("the canary", () => {
  let dev: Dev;
  beforeAll(async () => {
    dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
  });
  afterAll(() => dev.stop());

  test("gets through the embedded server to its table, which remembers it", async () => {
    process.env[ENVIRONMENT.frontDoor] = dev.info.api;
    const opts = { signal: new AbortController().signal };
    const from = Date.now();
    expect(await handler({} as ScheduledEvent, contextFor(60_000), opts)).toEqual({ failed: false });
    const { canary } = await theCanary().control.standing();
    expect(canary.throughAt).toBeGreaterThanOrEqual(from);
    expect(canary).toEqual({ throughAt: canary.throughAt, throughSince: canary.throughAt });
  });
});
