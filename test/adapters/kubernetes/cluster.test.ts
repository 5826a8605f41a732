import { afterEach, describe, expect, test } from "vitest";
import { kubernetesCluster } from "../../../lib/adapters/kubernetes/cluster.ts";
import { type Rest, restClient } from "../../../lib/adapters/kubernetes/rest.ts";
import { readPod } from "../../../lib/evidence/kubernetes/pod.ts";
import type { Cluster, SeenPod } from "../../../lib/ports/clusters.ts";
import { apiServer, type StandIn } from "./server.ts";

const pod = (uid: string): object => ({
  metadata: { uid, namespace: "default", name: `pod-${uid}`, labels: { "lastbeat.dev/run": "etl" } },
  spec: { nodeName: "n1", containers: [{ name: "work" }] },
  status: { phase: "Failed" },
});

let open: { readonly standIn: StandIn; readonly rest: Rest } | undefined;
afterEach(async () => {
  open?.rest.close();
  await open?.standIn.stop();
  open = undefined;
});

type Answers = Parameters<typeof apiServer>[0];

async function clusterOf(answer: Answers): Promise<{ cluster: Cluster; standIn: StandIn; rest: Rest }> {
  const standIn = await apiServer(answer);
  const rest = restClient(standIn.connection);
  open = { standIn, rest };
  return { cluster: kubernetesCluster("test", rest), standIn, rest };
}

