import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { sqsClient } from "../../lib/adapters/aws/queues.ts";
import { jobName } from "../../lib/dispatch/job/names.ts";
import { ENVIRONMENT } from "../../lib/names.ts";
import type { RecordView } from "../../lib/wire/run-view.ts";
import { type FakeApi, fakeApi } from "../adapters/kubernetes/fake-api.ts";

const TEMPLATE = { spec: { containers: [{ name: "work", image: "train:7", command: ["python", "train.py"] }] } };
const ALONE = { spec: { containers: [{ name: "work", image: "theirs:1" }] } };
const spec = (target: object = {}): object => ({
  start: "dispatch",
  leaseSeconds: 3600,
  target: { kind: "job", cluster: "lab", template: TEMPLATE, ...target },
});

let api: FakeApi;
let dev: Dev;
let folder: string;
beforeAll(async () => {
  api = await fakeApi();
  folder = mkdtempSync(join(tmpdir(), "lastbeat-clusters-"));
  const { server, tls } = await api.connection.access();
  const kubeconfig = join(folder, "config");
  const ca = Buffer.from(String(tls.ca)).toString("base64");
  const config = {
    "current-context": "here",
    clusters: [{ name: "lab", cluster: { server: server.href, "certificate-authority-data": ca } }],
    users: [{ name: "me", user: { token: "token-1" } }],
    contexts: [{ name: "here", context: { cluster: "lab", user: "me" } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  dev = await startDev({ port: 0, sweepSeconds: 1, log: { write: () => {} }, clusters: [{ kubeconfig }] });
});
afterAll(async () => {
  await dev.stop();
  await api.stop();
  rmSync(folder, { recursive: true });
});

async function call(
  method: string,
  path: string,
  body?: object,
  credential?: string,
): Promise<{ status: number; body: never }> {
  const response = await fetch(`${dev.info.api}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(credential !== undefined && { headers: { authorization: `Bearer ${credential}` } }),
  });
  return { status: response.status, body: (await response.json()) as never };
}

const record = async (run: string): Promise<RecordView> => (await call("GET", `/v1/runs/${run}`)).body;
const jobOf = (run: string, attempt: number) => api.read("jobs", jobName(run, attempt));
const ticketOf = (run: string, attempt: number): string | undefined =>
  (api.read("secrets", jobName(run, attempt))?.["stringData"] as { ticket?: string } | undefined)?.ticket;
const patient = { timeout: 20_000 };

/** Claims the attempt as the agent in the pod of its Job would. */
async function claimed(run: string, attempt: number): Promise<void> {
  await expect.poll(() => ticketOf(run, attempt), patient).toBeDefined();
  const pod = api.read("pods", `${jobName(run, attempt)}-x`) as { metadata: { uid: string } };
  const holder = { id: String(attempt).repeat(32), podUid: pod.metadata.uid };
  expect((await call("POST", `/v1/runs/${run}/claim`, { holder }, ticketOf(run, attempt))).status).toBe(200);
  api.setPod(jobName(run, attempt), { phase: "Running" });
}

describe("a run whose target is a Job", () => {
  test("is started as one, and started again seconds after its pod was evicted, whatever its lease", async () => {
    expect((await call("PUT", "/v1/runs/etl", spec())).status).toBe(201);
    await claimed("etl", 1);
    api.setPod(jobName("etl", 1), {
      phase: "Failed",
      conditions: [{ type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" }],
      containerStatuses: [{ name: "work", state: { terminated: { exitCode: 143, reason: "Error" } } }],
    });
    await claimed("etl", 2);
    expect(await record("etl")).toMatchObject({
      state: "running",
      attempt: 2,
      attempts: [{ cause: "interrupted" }, {}],
    });
    expect(jobOf("etl", 2)).toMatchObject({
      spec: { backoffLimit: 0 },
      metadata: { labels: { "lastbeat.dev/attempt": "2" } },
    });
  });

  test("needs no agent: its pod is the heartbeat, and its end the end of the attempt", async () => {
    expect((await call("PUT", "/v1/runs/alone", spec({ agent: "none", template: ALONE }))).status).toBe(201);
    await expect.poll(() => api.read("pods", `${jobName("alone", 1)}-x`), patient).toBeDefined();
    expect(api.read("secrets", jobName("alone", 1))).toBeUndefined();
    api.setPod(jobName("alone", 1), { phase: "Running" });
    await expect.poll(async () => (await record("alone")).state, patient).toBe("running");
    api.setPod(jobName("alone", 1), {
      phase: "Failed",
      conditions: [{ type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" }],
      containerStatuses: [{ name: "work", state: { terminated: { exitCode: 143, reason: "Error" } } }],
    });
    await expect.poll(() => api.read("pods", `${jobName("alone", 2)}-x`), patient).toBeDefined();
    api.setPod(jobName("alone", 2), { phase: "Running" });
    await expect.poll(async () => (await record("alone")).attempt, patient).toBe(2);
    await expect.poll(async () => (await record("alone")).state, patient).toBe("running");
    api.setPod(jobName("alone", 2), {
      phase: "Succeeded",
      containerStatuses: [{ name: "work", state: { terminated: { exitCode: 0, reason: "Completed" } } }],
    });
    await expect.poll(async () => (await record("alone")).outcome, patient).toBe("succeeded");
    expect((await record("alone")).attempts).toMatchObject([{ cause: "interrupted" }, { cause: "succeeded" }]);
  });

  test("has a lease that outlasts an outage of seven minutes, unless its owner asks for another", async () => {
    const { leaseSeconds: _, ...rest } = spec() as { leaseSeconds: number };
    await call("PUT", "/v1/runs/patient", { ...rest, start: "self" });
    expect((await record("patient")).spec.leaseSeconds).toBe(600);
  });

  test("is refused when its cluster is not known, or when its target is wrong", async () => {
    const unknown = await call("PUT", "/v1/runs/lost", spec({ cluster: "moon" }));
    expect(unknown).toMatchObject({ status: 422, body: { detail: expect.stringContaining("the clusters are lab") } });
    expect(await call("PUT", "/v1/runs/lost", spec({ namespace: "Not A Name" }))).toMatchObject({ status: 422 });
    expect(await call("PUT", "/v1/runs/lost", { target: { kind: "moon" } })).toMatchObject({
      body: { detail: "target.kind: must be queue, job, webhook, prefect or airflow" },
    });
  });

  test("shows its target with the digest of its template", async () => {
    await call("PUT", "/v1/runs/shown", { ...spec(), start: "self" });
    const target = { kind: "job", cluster: "lab", namespace: "default", minFence: "lease", agent: "exec", sizes: [] };
    expect((await record("shown")).spec.leaseSeconds).toBe(3600);
    expect((await record("shown")).spec.target).toEqual({ ...target, template: expect.stringMatching(/^[\w-]{22}$/) });
    expect((await call("PUT", "/v1/runs/shown", { ...spec(), start: "self" })).status).toBe(200);
  });
});

/** The message of a run that nobody knows. */
const messageFor = (target: object): string => {
  const time = "2026-11-28T12:00:00.000Z";
  const ticket = `x.1.1.0.30000.k.${"h".repeat(43)}`;
  const next = { attempt: 1, fence: 1, ticket, startBy: time, capacity: "any", held: false };
  return JSON.stringify({ id: "x.1", time, data: { run: "x", next, budgets: {}, target } });
};

describe("a message that cannot be handled", () => {
  const deadLetters = (): string => String(process.env[ENVIRONMENT.dispatchDeadLetters]);

  test.each([
    ["is none", "garbage", "JSON"],
    ["is for another target", messageFor({ kind: "queue" }), "queue"],
    ["is for a cluster that is gone", messageFor({ kind: "job", cluster: "gone" }), "there is no cluster gone"],
  ])("because it %s goes to the dead letters with the reason", async (_, body, why) => {
    const client = sqsClient();
    await client.send(
      new SendMessageCommand({ QueueUrl: String(process.env[ENVIRONMENT.dispatchQueue]), MessageBody: body }),
    );
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: deadLetters(),
        WaitTimeSeconds: 10,
        VisibilityTimeout: 600,
        MessageAttributeNames: ["All"],
      }),
      { requestTimeout: 15_000 },
    );
    expect(Messages[0]?.Body).toBe(body);
    expect(Messages[0]?.MessageAttributes?.["reason"]?.StringValue).toContain(why);
  });

  test("for good goes there, too, and its run says why", async () => {
    api.instead = { status: 403, body: { message: "jobs.batch is forbidden", reason: "Forbidden" } };
    try {
      await call("PUT", "/v1/runs/forbidden", spec());
      const { Messages = [] } = await sqsClient().send(
        new ReceiveMessageCommand({ QueueUrl: deadLetters(), WaitTimeSeconds: 10, MessageAttributeNames: ["All"] }),
        { requestTimeout: 15_000 },
      );
      expect(Messages[0]?.MessageAttributes?.["reason"]?.StringValue).toContain("jobs.batch is forbidden");
      expect((await record("forbidden")).attempts).toMatchObject([
        { attempt: 1, evidence: [{ kind: "refused", note: expect.stringContaining("jobs.batch is forbidden") }] },
      ]);
    } finally {
      api.instead = undefined;
    }
  });
});
