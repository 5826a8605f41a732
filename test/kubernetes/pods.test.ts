import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jobName } from "../../lib/dispatch/job/names.ts";
import type { RecordView } from "../../lib/wire/run-view.ts";
import { type Embedded, startEmbedded } from "./embedded.ts";
import { IMAGES, type Node, startNode, TOOLS } from "./node.ts";
import { type Plane, startPlane, until } from "./plane.ts";

const PODS = "/api/v1/namespaces/default/pods";
/** Far above what any end may take: if an attempt waited for its lease, its test would fail. */
const LEASE_SECONDS = 600;

type Pod = {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly phase: string };
};

describe.skipIf(TOOLS === undefined)("real pods on real nodes", () => {
  let plane: Plane;
  let first: Node;
  let lastbeat: Embedded;
  beforeAll(async () => {
    plane = await startPlane();
    first = await startNode(plane);
    lastbeat = await startEmbedded(plane.kubeconfig, "--agent-image", IMAGES.agent);
  });
  afterAll(async () => {
    await lastbeat.stop();
    await first.stop();
    await plane.stop();
  });

  const record = (run: string): Promise<RecordView> => lastbeat.record(run);
  const pods = async (run: string, attempt: number): Promise<readonly Pod[]> =>
    (
      (await plane.call({ path: PODS, query: { labelSelector: `job-name=${jobName(run, attempt)}` } })) as {
        items: readonly Pod[];
      }
    ).items;

  /** Registers a run whose Jobs run this command under the agent. */
  const register = (
    run: string,
    script: string,
    more: object = {},
    pod: object = {},
    leaseSeconds = LEASE_SECONDS,
  ): Promise<void> => {
    const work = {
      name: "work",
      image: IMAGES.work,
      imagePullPolicy: "Never",
      command: ["sh", "-c", script],
    };
    const template = { spec: { hostNetwork: true, containers: [work], ...pod } };
    const target = { kind: "job", cluster: "test", template, ...more };
    return lastbeat.register(run, {
      start: "dispatch",
      leaseSeconds,
      backoff: { baseSeconds: 0 },
      target,
    });
  };
  const runsAs = (run: string, attempt: number): Promise<RecordView> =>
    until(`attempt ${attempt} of ${run} runs`, async () => {
      const seen = await record(run);
      if (seen.state === "ended") throw new Error(`${run} has ended: ${JSON.stringify(seen)}`);
      return seen.state === "running" && seen.attempt === attempt ? seen : undefined;
    });
  const ended = (run: string): Promise<RecordView> =>
    until(`${run} ends`, async () => {
      const seen = await record(run);
      return seen.state === "ended" ? seen : undefined;
    });
  /** Runs long enough for every story, unless it is the second attempt. */
  const SECOND_SUCCEEDS = 'if [ "$LASTBEAT_ATTEMPT" = 2 ]; then exit 0; fi; trap "exit 143" TERM; sleep 600 & wait';

  test("succeed under the agent that an init container brings", async () => {
    await register("works", "echo it works; exit 0");
    expect(await ended("works")).toMatchObject({
      outcome: "succeeded",
      attempts: [{ cause: "succeeded", holder: { namespace: "default" } }],
    });
  });

  test("that are evicted are started again, once, long before their lease is over", async () => {
    await register("evicted", SECOND_SUCCEEDS);
    await runsAs("evicted", 1);
    const [pod] = await pods("evicted", 1);
    const began = Date.now();
    const eviction = {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: pod?.metadata.name, namespace: "default" },
    };
    await plane.call({ method: "POST", path: `${PODS}/${pod?.metadata.name}/eviction`, body: eviction });
    const seen = await ended("evicted");
    console.log(`evicted: the successor had ended ${((Date.now() - began) / 1000).toFixed(1)} s after the eviction`);
    expect(seen).toMatchObject({ outcome: "succeeded", attempts: [{ cause: "interrupted" }, { cause: "succeeded" }] });
    expect(await pods("evicted", 2)).toHaveLength(1);
  });

  test.each([120, 600])(
    "whose processes are all killed are found by the cluster, with a lease of %i s",
    async (lease) => {
      const run = `killed-${lease}`;
      await register(run, SECOND_SUCCEEDS, {}, {}, lease);
      await runsAs(run, 1);
      const [pod] = await pods(run, 1);
      const began = Date.now();
      first.killPod(pod?.metadata.uid ?? "");
      const seen = await ended(run);
      const seconds = (Date.now() - began) / 1000;
      console.log(
        `killed: the successor had ended ${seconds.toFixed(1)} s after the death, with a lease of ${lease} s`,
      );
      expect(seen).toMatchObject({ outcome: "succeeded", attempts: [{ cause: "lost" }, { cause: "succeeded" }] });
      expect(seconds).toBeLessThan(20);
    },
  );

  test("need no agent: their life is the heartbeat, and a successor waits until they are over", async () => {
    await register("alone", 'trap "sleep 2; exit 143" TERM; sleep 600 & wait', { agent: "none" }, {}, 40);
    await runsAs("alone", 1);
    const [pod] = await pods("alone", 1);
    const began = Date.now();
    await plane.call({ method: "DELETE", path: `${PODS}/${pod?.metadata.name}` });
    await runsAs("alone", 2);
    console.log(`alone: the successor ran ${((Date.now() - began) / 1000).toFixed(1)} s after the deletion`);
    expect((await record("alone")).attempts).toMatchObject([{ cause: "interrupted" }, {}]);
    const [next] = await pods("alone", 2);
    first.killPod(next?.metadata.uid ?? "");
    const { attempts } = await runsAs("alone", 3);
    expect(attempts).toMatchObject([{ cause: "interrupted" }, { cause: "lost" }, {}]);
    await lastbeat.call("POST", "/v1/runs/alone/cancel", { reason: "enough" });
    await until("the pod of a canceled run is stopped", async () => (await pods("alone", 3)).length === 0);
  });

  test("that succeed without an agent are a success", async () => {
    await register("quick", "exit 0", { agent: "none" });
    expect(await ended("quick")).toMatchObject({ outcome: "succeeded", attempts: [{ cause: "succeeded" }] });
  });

  test("whose start fails are given up at once, with the reason", async () => {
    const bad = {
      initContainers: [
        { name: "unpack", image: IMAGES.work, imagePullPolicy: "Never", command: ["sh", "-c", "exit 9"] },
      ],
    };
    await register("unstartable", "exit 0", {}, bad);
    expect(await ended("unstartable")).toMatchObject({ outcome: "failed", attempts: [{ cause: "unstartable" }] });
  });

  test("whose image is not there are given up after two minutes, and nothing of them is left", async () => {
    const initContainers = [{ name: "unpack", image: "nowhere/nothing:1", imagePullPolicy: "Never" }];
    await register("no-image", "exit 0", {}, { initContainers });
    const look = async () => ((await record("no-image")).attempt === 2 ? record("no-image") : undefined);
    const seen = await until("the next attempt is due", look, 170);
    expect(seen.attempts[0]).toMatchObject({ cause: "never-started", charged: "starts" });
    await until("its pod is gone", async () => (await pods("no-image", 1)).length === 0);
    await lastbeat.call("POST", "/v1/runs/no-image/cancel", {});
  }, 240_000);

  test("whose Job is deleted by hand are started again", async () => {
    await register("deleted", SECOND_SUCCEEDS);
    await runsAs("deleted", 1);
    const path = `/apis/batch/v1/namespaces/default/jobs/${jobName("deleted", 1)}`;
    await plane.call({ method: "DELETE", path, body: { propagationPolicy: "Background" } });
    const seen = await ended("deleted");
    expect(seen).toMatchObject({ outcome: "succeeded", attempts: [{ cause: "interrupted" }, { cause: "succeeded" }] });
  });

  test("that have the ticket of another never start their command", async () => {
    await register("twice", SECOND_SUCCEEDS, {}, {}, 60); // it hears of its cancellation with a beat
    const { attempts } = await runsAs("twice", 1);
    const path = `/apis/batch/v1/namespaces/default/jobs`;
    const job = (await plane.call({ path: `${path}/${jobName("twice", 1)}` })) as {
      spec: { template: { metadata: object; spec: object } };
    };
    const { spec } = job.spec.template;
    const labels = { "lastbeat.dev/run": "twice" };
    const copy = { backoffLimit: 0, template: { metadata: { labels }, spec } };
    await plane.call({
      method: "POST",
      path,
      body: { apiVersion: "batch/v1", kind: "Job", metadata: { name: "second" }, spec: copy },
    });
    await until("the second pod has ended", async () => {
      const found = (await plane.call({ path: PODS, query: { labelSelector: "job-name=second" } })) as {
        items: readonly Pod[];
      };
      return found.items[0]?.status.phase === "Failed";
    });
    await new Promise((resolve) => setTimeout(resolve, 11_000)); // two looks at the cluster
    const seen = await record("twice");
    expect(seen).toMatchObject({ state: "running", attempt: 1 });
    const second = [{ kind: "second-start", note: expect.stringContaining("pod second-") }];
    expect(seen.attempts).toMatchObject([{ holder: attempts[0]?.holder, evidence: second }]);
    await lastbeat.call("POST", "/v1/runs/twice/cancel", {});
    expect(await ended("twice")).toMatchObject({ outcome: "canceled" });
  });

  test("run beside a sidecar that keeps their attempt, and their image and command stay as they are", async () => {
    const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
    const group = "rbac.authorization.k8s.io";
    await plane.call({ method: "POST", path: `${rbac}/roles`, body: { metadata: { name: "reads-pods" }, rules } });
    const subjects = [{ kind: "ServiceAccount", name: "default", namespace: "default" }];
    const roleRef = { apiGroup: group, kind: "Role", name: "reads-pods" };
    await plane.call({
      method: "POST",
      path: `${rbac}/rolebindings`,
      body: { metadata: { name: "reads-pods" }, subjects, roleRef },
    });
    // There is no kube-proxy here, so the address of the API server in every pod leads nowhere.
    const { port } = new URL(plane.address);
    const env = [
      { name: "KUBERNETES_SERVICE_HOST", value: "127.0.0.1" },
      { name: "KUBERNETES_SERVICE_PORT", value: port },
    ];
    await register("beside", "exit 7", { agent: "sidecar" }, { initContainers: [{ name: "lastbeat", env }] });
    expect(await ended("beside")).toMatchObject({ outcome: "failed", attempts: [{ cause: "crashed", exitCode: 7 }] });
  });

  test("that run out of memory are told apart, and get the next size", async () => {
    const sizes = [{ memory: "48Mi" }, { memory: "128Mi" }];
    await register("hungry", 'if [ "$LASTBEAT_ATTEMPT" = 2 ]; then exit 0; fi; tail /dev/zero', { sizes });
    const seen = await ended("hungry");
    expect(seen).toMatchObject({
      outcome: "succeeded",
      attempts: [{ cause: "out-of-memory" }, { cause: "succeeded" }],
    });
  });

  test("whose kubelet is dead run on, and nothing runs twice; whose machine is lost come back when their lease is over", async () => {
    const other = await startNode(plane, { pool: "other" });
    try {
      const nodeSelector = { pool: "other" };
      const work = {
        name: "work",
        image: IMAGES.work,
        imagePullPolicy: "Never",
        command: ["sh", "-c", SECOND_SUCCEEDS],
      };
      const template = { spec: { hostNetwork: true, nodeSelector, containers: [work] } };
      const target = { kind: "job", cluster: "test", template };
      await lastbeat.register("cut-off", {
        start: "dispatch",
        leaseSeconds: 40,
        backoff: { baseSeconds: 0 },
        target,
      });
      await runsAs("cut-off", 1);
      await other.cutOff();
      await until("the node counts as silent", async () => {
        const node = (await plane.call({ path: `/api/v1/nodes/${other.name}` })) as {
          status: { conditions: readonly { type: string; status: string }[] };
        };
        return node.status.conditions.some(({ type, status }) => type === "Ready" && status === "Unknown");
      });
      await new Promise((resolve) => setTimeout(resolve, 45_000)); // longer than the lease
      expect(await record("cut-off")).toMatchObject({ state: "running", attempt: 1 });
      const began = Date.now();
      await other.crash();
      await plane.call({ method: "DELETE", path: `/api/v1/nodes/${other.name}` });
      const announced = await until("its successor is announced", async () => {
        const seen = await record("cut-off");
        return seen.attempt === 2 ? seen : undefined;
      });
      console.log(`lost: declared ${((Date.now() - began) / 1000).toFixed(1)} s after the crash, with a lease of 40 s`);
      expect(announced.attempts[0]).toMatchObject({ cause: expect.stringMatching(/^(lost|interrupted)$/) });
    } finally {
      await other.stop();
    }
  });
});
