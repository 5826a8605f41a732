import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { ENVIRONMENT } from "../../lib/names.ts";

type Asked = { readonly call: string; readonly body: Record<string, unknown> };

let server: Server;
let dev: Dev;
const asked: Asked[] = [];
let state = "CRASHED";

/** As much of Prefect as one flow run needs, and of Airflow as one task. */
function answerTo(call: string): readonly [number, object | undefined] {
  if (call.startsWith("POST /api/flow_runs/")) return [201, { status: "ACCEPT", details: {} }];
  if (call.startsWith("GET /api/flow_runs/")) {
    const at = "2026-11-28T12:00:00Z";
    const now = { type: state, name: state, timestamp: at, message: null, state_details: {} };
    return [200, { state: now, run_count: 1, empirical_policy: {}, deployment_id: "d", expected_start_time: at }];
  }
  if (call.startsWith("GET /api/v2/")) return [200, { state: "up_for_retry", try_number: 1, note: null }];
  if (call === "POST /auth/token") return [201, { access_token: "t" }];
  return [200, {}];
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const call = `${request.method} ${request.url}`;
    const body = await text(request);
    asked.push({ call, body: body === "" ? {} : (JSON.parse(body) as Asked["body"]) });
    const [status, answer] = answerTo(call);
    response.writeHead(status).end(answer === undefined ? "" : JSON.stringify(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  dev = await startDev({
    port: 0,
    sweepSeconds: 1,
    log: { write: () => {} },
    orchestrators: [
      { kind: "prefect", name: "prod", url: `${url}/api` },
      { kind: "airflow", name: "prod", url, secret: "me:word" },
    ],
  });
});
afterAll(async () => {
  await dev.stop();
  server.closeAllConnections();
  server.close();
});

const call = async <T>(method: string, path: string, body?: object, credential?: string): Promise<T> => {
  const response = await fetch(`${dev.info.api}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(credential !== undefined && { headers: { authorization: `Bearer ${credential}` } }),
  });
  return (await response.json()) as T;
};
const isAsked = (start: string): boolean => asked.some((each) => each.call.startsWith(start));

/** A run whose first attempt was interrupted. */
async function interrupted(run: string, target: object, facts: object = {}): Promise<void> {
  const path = `/v1/runs/${run.replaceAll("/", "~")}`;
  const { ticket } = await call<{ ticket: string }>("PUT", path, { target });
  const holder = { id: "1".repeat(32), ...facts };
  const { token } = await call<{ token: string }>("POST", `${path}/claim`, { holder }, ticket);
  await call("POST", `${path}/finish`, { outcome: "interrupted", exitCode: 143 }, token);
}

const FLOW_RUN = "0e8cfa6e-0000-4000-8000-000000000001";
const PREFECT = { kind: "prefect", name: "prod", flowRun: FLOW_RUN };
const AIRFLOW = { kind: "airflow", name: "prod", dag: "etl", dagRun: "r1", task: "load" };
const patient = { timeout: 25_000 };

describe("a run whose target is an orchestrator", () => {
  test("is given back to the workers of Prefect, and shown as canceled when its owner cancels it", {
    timeout: 60_000,
  }, async () => {
    await interrupted(`prefect-${FLOW_RUN}`, PREFECT);
    const scheduled = (): boolean =>
      asked.some(({ body }) => (body["state"] as { type?: string } | undefined)?.type === "SCHEDULED");
    await expect.poll(scheduled, patient).toBe(true);
    state = "PENDING";
    await call("POST", `/v1/runs/prefect-${FLOW_RUN}/cancel`);
    const canceled = (): boolean =>
      asked.some(({ body }) => (body["state"] as { type?: string } | undefined)?.type === "CANCELLED");
    await expect.poll(canceled, { timeout: 40_000 }).toBe(true);
  });

  test("is cleared at Airflow", async () => {
    await interrupted("airflow/etl/r1/load", AIRFLOW, { airflowTry: "1" });
    await expect.poll(() => isAsked("POST /api/v2/dags/etl/clearTaskInstances"), patient).toBe(true);
    expect(isAsked("POST /auth/token")).toBe(true);
  });

  test("has to name one that there is", async () => {
    expect(await call("PUT", `/v1/runs/prefect-${FLOW_RUN}.2`, { target: { ...PREFECT, name: "lab" } })).toMatchObject({
      detail: "target.name is no server of Prefect: the servers of Prefect are prod",
    });
  });
});

test("the settings of a deployment name the orchestrators", async () => {
  vi.resetModules();
  const settings = [
    { kind: "prefect", name: "a", url: "https://prefect.example/api" },
    { kind: "airflow", name: "b", url: "https://airflow.example", secret: "arn:aws:secretsmanager:x" },
  ];
  vi.stubEnv(ENVIRONMENT.orchestrators, JSON.stringify(settings));
  vi.stubEnv("AWS_REGION", "eu-central-1");
  const { orchestratorStarter } = await import("../../lambdas/orchestrators.ts");
  expect(orchestratorStarter({ kind: "prefect", name: "a", flowRun: FLOW_RUN })).toBeDefined();
  expect(orchestratorStarter({ kind: "airflow", name: "b", dag: "etl", dagRun: "r", task: "t" })).toBeDefined();
  expect(orchestratorStarter({ kind: "prefect", name: "b", flowRun: FLOW_RUN })).toBeUndefined();
  vi.unstubAllEnvs();
});
