import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { airflowServer } from "../../lib/adapters/orchestrator/airflow.ts";
import { prefectServer } from "../../lib/adapters/orchestrator/prefect.ts";
import { instant } from "../../lib/core/time.ts";
import { Busy, Refused } from "../../lib/ports/dispatch.ts";

type Asked = { readonly call: string; readonly headers: IncomingHttpHeaders; readonly body: unknown };

let server: Server;
let url: string;
let asked: Asked[];
let answer: { status: number; body: unknown; headers?: Record<string, string> };

beforeEach(async () => {
  asked = [];
  server = createServer(async (request, response) => {
    const body = await text(request);
    const { method, headers } = request;
    asked.push({ call: `${method} ${request.url}`, headers, body: body === "" ? undefined : JSON.parse(body) });
    response.writeHead(answer.status, answer.headers);
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** As Prefect 3.9.1 answers, with less in it. */
const FLOW_RUN = {
  id: "0e8cfa6e-0000-4000-8000-000000000001",
  state: {
    type: "CRASHED",
    name: "Crashed",
    timestamp: "2026-11-28T12:00:00.123456Z",
    message: null,
    state_details: { transition_id: "0e8cfa6e-0000-4000-8000-000000000002", retriable: null },
  },
  run_count: 2,
  empirical_policy: { retries: 1, retry_type: null, pause_keys: [] },
  job_variables: null,
  labels: { "prefect.worker.name": "one" },
  deployment_id: "0e8cfa6e-0000-4000-8000-000000000003",
  expected_start_time: "2026-11-28T11:00:00Z",
};

const NOON = instant(Date.parse("2026-11-28T12:00:00Z"));
const prefect = (secret = "") =>
  prefectServer(
    { name: "prod", url },
    async () => secret,
    () => NOON,
  );

const transition = {
  type: "SCHEDULED",
  name: "AwaitingRetry",
  message: "again",
  transitionId: "t",
  scheduledTime: NOON,
} as const;

describe("the API of a server of Prefect", () => {
  test("a flow run is read", async () => {
    answer = { status: 200, body: FLOW_RUN };
    expect(await prefect().read("one")).toEqual({
      state: "CRASHED",
      stateName: "Crashed",
      stateAt: instant(Date.parse("2026-11-28T12:00:00.123Z")),
      message: "",
      transitionId: "0e8cfa6e-0000-4000-8000-000000000002",
      runCount: 2,
      policy: FLOW_RUN.empirical_policy,
      jobVariables: {},
      labels: FLOW_RUN.labels,
      hasDeployment: true,
      expectedStart: instant(Date.parse("2026-11-28T11:00:00Z")),
    });
    expect(asked.map(({ call }) => call)).toEqual(["GET /api/flow_runs/one"]);
  });

  test("one without a deployment, a time or an id of its transition, too", async () => {
    const state = { ...FLOW_RUN.state, state_details: {} };
    answer = { status: 200, body: { ...FLOW_RUN, state, deployment_id: null, expected_start_time: null } };
    const found = await prefect().read("one");
    expect(found).toMatchObject({ hasDeployment: false, expectedStart: found?.stateAt });
    expect(found).not.toHaveProperty("transitionId");
  });

  test("one that is not there is none; an address without an API says nothing about it", async () => {
    answer = { status: 404, body: { detail: "Flow run not found" } };
    expect(await prefect().read("one")).toBeUndefined();
    for (const body of [{ detail: "Not Found" }, ""]) {
      answer = { status: 404, body };
      await expect(prefect().read("one")).rejects.toThrow(/^the server of Prefect prod has no API at http/);
    }
  });

  test.each(["pnu\nsecond line", '{"key": "pnu"}', "pnu\u00fc"])(
    "a secret that is no line of text is refused, and not shown: %j",
    async (secret) => {
      await expect(prefect(secret).read("one")).rejects.toMatchObject({
        constructor: Refused,
        message: "the secret for the server of Prefect prod is one line of text, and no JSON",
      });
      expect(asked).toEqual([]);
    },
  );

  test("a transition is never forced, and its answer is read, whatever its status code says", async () => {
    answer = { status: 200, body: { status: "ABORT", details: { reason: "Run is already in terminal state." } } };
    expect(await prefect().transition("one", transition)).toEqual({
      status: "ABORT",
      reason: "Run is already in terminal state.",
    });
    answer = { status: 201, body: { status: "ACCEPT", details: { type: "accept_details" } } };
    expect(await prefect().transition("one", transition)).toEqual({ status: "ACCEPT", reason: "" });
    expect(asked[0]).toMatchObject({
      call: "POST /api/flow_runs/one/set_state",
      body: {
        force: false,
        state: {
          type: "SCHEDULED",
          name: "AwaitingRetry",
          message: "again",
          state_details: { transition_id: "t", scheduled_time: "2026-11-28T12:00:00.000Z" },
        },
      },
    });
  });

  test("policy, job variables and labels are written", async () => {
    answer = { status: 204, body: "" };
    await prefect().setPolicy("one", { retries: 2 });
    await prefect().setJobVariables("one", { capacity: "on-demand" });
    await prefect().addLabels("one", { "lastbeat.retries": 1 });
    expect(asked.map(({ call, body }) => [call, body])).toEqual([
      ["PATCH /api/flow_runs/one", { empirical_policy: { retries: 2 } }],
      ["PATCH /api/flow_runs/one", { job_variables: { capacity: "on-demand" } }],
      ["PATCH /api/flow_runs/one/labels", { "lastbeat.retries": 1 }],
    ]);
  });

  test.each([
    ["", undefined],
    ["pnu_key\n", "Bearer pnu_key"],
    ["me:word", `Basic ${Buffer.from("me:word").toString("base64")}`],
  ])("the secret %j is shown as %j", async (secret, header) => {
    answer = { status: 200, body: FLOW_RUN };
    await prefect(secret).read("one");
    expect(asked[0]?.headers.authorization).toBe(header);
  });

  test.each([429, 500, 502, 503])("after %i it is asked again", async (status) => {
    answer = { status, body: "busy", headers: { "retry-after": "7" } };
    await expect(prefect().read("one")).rejects.toMatchObject({
      constructor: Busy,
      again: 7000,
      message: `the server of Prefect prod answers ${status} to GET flow_runs/one: busy`,
    });
  });

  test.each([
    [401, /look at the secret of the settings/],
    [422, /answers 422/],
    [302, /answers 302/],
  ])("%i is refused for good", async (status, why) => {
    answer = { status, body: "no", headers: { location: "http://127.0.0.1:1/" } };
    const error = await prefect("key")
      .read("one")
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ isOwn: false, message: expect.stringMatching(why) });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ["<html>", /not JSON/],
    [{ id: 1 }, /in a form that is not known/],
  ])("an answer that is none is asked for again: %j", async (body, why) => {
    answer = { status: 200, body };
    const error = await prefect()
      .read("one")
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Busy);
    expect(String(error)).toMatch(why);
  });

  test("a state or a time that nobody knows is no state", async () => {
    for (const state of [
      { ...FLOW_RUN.state, type: "NAPPING" },
      { ...FLOW_RUN.state, timestamp: "noon" },
    ]) {
      answer = { status: 200, body: { ...FLOW_RUN, state } };
      await expect(prefect().read("one")).rejects.toThrow(/in a form that is not known/);
    }
  });

  test("a server that is not there is asked again", async () => {
    const gone = prefectServer(
      { name: "prod", url: "http://127.0.0.1:1/api" },
      async () => "",
      () => NOON,
    );
    await expect(gone.read("one")).rejects.toThrow(/^the server of Prefect prod does not answer: /);
  });
});

describe("the API of a server of Airflow", () => {
  const TASK = { dag: "etl", dagRun: "manual__2026-11-28T00:00:00+00:00", task: "load", mapIndex: -1 };
  const airflow = (secret = "token") =>
    airflowServer(
      { name: "prod", url: url.replace("/api", "") },
      async () => secret,
      () => NOON,
    );

  test("a task instance is read, also a mapped one", async () => {
    answer = { status: 200, body: { state: null, try_number: 2, note: null } };
    expect(await airflow().read(TASK)).toEqual({ state: undefined, tryNumber: 2, note: undefined });
    answer = { status: 200, body: { state: "running", try_number: 1, note: "a note" } };
    expect(await airflow().read({ ...TASK, mapIndex: 3 })).toEqual({ state: "running", tryNumber: 1, note: "a note" });
    expect(asked.map(({ call }) => call)).toEqual([
      "GET /api/v2/dags/etl/dagRuns/manual__2026-11-28T00%3A00%3A00%2B00%3A00/taskInstances/load",
      "GET /api/v2/dags/etl/dagRuns/manual__2026-11-28T00%3A00%3A00%2B00%3A00/taskInstances/load/3",
    ]);
    expect(asked[0]?.headers.authorization).toBe("Bearer token");
  });

  test("one that is not there is none; an address without an API says nothing about it", async () => {
    answer = { status: 404, body: { detail: "The Task Instance with dag_id: `etl` was not found" } };
    expect(await airflow().read(TASK)).toBeUndefined();
    answer = { status: 404, body: { detail: "Not Found" } };
    await expect(airflow().read(TASK)).rejects.toThrow(/has no API at/);
  });

  test("a running task is left alone where that is asked", async () => {
    answer = { status: 409, body: { detail: "AirflowClearRunningTaskException: Disable 'prevent_running_task'" } };
    expect(await airflow().clear(TASK, "idle", "again")).toBe("runs");
    await expect(airflow().clear(TASK, "running", "again")).rejects.toThrow(Refused);
    answer = { status: 200, body: { task_instances: [], total_entries: 0 } };
    expect(await airflow().clear({ ...TASK, mapIndex: 0 }, "running", "again")).toBe("cleared");
    expect(asked.at(-1)).toMatchObject({
      call: "POST /api/v2/dags/etl/clearTaskInstances",
      body: { dry_run: false, only_failed: false, task_ids: [["load", 0]], prevent_running_task: false, note: "again" },
    });
  });

  test("one that does not run is ended, also if it has failed already", async () => {
    for (const status of [200, 409]) {
      answer = { status, body: {} };
      await airflow().fail(TASK, "nobody waits");
    }
    expect(asked[0]?.body).toEqual({ new_state: "failed", note: "nobody waits" });
  });

  test("a password is exchanged for a token, and once more when that is refused", async () => {
    const it = airflow("me:pass:word");
    const tokens = ["first", "second"];
    server.removeAllListeners("request");
    server.on("request", async (request, response) => {
      const body = await text(request);
      asked.push({
        call: `${request.method} ${request.url}`,
        headers: request.headers,
        body: JSON.parse(body || "{}"),
      });
      const isToken = request.url === "/auth/token";
      const isOld = request.headers.authorization === "Bearer first";
      response.writeHead(isToken ? 201 : isOld ? 401 : 200);
      response.end(JSON.stringify(isToken ? { access_token: tokens.shift() } : { state: "queued", try_number: 1 }));
    });
    expect(await it.read(TASK)).toMatchObject({ state: "queued" });
    await it.read(TASK);
    expect(asked.map(({ call }) => call.split("?")[0]?.split("/").at(-1))).toEqual([
      "token",
      "load",
      "token",
      "load",
      "load",
    ]);
    expect(asked[0]?.body).toEqual({ username: "me", password: "pass:word" });
  });
});
