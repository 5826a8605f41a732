import { randomUUID } from "node:crypto";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { contextFor } from "../../dev/http.ts";
import { handler } from "../../lambdas/notice.ts";
import { parseBearer } from "../../lib/wire/credentials.ts";
import { attemptNotice, type RunnerNotice } from "../../lib/wire/own-events.ts";

type Json = Record<string, unknown>;

let dev: Dev;
beforeAll(async () => {
  vi.stubEnv("LASTBEAT_TRUST_RUNNERS", "true"); // it is read with the first request
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
});
afterAll(async () => {
  await dev.stop();
  vi.unstubAllEnvs();
});

async function call(method: string, path: string, body: unknown, credential = ""): Promise<Json> {
  const headers = { authorization: `Bearer ${credential}` };
  const response = await fetch(`${dev.info.api}/v1/runs/${path}`, { method, headers, body: JSON.stringify(body) });
  return (await response.json()) as Json;
}

async function claimed(run: string, host: string): Promise<string> {
  const { ticket } = await call("PUT", run, {});
  const { token } = await call("POST", `${run}/claim`, { holder: { id: "a".repeat(32), host } }, String(ticket));
  return String(token);
}

const beat = (run: string, token: string): Promise<Json> => call("POST", `${run}/beat`, {}, token);

/** What the holder of this token was told, through the Lambda, as it comes out of the queue. */
async function told(kind: RunnerNotice["kind"], token: string, host?: string): Promise<SQSBatchResponse | undefined> {
  const claims = parseBearer(`Bearer ${token}`)?.claims;
  if (claims === undefined) throw new Error(`${token} is no token`);
  const { run, shard, fence } = claims;
  const at = new Date().toISOString();
  const detail = { run, shard, fence, kind, at, ...(host !== undefined && { host }) };
  const body = JSON.stringify(attemptNotice(randomUUID(), at, detail));
  const opts = { signal: new AbortController().signal };
  return handler({ Records: [{ messageId: "0", body }] } as SQSEvent, contextFor(60_000), opts);
}

describe("where runners are trusted to speak for their host", () => {
  test("a spot interruption concerns all that stands there", async () => {
    const [own, other] = [await claimed("told", "host-1"), await claimed("told-too", "host-1")];
    const elsewhere = await claimed("elsewhere", "host-2");
    const [at, deadline] = [0, 120_000].map((ahead) => new Date(Date.now() + ahead).toISOString());
    await call("POST", "told/notice", { kind: "spot", at, deadline }, own);
    await vi.waitFor(
      async () => {
        const drained = { directive: "drain", reason: "spot-interruption", deadline };
        expect(await beat("told", own)).toMatchObject(drained);
        expect(await beat("told-too", other)).toMatchObject(drained);
      },
      { timeout: 10_000, interval: 20 },
    );
    expect(await beat("elsewhere", elsewhere)).toMatchObject({ directive: "continue" });
  });

  test("it does so when the attempt that told it has ended by now", async () => {
    const [own, other] = [await claimed("quick", "host-3"), await claimed("slow", "host-3")];
    await call("POST", "quick/finish", { outcome: "succeeded", exitCode: 0 }, own);
    expect(await told("spot", own, "host-3")).toEqual({ batchItemFailures: [] });
    expect(await beat("slow", other)).toMatchObject({ directive: "drain", reason: "spot-interruption" });
  });

  test("it closes that host to nobody", async () => {
    await told("spot", await claimed("closing", "host-4"), "host-4");
    expect(await beat("open-to", await claimed("open-to", "host-4"))).toMatchObject({ directive: "continue" });
  });

  test("a SIGTERM concerns its own attempt alone, and so does whatever comes from no host", async () => {
    const [own, other] = [await claimed("termed", "host-5"), await claimed("neighbour", "host-5")];
    await told("sigterm", own, "host-5");
    await told("spot", own);
    expect(await beat("termed", own)).toMatchObject({ directive: "drain", reason: "sigterm" });
    expect(await beat("neighbour", other)).toMatchObject({ directive: "continue" });
  });
});
