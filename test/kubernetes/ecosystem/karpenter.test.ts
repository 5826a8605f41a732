import { afterAll, beforeAll, expect, test } from "vitest";
import { jobName } from "../../../lib/dispatch/job/names.ts";
import type { RecordView } from "../../../lib/wire/run-view.ts";
import { until } from "../plane.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import type { World } from "./world.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
  await startKarpenter(fleet.world);
});
afterAll(() => fleet.stop());

/** A real Karpenter, which makes the nodes of kwok and takes them away. */
async function startKarpenter(world: World): Promise<void> {
  for (const each of world.manifests("karpenter")) await world.apply(each);
  await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "karpenter" } });
  const nodeClass = { apiVersion: "karpenter.kwok.sh/v1alpha1", kind: "KWOKNodeClass", metadata: { name: "default" } };
  await world.apply(nodeClass);
  // In production the provider's own controller finds that. The one for kwok has none.
  const lastTransitionTime = new Date().toISOString();
  const ready = { type: "Ready", status: "True", reason: "Ready", message: "", lastTransitionTime };
  await world.say(nodeClass, { conditions: [ready] });
  world.start("karpenter", [], {
    SYSTEM_NAMESPACE: "karpenter",
    DISABLE_LEADER_ELECTION: "true",
    METRICS_PORT: "18080",
    HEALTH_PROBE_PORT: "18081",
    KUBERNETES_MIN_VERSION: "1.19.0-0",
  });
}

/** Nodes of Karpenter. It makes up hundreds of instance types. */
async function offer(expireAfter: string, version: string): Promise<void> {
  const is = (key: string, ...values: readonly string[]): object => ({ key, operator: "In", values });
  await fleet.world.apply({
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

/** Work that takes so many seconds on a node that stays. */
const workOf = (seconds: number): object => ({
  metadata: { annotations: { "played/work": `${seconds}s` } },
  spec: {
    nodeSelector: { pool: "batch" },
    containers: [{ name: "work", image: "x", resources: { requests: { cpu: "500m" } } }],
  },
});

test("a hundred runs survive nodes that expire and drift, each with one pod at a time", async () => {
  const runs = Array.from({ length: 100 }, (_, index) => ({ run: `fleet-${index}`, seconds: 5 + (index % 5) * 10 }));
  await offer("25s", "1");
  for (const { run, seconds } of runs) await fleet.register(run, workOf(seconds));
  const isLong = (index: number): boolean => (runs[index]?.seconds ?? 0) >= 35;
  await until(
    "no node stays long enough for the longest work",
    async () => (await fleet.look()).every(({ attempt }, index) => !isLong(index) || attempt > 1),
    150,
  );
  await offer("Never", "2"); // nodes that stay, and those that are there drift
  const ended = await until(
    "all runs have ended",
    async () => {
      const all = await fleet.look();
      return all.every(({ state }) => state === "ended") ? all : undefined;
    },
    240,
  );
  expect([...fleet.doubled]).toEqual([]);
  const causes = ended.map(({ attempts }) => attempts.map(({ cause }) => cause));
  expect(ended.map(({ outcome }) => outcome)).toEqual(runs.map(() => "succeeded"));
  // A pod that is deleted before it begins leaves nothing but a Job without a pod.
  const early = causes.flatMap((each) => each.slice(0, -1));
  expect(early.filter((cause) => cause !== "interrupted" && cause !== "never-started")).toEqual([]);
  const jobsOf = ({ run, attempt }: RecordView): readonly string[] =>
    Array.from({ length: attempt }, (_, index) => jobName(run, index + 1));
  const found = await fleet.jobs();
  // What a controller was about to start again was deleted; the last Job of each run is there for people.
  expect([...found].filter((name) => !ended.some((each) => jobsOf(each).includes(name)))).toEqual([]);
  expect(ended.filter(({ run, attempt }) => !found.has(jobName(run, attempt)))).toEqual([]);
  console.log(
    `100 runs, ${causes.flat().length} attempts; Karpenter interrupted ${early.filter((cause) => cause === "interrupted").length}, and deleted ${early.filter((cause) => cause === "never-started").length} pods before they began`,
  );
}, 420_000);
