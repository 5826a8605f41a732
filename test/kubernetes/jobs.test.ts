import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubernetesCluster } from "../../lib/adapters/kubernetes/cluster.ts";
import { missing } from "../../lib/adapters/kubernetes/examine.ts";
import { kubernetesJobs } from "../../lib/adapters/kubernetes/jobs.ts";
import { Refused } from "../../lib/ports/dispatch.ts";
import { playedJobs } from "../dispatch/played.ts";
import { describeStarter } from "../dispatch/starter-suite.ts";
import { type Plane, startPlane, until } from "./plane.ts";

let plane: Plane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane.stop());

type Named = { readonly metadata: { readonly name: string; readonly uid: string } };
const list = async (path: string, query = {}): Promise<readonly Named[]> =>
  ((await plane.call({ path, query })) as { items: readonly Named[] }).items;

/** There is no kubelet here: the test writes what one would write. */
async function setPhase(job: string, phase: string): Promise<void> {
  const pods = "/api/v1/namespaces/default/pods";
  const pod = await until(`the pod of ${job}`, async () => (await list(pods, { labelSelector: `job-name=${job}` }))[0]);
  await plane.call({ method: "PATCH", path: `${pods}/${pod.metadata.name}/status`, body: { status: { phase } } });
}

describeStarter(
  "Jobs of a cluster, over a real API server",
  async () =>
    playedJobs(kubernetesJobs(plane.rest), {
      runs: (job) => setPhase(job, "Running"),
      ends: (job) => setPhase(job, "Failed"),
    }),
  10_000,
);

/** The rules of the ClusterRole that docs/kubernetes.md asks people to make. */
const RULES = [
  ...readFileSync(new URL("../../docs/kubernetes.md", import.meta.url), "utf8").matchAll(
    /- \{ apiGroups: \[(.*?)\], resources: \[(.*?)\], verbs: \[(.*?)\] \}/g,
  ),
].map(([, groups = "", resources = "", verbs = ""]) => ({
  apiGroups: [groups.replaceAll('"', "")],
  resources: resources.split(", "),
  verbs: verbs.split(", "),
}));

describe("the ClusterRole of the guide", () => {
  const mayDo = async (verb: string, resource: string, group = ""): Promise<boolean> => {
    const spec = {
      groups: ["lastbeat"],
      user: "arn",
      resourceAttributes: { namespace: "default", verb, resource, group },
    };
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const review = await plane.call({ method: "POST", path, body: { spec } });
    return (review as { status: { allowed: boolean } }).status.allowed;
  };

  test("allows what is done, and no more", async () => {
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    expect(RULES.length).toBeGreaterThan(3);
    await plane.call({
      method: "POST",
      path: `${rbac}/clusterroles`,
      body: { metadata: { name: "lastbeat" }, rules: RULES },
    });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "lastbeat" };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "lastbeat" }];
    await plane.call({
      method: "POST",
      path: `${rbac}/clusterrolebindings`,
      body: { metadata: { name: "lastbeat" }, roleRef, subjects },
    });
    expect(await missing(plane.rest, "strangers")).toHaveLength(9);
    await until("the role is in force", async () => (await missing(plane.rest, "lastbeat")).length === 0);
    for (const verb of ["get", "list", "delete"]) expect(await mayDo(verb, "secrets")).toBe(false);
    for (const verb of ["create", "delete"]) expect(await mayDo(verb, "pods")).toBe(false);
  });
});

describe("a real API server", () => {
  test("tells what was said of a pod, by its uid", async () => {
    const made = (await plane.call({
      method: "POST",
      path: "/api/v1/namespaces/default/pods",
      body: { metadata: { name: "talked-of" }, spec: { containers: [{ name: "work", image: "x" }] } },
    })) as { readonly metadata: { readonly uid: string } };
    const { uid } = made.metadata;
    const said = (name: string, of: string): Promise<unknown> =>
      plane.call({
        method: "POST",
        path: "/api/v1/namespaces/default/events",
        body: {
          metadata: { name },
          involvedObject: { kind: "Pod", name: "talked-of", namespace: "default", uid: of },
          reason: "TaintManagerEviction",
          message: "Marking for deletion",
          type: "Normal",
        },
      });
    await said("about-it", uid);
    await said("about-one-of-that-name", "11111111-2222-4333-8444-555555555555");
    const cluster = kubernetesCluster("test", plane.rest);
    const pod = await cluster.pod("default", "talked-of");
    if (pod === undefined) throw new Error("the pod is not there");
    const { events, members } = await cluster.around(pod);
    expect(members).toEqual([]);
    // The scheduler may have said that it finds no node.
    expect(events.filter(({ reason }) => reason === "TaintManagerEviction")).toHaveLength(1);
  });

  test("refuses for good what is not valid, what is not allowed, and what has no namespace", async () => {
    const jobs = kubernetesJobs(plane.rest);
    const job = (namespace: string, template: object) => ({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "odd", namespace },
      spec: { template },
    });
    await expect(jobs.create(job("default", { spec: { restartPolicy: "Always" } }))).rejects.toThrow(Refused);
    const valid = { spec: { restartPolicy: "Never", containers: [{ name: "work", image: "x" }] } };
    await expect(jobs.create(job("nowhere", valid))).rejects.toThrow(/nowhere.*not found/);
  });

  test("lists the pods of ours that have ended, and no others, over pages", async () => {
    const pods = "/api/v1/namespaces/default/pods";
    const made = Array.from({ length: 12 }, (_, index) => `ended-${index}`);
    for (const name of made) {
      const labels = { "lastbeat.dev/run": "etl" };
      const body = { metadata: { name, labels }, spec: { containers: [{ name: "work", image: "x" }] } };
      await plane.call({ method: "POST", path: pods, body: { apiVersion: "v1", kind: "Pod", ...body } });
    }
    const cluster = kubernetesCluster("test", plane.rest, "lastbeat.dev/run=etl");
    expect(await cluster.endedPods()).toEqual([]);
    for (const [index, name] of made.entries()) {
      const phase = index % 3 === 0 ? "Running" : index % 3 === 1 ? "Failed" : "Succeeded";
      await plane.call({ method: "PATCH", path: `${pods}/${name}/status`, body: { status: { phase } } });
    }
    const before = { ...plane.rest.traffic };
    expect((await cluster.endedPods()).map(({ name }) => name).sort()).toEqual(
      made.filter((_, index) => index % 3 !== 0).sort(),
    );
    expect(plane.rest.traffic.calls - before.calls).toBe(1);
  });

  test("knows a node, and one that is not there", async () => {
    const cluster = kubernetesCluster("test", plane.rest);
    await plane.call({
      method: "POST",
      path: "/api/v1/nodes",
      body: {
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: "n1" },
        spec: { providerID: "aws:///us-east-1a/i-0abc" },
      },
    });
    expect(await cluster.node("n1")).toMatchObject({ name: "n1", instance: "i-0abc", exists: true });
    expect(await cluster.node("n2")).toBeUndefined();
  });
});