describe("a cluster behind its API server", () => {
  test("lists the pods of ours that run no more, page by page", async () => {
    const { cluster, standIn, rest } = await clusterOf((_, url) =>
      url.searchParams.get("continue") === "next"
        ? { body: { items: [pod("b")] } }
        : { body: { metadata: { continue: "next" }, items: [pod("a")] } },
    );
    expect((await cluster.endedPods()).map(({ uid }) => uid)).toEqual(["a", "b"]);
    const query = "labelSelector=lastbeat.dev/run&fieldSelector=status.phase!=Running,status.phase!=Pending&limit=500";
    expect(standIn.asked).toEqual([`/api/v1/pods?${query}`, `/api/v1/pods?${query}&continue=next`]);
    expect(rest.traffic).toMatchObject({ calls: 2 });
    expect(rest.traffic.bytes).toBeGreaterThan(0);
  });

  test("lists the pods that run without an agent by their metadata", async () => {
    const labels = { "lastbeat.dev/run": "etl", "lastbeat.dev/agent": "none" };
    const ownerReferences = [{ kind: "Job", name: "lb-etl", uid: "job-uid" }];
    let accepted = "";
    const { cluster, standIn } = await clusterOf((request) => {
      accepted = String(request.headers.accept);
      const named = { uid: "a", namespace: "ml", name: "pod-a", labels, ownerReferences };
      return {
        body: {
          items: [
            { metadata: named },
            { metadata: { name: "x" } },
            { metadata: { ...named, uid: "b", ownerReferences: [] } },
          ],
        },
      };
    });
    const known = { namespace: "ml", name: "pod-a", labels, annotations: {} };
    expect(await cluster.runningPods()).toEqual([
      { ...known, uid: "a", job: { name: "lb-etl", uid: "job-uid" } },
      { ...known, uid: "b" },
    ]);
    expect(accepted).toContain("as=PartialObjectMetadataList");
    const selectors = "labelSelector=lastbeat.dev/run,lastbeat.dev/agent=none&fieldSelector=status.phase=Running";
    expect(standIn.asked).toEqual([`/api/v1/pods?${selectors}&limit=500`]);
  });

  describe("around a pod", () => {
    const labels = { "lastbeat.dev/run": "etl", "jobset.sigs.k8s.io/jobset-name": "train" };
    const seen: SeenPod = {
      uid: "a",
      namespace: "ml",
      name: "pod-a",
      job: { name: "lb-etl", uid: "job-uid" },
      facts: readPod({ kind: "Pod", metadata: { labels } }),
    };
    const job = (uid: string) => ({ kind: "Job", metadata: { uid }, spec: { suspend: true } });

    test("finds its events, its Job, and the other pods of its gang", async () => {
      const { cluster, standIn } = await clusterOf((_, { pathname }) => {
        if (pathname.endsWith("/events")) return { body: { items: [{ reason: "Preempted", message: "by another" }] } };
        return pathname.includes("/jobs/") ? { body: job("job-uid") } : { body: { items: [pod("a"), pod("b")] } };
      });
      const found = await cluster.around(seen);
      expect(found).toMatchObject({ events: [{ reason: "Preempted" }], owner: { isSuspended: true } });
      expect(found.members).toHaveLength(1);
      expect(standIn.asked).toEqual([
        "/api/v1/namespaces/ml/events?fieldSelector=involvedObject.uid=a&limit=100",
        "/apis/batch/v1/namespaces/ml/jobs/lb-etl",
        "/api/v1/namespaces/ml/pods?labelSelector=jobset.sigs.k8s.io/jobset-name=train&limit=500",
      ]);
    });

    test("leaves out what it may not see, and a Job that has only the same name", async () => {
      const { cluster } = await clusterOf((_, { pathname }) =>
        pathname.includes("/jobs/") ? { body: job("another") } : { status: 403, body: { message: "forbidden" } },
      );
      expect(await cluster.around(seen)).toEqual({ events: [], members: [] });
    });

    test("is unknown if the cluster does not answer", async () => {
      const { cluster } = await clusterOf(() => ({ status: 500, body: {} }));
      await expect(cluster.around(seen)).rejects.toThrow("500");
    });
  });

  test("knows a pod by its name, and one that is not there", async () => {
    const { cluster } = await clusterOf((_, url) =>
      url.pathname.endsWith("/pod-a") ? { body: pod("a") } : { status: 404 },
    );
    expect(await cluster.pod("default", "pod-a")).toMatchObject({ uid: "a", node: "n1" });
    expect(await cluster.pod("default", "pod-b")).toBeUndefined();
  });

  test("has a pod end by its Job, if Lastbeat has made that, and it is still the same one", async () => {
    const { cluster, standIn } = await clusterOf((_, __, body) =>
      body.includes('"uid":"job-uid"') ? {} : { status: 409 },
    );
    const ours = {
      uid: "a",
      namespace: "ml",
      name: "pod-a",
      annotations: {},
      labels: { "app.kubernetes.io/managed-by": "lastbeat" },
    };
    expect(await cluster.stop({ ...ours, job: { name: "lb-etl", uid: "job-uid" } })).toBe(true);
    expect(await cluster.stop({ ...ours, job: { name: "lb-etl", uid: "another" } })).toBe(true);
    expect(standIn.asked).toEqual(Array(2).fill("/apis/batch/v1/namespaces/ml/jobs/lb-etl"));
    expect(await cluster.stop(ours)).toBe(false);
    expect(await cluster.stop({ ...ours, labels: {}, job: { name: "theirs", uid: "u" } })).toBe(false);
  });

  test("says of a pod what it is, and where it stands", async () => {
    const { cluster } = await clusterOf(() => ({ body: { items: [pod("a")] } }));
    expect(await cluster.endedPods()).toMatchObject([
      { uid: "a", namespace: "default", name: "pod-a", node: "n1", facts: { phase: "Failed", declared: ["work"] } },
    ]);
  });

  test("leaves out a pod without a uid, which nothing could identify", async () => {
    const { cluster } = await clusterOf(() => ({ body: { items: [{ metadata: { name: "x" } }, pod("a")] } }));
    expect((await cluster.endedPods()).map(({ uid }) => uid)).toEqual(["a"]);
  });

  test("begins its list again when the server has forgotten where it was", async () => {
    let expired = 0;
    const { cluster } = await clusterOf((_, url) => {
      if (url.searchParams.get("continue") === null)
        return { body: { metadata: { ...(expired === 0 && { continue: "next" }) }, items: [pod("a")] } };
      expired += 1;
      return { status: 410, body: { message: "The provided continue parameter is too old", reason: "Expired" } };
    });
    expect((await cluster.endedPods()).map(({ uid }) => uid)).toEqual(["a"]);
    expect(expired).toBe(1);
  });

  test("knows a node, and one that is not there", async () => {
    const node = { metadata: { name: "n1" }, spec: { providerID: "aws:///us-east-1a/i-0abc" } };
    const { cluster } = await clusterOf((_, { pathname }) =>
      pathname === "/api/v1/nodes/n1" ? { body: node } : { status: 404, body: { message: "not found" } },
    );
    expect(await cluster.node("n1")).toMatchObject({ name: "n1", instance: "i-0abc", exists: true });
    expect(await cluster.node("n/2")).toBeUndefined();
  });

  test("asks once more with a new token when it is not known any more", async () => {
    const { cluster, standIn } = await clusterOf(({ headers }) =>
      headers.authorization === "Bearer token-2"
        ? { body: { items: [] } }
        : { status: 401, body: { message: "Unauthorized" } },
    );
    expect(await cluster.endedPods()).toEqual([]);
    expect(standIn.asked).toHaveLength(2);
  });

  test.each([
    ["that refuses", { status: 403, body: { message: "pods is forbidden", reason: "Forbidden" } }, "pods is forbidden"],
    ["that never knows us", { status: 401, body: { message: "Unauthorized" } }, "Unauthorized"],
    ["that is busy", { status: 429, body: {}, headers: { "retry-after": "3" } }, "answers 429"],
    ["that fails", { status: 500, text: "<html>" }, "no reason given"],
    ["that cuts the connection", { isCut: true as const }, "does not answer"],
    ["that sends something else", { text: "<html>" }, "not JSON"],
  ])("says what is wrong with a server %s", async (_, answer, says) => {
    const { cluster } = await clusterOf(() => answer);
    await expect(cluster.endedPods()).rejects.toThrow(says);
  });

  test("asks again when the server closes a connection that was kept open", async () => {
    let calls = 0;
    const { rest, standIn } = await clusterOf(() => {
      calls += 1;
      return calls === 2 ? { isCut: true } : {};
    });
    await rest.call({ path: "/one" });
    await rest.call({ path: "/two" });
    expect(standIn.asked).toEqual(["/one", "/two", "/two"]);
  });

  test("tells how long a busy server wants to be left alone", async () => {
    const { cluster } = await clusterOf(() => ({ status: 429, headers: { "retry-after": "3" } }));
    await expect(cluster.endedPods()).rejects.toMatchObject({ status: 429, retryAfter: 3000 });
  });
});
