import { afterAll, beforeAll, expect, test } from "vitest";
import { jobName } from "../../../lib/dispatch/job/names.ts";
import type { RecordView } from "../../../lib/wire/run-view.ts";
import { lastbeat, type Program } from "../../e2e/processes.ts";
import { until } from "../plane.ts";
import { type Fleet, startFleet } from "./fleet.ts";

const PODS = "/api/v1/namespaces/default/pods";
const JOBS = "/apis/batch/v1/namespaces/default/jobs";

type Listed = {
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly status: { readonly phase?: string };
};

let fleet: Fleet;
let program: Program;
let url: string;
beforeAll(async () => {
  fleet = await startFleet();
  program = lastbeat(["dev", "--port", "0", "--sweep", "5", "--kubeconfig", fleet.plane.kubeconfig]);
  url = (await program.line(/lastbeat listens on (\S+)/))[1] ?? "";
});
afterAll(async () => {
  program.child.kill("SIGTERM");
  await program.left;
  await fleet.stop();
});

/** Nodes of Karpenter. It makes up hundreds of instance types. */
async function offer(expireAfter: string, version: string): Promise<void> {
  const is = (key: string, ...values: readonly string[]): object => ({ key, operator: "In", values });
  await fleet.apply({
    apiVersion: "karpenter.sh/v1",
    kind: "NodePool",
    metadata: { name: "batch" },
    spec: {
      template: {
        metadata: { labels: { pool: "batch", version } },
        spec: {
          expireAfter,
          // So even a pod that is not to be disrupted has to go: it is deleted, without a word on the pod.
          terminationGracePeriod: "15s",
          requirements: [
            is("kubernetes.io/arch", "amd64"),
            is("kubernetes.io/os", "linux"),
            is("karpenter.sh/capacity-type", "on-demand"),
          ],
          nodeClassRef: { name: "default", kind: "KWOKNodeClass", group: "karpenter.kwok.sh" },
        },
      },
      disruption: {
        consolidationPolicy: "WhenEmptyOrUnderutilized",
        consolidateAfter: "5s",
        budgets: [{ nodes: "100%" }],
      },
    },
  });
}

/** A run whose work takes so many seconds on a node that stays. */
async function register(run: string, seconds: number): Promise<void> {
  const template = {
    metadata: { annotations: { "played/work": `${seconds}s` } },
    spec: {
      nodeSelector: { pool: "batch" },
      containers: [{ name: "work", image: "x", resources: { requests: { cpu: "500m" } } }],
    },
  };
  const target = { kind: "job", cluster: "test", agent: "none", template };
  const body = JSON.stringify({ start: "dispatch", backoff: { baseSeconds: 0 }, target });
  const { status } = await fetch(`${url}/v1/runs/${run}`, { method: "PUT", body, headers: { connection: "close" } });
  expect(status).toBe(201);
}

const record = async (run: string): Promise<RecordView> =>
  (await (await fetch(`${url}/v1/runs/${run}`, { headers: { connection: "close" } })).json()) as RecordView;

const list = async (path: string): Promise<readonly Listed[]> =>
  ((await fleet.plane.call({ path, query: { labelSelector: "lastbeat.dev/run" } })) as { items: readonly Listed[] })
    .items;

const isAlive = ({ status }: Listed): boolean => status.phase === "Pending" || status.phase === "Running";

test("a hundred runs survive nodes that expire and drift, each with one pod at a time", async () => {
  const runs = Array.from({ length: 100 }, (_, index) => ({ run: `fleet-${index}`, seconds: 5 + (index % 5) * 10 }));
  await offer("25s", "1");
  for (const { run, seconds } of runs) await register(run, seconds);
  const two = new Set<string>();
  const look = async (): Promise<readonly RecordView[]> => {
    const alive = (await list(PODS)).filter(isAlive).map(({ metadata }) => metadata.labels["lastbeat.dev/run"] ?? "");
    for (const run of alive) if (alive.indexOf(run) !== alive.lastIndexOf(run)) two.add(run);
    const found: RecordView[] = [];
    for (const { run } of runs) found.push(await record(run));
    return found;
  };
  const isLong = (index: number): boolean => (runs[index]?.seconds ?? 0) >= 35;
  await until(
    "no node stays long enough for the longest work",
    async () => (await look()).every(({ attempt }, index) => !isLong(index) || attempt > 1),
    150,
  );
  await offer("Never", "2"); // nodes that stay, and those that are there drift
  const ended = await until(
    "all runs have ended",
    async () => {
      const all = await look();
      return all.every(({ state }) => state === "ended") ? all : undefined;
    },
    240,
  );
  expect([...two]).toEqual([]);
  const causes = ended.map(({ attempts }) => attempts.map(({ cause }) => cause));
  expect(ended.map(({ outcome }) => outcome)).toEqual(runs.map(() => "succeeded"));
  // A pod that is deleted before it begins leaves nothing but a Job without a pod.
  const early = causes.flatMap((each) => each.slice(0, -1));
  expect(early.filter((cause) => cause !== "interrupted" && cause !== "never-started")).toEqual([]);
  const jobsOf = ({ run, attempt }: RecordView): readonly string[] =>
    Array.from({ length: attempt }, (_, index) => jobName(run, index + 1));
  const found = new Set((await list(JOBS)).map(({ metadata }) => metadata.name));
  // What a controller was about to start again was deleted; the last Job of each run is there for people.
  expect([...found].filter((name) => !ended.some((each) => jobsOf(each).includes(name)))).toEqual([]);
  expect(ended.filter(({ run, attempt }) => !found.has(jobName(run, attempt)))).toEqual([]);
  console.log(
    `100 runs, ${causes.flat().length} attempts; Karpenter interrupted ${early.filter((cause) => cause === "interrupted").length}, and deleted ${early.filter((cause) => cause === "never-started").length} pods before they began`,
  );
}, 420_000);
