import { afterAll, beforeAll, expect, test } from "vitest";
import { jobName } from "../../lib/dispatch/job/names.ts";
import type { RecordView } from "../../lib/wire/run-view.ts";
import { type Embedded, startEmbedded } from "./embedded.ts";
import { type FaultyApi, faultyApi } from "./faults.ts";
import { type Plane, startPlane, until } from "./plane.ts";

const PODS = "/api/v1/namespaces/default/pods";
const JOBS = "/apis/batch/v1/namespaces/default/jobs";
const RUNS = Array.from({ length: 60 }, (_, index) => `run-${index}`);
/** The run of the first test, whose Jobs are still there for people. */
const COUNTED = "counted";
const SEED = 7;

type Found = {
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly status: { readonly phase?: string };
};

let plane: Plane;
let api: FaultyApi;
let lastbeat: Embedded;
beforeAll(async () => {
  plane = await startPlane();
  api = await faultyApi(plane, SEED);
  lastbeat = await startEmbedded(api.kubeconfig);
});
afterAll(async () => {
  await lastbeat.stop();
  await api.stop();
  await plane.stop();
});

const list = async (path: string): Promise<readonly Found[]> =>
  ((await plane.call({ path, query: { labelSelector: "lastbeat.dev/run" } })) as { items: readonly Found[] }).items;

const EVICTED = {
  phase: "Failed",
  conditions: [{ type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" }],
  containerStatuses: [{ name: "work", state: { terminated: { exitCode: 143, reason: "Error" } } }],
};
const SUCCEEDED = {
  phase: "Succeeded",
  containerStatuses: [{ name: "work", state: { terminated: { exitCode: 0, reason: "Completed" } } }],
};

/** A server takes so many new connections at once. */
const AT_ONCE = 20;

async function records(): Promise<readonly RecordView[]> {
  const found: RecordView[] = [];
  for (let from = 0; from < RUNS.length; from += AT_ONCE)
    found.push(...(await Promise.all(RUNS.slice(from, from + AT_ONCE).map((run) => lastbeat.record(run)))));
  return found;
}

/** There is no kubelet here. First attempts are evicted when they run, and second ones succeed. */
async function playKubelet(): Promise<void> {
  for (const { metadata, status } of await list(PODS)) {
    const next =
      status.phase === "Pending"
        ? { phase: "Running" }
        : status.phase !== "Running"
          ? undefined
          : metadata.labels["lastbeat.dev/attempt"] === "1"
            ? EVICTED
            : SUCCEEDED;
    if (next === undefined) continue;
    const path = `${PODS}/${metadata.name}/status`;
    await plane.call({ method: "PATCH", path, body: { status: next } });
  }
}

/** Runs whose first attempt is evicted and whose second one succeeds, without an agent. */
const SPEC = {
  start: "dispatch",
  backoff: { baseSeconds: 0 },
  target: {
    kind: "job",
    cluster: "test",
    agent: "none",
    template: { spec: { containers: [{ name: "work", image: "x" }] } },
  },
};

/** The two lists of each look at the cluster: they are asked for whether or not anything dies. */
const isOfLook = (request: string): boolean => request.startsWith("GET /api/v1/pods?");

test("a death, and the next attempt up to its end, cost three requests, and a few more if they take long", async () => {
  await lastbeat.register(COUNTED, SPEC);
  const reached = (what: string, isReached: (record: RecordView) => boolean): Promise<unknown> =>
    until(what, async () => {
      const seen = await lastbeat.record(COUNTED);
      if (!isReached(seen)) await playKubelet();
      return isReached(seen);
    });
  await reached("the first attempt runs", ({ state }) => state === "running");
  const before = api.requests.length;
  await reached("the run has ended", ({ state }) => state === "ended");
  const asked = api.requests.slice(before).filter((request) => !isOfLook(request));
  console.log(`a death and the next attempt: ${asked.length} requests`);
  expect(asked.length).toBeGreaterThanOrEqual(3);
  expect(asked.length).toBeLessThanOrEqual(7);
});

test("behind an API server of which every fifth request fails no Job is made twice, and no run is lost", async () => {
  api.share = 0.2;
  const began = Date.now();
  for (const run of RUNS) await lastbeat.register(run, SPEC);
  const ended = await until(
    "all runs have ended",
    async () => {
      await playKubelet();
      const all = await records();
      return all.every(({ state }) => state === "ended") ? all : undefined;
    },
    280,
  );
  for (const { outcome, attempts } of ended)
    expect({ outcome, causes: attempts.map(({ cause }) => cause) }).toEqual({
      outcome: "succeeded",
      causes: ["interrupted", "succeeded"],
    });
  const names = (found: readonly Found[]): readonly string[] => found.map(({ metadata }) => metadata.name).sort();
  expect(names(await list(JOBS))).toEqual(
    [...RUNS, COUNTED].flatMap((run) => [jobName(run, 1), jobName(run, 2)]).sort(),
  );
  expect(await list(PODS)).toHaveLength(2 * (RUNS.length + 1));
  for (const [fault, count] of Object.entries(api.faults)) expect(count, fault).toBeGreaterThan(2);
  const took = ((Date.now() - began) / 1000).toFixed(0);
  console.log(
    `${RUNS.length} runs of two attempts, ${api.requests.length} requests, ${took} s, faults: ${JSON.stringify(api.faults)}`,
  );
}, 300_000);
