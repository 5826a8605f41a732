import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../plane.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { certificateIn, type Made, type World } from "./world.ts";

const NAMESPACE = "batch";
/** Kueue looks for the certificate of its metrics there, and nowhere else. scripts/ecosystem.sh gives us an /etc of our own. */
const METRICS_CERTIFICATE = "/etc/kueue/metrics/certs";
const PORT = 9443;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
  await startKueue(fleet.world);
  for (const each of QUEUE) await fleet.world.apply(each);
}, 180_000);
afterAll(() => fleet.stop());

type Webhook = { readonly clientConfig: { readonly service: { readonly path: string } } };

/** Its webhooks, on this machine, and for Jobs of one namespace alone. */
function webhooksOf(world: World, caBundle: string): readonly Made[] {
  return world.manifests("kueue-webhooks").map((each) => ({
    ...each,
    webhooks: (each["webhooks"] as readonly Webhook[]).map(({ clientConfig, ...webhook }) => {
      const { path } = clientConfig.service;
      const isOwn = path.includes("kueue-x-k8s-io");
      return {
        ...webhook,
        clientConfig: { url: `https://127.0.0.1:${PORT}${path}`, caBundle },
        ...(!isOwn && { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": NAMESPACE } } }),
      };
    }),
  }));
}

/** A real Kueue, which suspends and resumes Jobs. */
async function startKueue(world: World): Promise<void> {
  for (const each of world.manifests("kueue")) await world.apply(each);
  await world.served("kueue.x-k8s.io/v1beta2", "Workload"); // Kueue gives up without it
  for (const name of ["kueue-system", NAMESPACE])
    await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const certificates = join(world.plane.folder, "kueue-certificates");
  const authority = await certificateIn(certificates);
  await certificateIn(METRICS_CERTIFICATE);
  const config = join(world.plane.folder, "kueue.json");
  const settings = {
    apiVersion: "config.kueue.x-k8s.io/v1beta2",
    kind: "Configuration",
    namespace: "kueue-system",
    health: { healthProbeBindAddress: "127.0.0.1:8081" },
    metrics: { bindAddress: "127.0.0.1:8080" },
    webhook: { host: "127.0.0.1", port: PORT, certDir: certificates },
    leaderElection: { leaderElect: false },
    internalCertManagement: { enable: false },
    clientConnection: { qps: 500, burst: 1000 },
    integrations: { frameworks: ["batch/job"] },
  };
  writeFileSync(config, JSON.stringify(settings));
  world.start("kueue", ["--config", config, "--feature-gates=VisibilityOnDemand=false"]);
  for (const each of webhooksOf(world, authority)) await world.apply(each);
  await until("Kueue and its webhooks answer", () =>
    fetch("http://127.0.0.1:8081/readyz").then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}

const kueue = (kind: string, name: string, more: object, namespace?: string): Made => ({
  apiVersion: "kueue.x-k8s.io/v1beta2",
  kind,
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  ...more,
});

/** Four cores for all, and what is urgent takes them from what is not. */
const QUEUE: readonly Made[] = [
  {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: "n1",
      annotations: { "kwok.x-k8s.io/node": "fake" },
      labels: { "kubernetes.io/hostname": "n1" },
    } as Made["metadata"],
    status: {
      capacity: { cpu: "64", memory: "256Gi", pods: "110" },
      allocatable: { cpu: "64", memory: "256Gi", pods: "110" },
    },
  },
  kueue("ResourceFlavor", "default", {}),
  kueue("ClusterQueue", "cores", {
    spec: {
      namespaceSelector: {},
      preemption: { withinClusterQueue: "LowerPriority" },
      resourceGroups: [
        { coveredResources: ["cpu"], flavors: [{ name: "default", resources: [{ name: "cpu", nominalQuota: 4 }] }] },
      ],
    },
  }),
  kueue("LocalQueue", "team", { spec: { clusterQueue: "cores" } }, NAMESPACE),
  kueue("WorkloadPriorityClass", "patient", { value: 100 }),
  kueue("WorkloadPriorityClass", "urgent", { value: 1000 }),
];

/** A Job for the queue that takes so many cores, for so many seconds. */
const jobOf = (cpu: number, seconds: number, priority: string): object => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { labels: { "kueue.x-k8s.io/queue-name": "team", "kueue.x-k8s.io/priority-class": priority } },
  spec: {
    template: {
      metadata: { annotations: { "played/work": `${seconds}s`, "played/stop": "2s" } },
      spec: { containers: [{ name: "work", image: "x", resources: { requests: { cpu: String(cpu) } } }] },
    },
  },
});

const URGENT = ["urgent-0", "urgent-1"];
const PATIENT = Array.from({ length: 8 }, (_, index) => `patient-${index}`);

test("runs in a queue wait for their turn, are suspended for urgent ones, and end all the same, each with one pod at a time", async () => {
  for (const run of PATIENT) await fleet.register(run, jobOf(1, 20, "patient"), NAMESPACE);
  await until("four of eight have a turn", async () => {
    const states = (await fleet.look()).map(({ state }) => state);
    return states.filter((state) => state === "running").length === 4;
  });
  for (const run of URGENT) await fleet.register(run, jobOf(2, 10, "urgent"), NAMESPACE);
  const ended = await until(
    "all runs have ended",
    async () => {
      const all = await fleet.look();
      return all.every(({ state }) => state === "ended") ? all : undefined;
    },
    300,
  );
  expect([...fleet.doubled]).toEqual([]);
  expect(ended.map(({ run, outcome }) => [run, outcome])).toEqual(
    [...PATIENT, ...URGENT].map((run) => [run, "succeeded"]),
  );
  const causes = ended.map(({ attempts }) => attempts.map(({ cause }) => cause));
  const early = causes.flatMap((each) => each.slice(0, -1));
  // A suspended Job waits for as long as it takes: nothing is charged for that.
  expect(new Set(early)).toEqual(new Set(["interrupted"]));
  expect(causes.slice(PATIENT.length)).toEqual(URGENT.map(() => ["succeeded"]));
  console.log(`${ended.length} runs, ${causes.flat().length} attempts; Kueue suspended ${early.length}`);
}, 420_000);
