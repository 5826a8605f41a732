import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JobTarget } from "../../lib/core/spec.ts";
import { jobOf, secretOf, wrongWith } from "../../lib/dispatch/job/manifest.ts";
import { jobName, runLabel } from "../../lib/dispatch/job/names.ts";
import type { Manifest } from "../../lib/dispatch/job/template.ts";
import type { Requeue } from "../../lib/ports/dispatch.ts";
import { requeueOf, TARGET } from "./announcements.ts";

const AGENT = { image: "lastbeat-agent:1", url: "https://lastbeat.example" };
const POD = {
  spec: { containers: [{ name: "work", image: "train:7", command: ["python"], args: ["train.py", "--epochs", "3"] }] },
};

const made = (template: Manifest, requeue: Requeue = requeueOf(2), target: Partial<JobTarget> = {}): Manifest => {
  const job = jobOf(template, requeue, { ...TARGET, ...target }, AGENT);
  if (job === undefined) throw new Error("there is no Job");
  return job;
};

/** The value at the end of a path such as `spec.template.spec.containers.0.command`. */
const at = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], value);

const CONTAINER = "spec.template.spec.containers.0";

describe("the Job of an attempt", () => {
  test("runs one pod, once, and its replacement would wait for its end", () => {
    expect(made(POD)).toMatchObject({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: jobName("etl", 2), namespace: "default" },
      spec: {
        backoffLimit: 0,
        completions: 1,
        parallelism: 1,
        podReplacementPolicy: "Failed",
        ttlSecondsAfterFinished: 3600,
        template: { spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 120 } },
      },
    });
  });

  test("names its attempt, and asks autoscalers to leave its pod alone", () => {
    const labels = {
      "lastbeat.dev/run": "etl",
      "lastbeat.dev/attempt": "2",
      "lastbeat.dev/fence": "1795348802",
      "app.kubernetes.io/managed-by": "lastbeat",
    };
    const job = made(POD);
    expect(at(job, "metadata.labels")).toEqual(labels);
    expect(at(job, "spec.template.metadata")).toEqual({
      labels,
      annotations: {
        "lastbeat.dev/run": "etl",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
        "kubectl.kubernetes.io/default-container": "work",
      },
    });
  });

  test("has nothing that an API server has added, and nothing by which Kubernetes would restart its pod", () => {
    const template = {
      kind: "Job",
      metadata: {
        name: "old",
        uid: "1",
        resourceVersion: "7",
        labels: { team: "ml", "controller-uid": "1" },
        managedFields: [],
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
      },
      spec: {
        backoffLimit: 6,
        suspend: true,
        selector: { matchLabels: { "controller-uid": "1" } },
        podFailurePolicy: { rules: [] },
        activeDeadlineSeconds: 100,
        template: {
          metadata: { labels: { "job-name": "old", app: "train" } },
          spec: { ...POD.spec, restartPolicy: "OnFailure", nodeName: "n1" },
        },
      },
      status: { failed: 1 },
    };
    const job = made(template);
    const text = JSON.stringify(job);
    for (const gone of [
      'uid":"1',
      "resourceVersion",
      "managedFields",
      "selector",
      "suspend",
      "podFailurePolicy",
      "OnFailure",
      "n1",
      "last-applied",
      "status",
    ])
      expect(text).not.toContain(gone);
    expect(job).toMatchObject({ metadata: { labels: { team: "ml" } }, spec: { activeDeadlineSeconds: 100 } });
    expect(at(job, "spec.template.metadata.labels.app")).toBe("train");
  });

  test("runs the command under the agent, which an init container brings", () => {
    const job = made(POD);
    expect(at(job, `${CONTAINER}.command`)).toEqual([
      "/lastbeat/lastbeat",
      "exec",
      "--ticket-file",
      "/var/run/secrets/lastbeat/ticket",
      "--",
      "python",
      "train.py",
      "--epochs",
      "3",
    ]);
    expect(at(job, `${CONTAINER}.args`)).toBeUndefined();
    expect(at(job, "spec.template.spec.initContainers")).toMatchObject([
      { image: "lastbeat-agent:1", args: ["install", "--to", "/lastbeat"] },
    ]);
    expect(at(job, `${CONTAINER}.env`)).toContainEqual({ name: "LASTBEAT_URL", value: "https://lastbeat.example" });
    expect(at(job, "spec.template.spec.volumes")).toContainEqual({
      name: "lastbeat-ticket",
      secret: { secretName: jobName("etl", 2), items: [{ key: "ticket", path: "ticket" }] },
    });
  });

  test("has the agent beside its container, whose command stays as it is", () => {
    const job = made(POD, requeueOf(2), { agent: "sidecar" });
    expect(at(job, CONTAINER)).toMatchObject({
      command: ["python"],
      args: ["train.py", "--epochs", "3"],
      livenessProbe: { httpGet: { path: "/live" } },
    });
    expect(at(job, "spec.template.spec.initContainers.0")).toMatchObject({
      restartPolicy: "Always",
      startupProbe: { httpGet: { path: "/started" } },
    });
  });

  test("adds to its own init container what the template says of one with that name", () => {
    const initContainers = [
      { name: "first", image: "x" },
      {
        name: "lastbeat",
        image: "mirror/agent:2",
        env: [{ name: "HTTPS_PROXY", value: "http://proxy" }],
        resources: { limits: { memory: "32Mi" } },
      },
    ];
    const job = made({ spec: { ...POD.spec, initContainers } }, requeueOf(2), { agent: "sidecar" });
    const [ours, ...others] = at(job, "spec.template.spec.initContainers") as readonly Manifest[];
    expect(ours).toMatchObject({
      image: "mirror/agent:2",
      restartPolicy: "Always",
      resources: { limits: { memory: "32Mi" } },
    });
    expect(ours?.["env"]).toContainEqual({ name: "HTTPS_PROXY", value: "http://proxy" });
    expect(ours?.["env"]).toContainEqual({ name: "LASTBEAT_URL", value: "https://lastbeat.example" });
    expect(others).toEqual([{ name: "first", image: "x" }]);
  });

  test("gives an image that has the agent its ticket, and changes nothing else", () => {
    const job = made(POD, requeueOf(2), { agent: "image" });
    expect(at(job, `${CONTAINER}.command`)).toEqual(["python"]);
    expect(at(job, "spec.template.spec.initContainers")).toBeUndefined();
    expect(at(job, `${CONTAINER}.env`)).toContainEqual({
      name: "LASTBEAT_TICKET",
      valueFrom: { secretKeyRef: { name: jobName("etl", 2), key: "ticket" } },
    });
  });

  test("keeps the longer grace of its template", () => {
    const job = made({ spec: { ...POD.spec, terminationGracePeriodSeconds: 600 } });
    expect(at(job, "spec.template.spec.terminationGracePeriodSeconds")).toBe(600);
  });

  test("without an agent is what its template says, with a label that tells the watch", () => {
    const job = made(POD, requeueOf(2), { agent: "none" });
    expect(at(job, "spec.template.spec")).toMatchObject({ containers: POD.spec.containers, restartPolicy: "Never" });
    expect(at(job, "spec.template.spec.volumes")).toBeUndefined();
    expect(at(job, "spec.template.metadata.labels")).toMatchObject({ "lastbeat.dev/agent": "none" });
    expect(wrongWith({ spec: { containers: [{ name: "work" }] } }, { agent: "none" })).toBeUndefined();
  });

  test("is none of a Job that Lastbeat has made, nor of its pod", () => {
    const job = made(POD);
    expect(wrongWith(job, TARGET)).toContain("belongs to an attempt already");
    expect(wrongWith(at(job, "spec.template") as Manifest, TARGET)).toContain("belongs to an attempt already");
    expect(wrongWith({ ...POD, metadata: { labels: { "lastbeat.dev/run": "etl" } } }, TARGET)).toBeUndefined();
  });

  test("stays until its end was seen, and as long as its template says beyond that", () => {
    const kept = (seconds: unknown): unknown =>
      at(made({ spec: { ttlSecondsAfterFinished: seconds, template: POD } }), "spec.ttlSecondsAfterFinished");
    expect([0, 300, 86_400, "soon"].map(kept)).toEqual([300, 300, 86_400, 3600]);
  });

  test("has no field of one pod alone", () => {
    const spec = { ...POD.spec, nodeName: "n", priority: 7, priorityClassName: "high", ephemeralContainers: [{}] };
    expect(at(made({ spec }), "spec.template.spec")).toMatchObject({ priorityClassName: "high" });
    for (const field of ["nodeName", "priority", "ephemeralContainers"])
      expect(at(made({ spec }), `spec.template.spec.${field}`)).toBeUndefined();
    expect(
      at(
        made({ spec: { ...spec, terminationGracePeriodSeconds: "long" } }),
        "spec.template.spec.terminationGracePeriodSeconds",
      ),
    ).toBe(120);
  });

  test("gives the agent's container requests and limits, unless the template does", () => {
    const amounts = { cpu: "50m", memory: "64Mi" };
    for (const agent of ["exec", "sidecar"] as const)
      expect(at(made(POD, requeueOf(2), { agent }), "spec.template.spec.initContainers.0.resources")).toEqual({
        requests: amounts,
        limits: amounts,
      });
    const resources = { limits: { memory: "32Mi" } };
    const theirs = { spec: { ...POD.spec, initContainers: [{ name: "lastbeat", resources }] } };
    expect(at(made(theirs), "spec.template.spec.initContainers.0.resources")).toEqual(resources);
  });

  test("on demand is on no spot instance, in each of the alternatives", () => {
    const terms = [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] }, {}];
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
    const nodeSelector = { "karpenter.sh/capacity-type": "spot", disk: "fast" };
    const job = made({ spec: { ...POD.spec, affinity, nodeSelector } }, requeueOf(2, { capacity: "on-demand" }));
    const notSpot = [
      { key: "karpenter.sh/capacity-type", operator: "NotIn", values: ["spot"] },
      { key: "eks.amazonaws.com/capacityType", operator: "NotIn", values: ["SPOT"] },
    ];
    expect(
      at(
        job,
        "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
      ),
    ).toEqual([
      { matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }, ...notSpot] },
      { matchExpressions: notSpot },
    ]);
    expect(at(job, "spec.template.spec.nodeSelector")).toEqual({ disk: "fast" });
  });

  test.each([
    [0, "4Gi"],
    [1, "8Gi"],
    [5, "16Gi"],
  ])("after %i attempts without enough memory gets %s", (outOfMemory, memory) => {
    const sizes = [{ memory: "4Gi" }, { memory: "8Gi" }, { memory: "16Gi", nodeSelector: { pool: "large" } }];
    const job = made(POD, requeueOf(2, { outOfMemory }), { sizes });
    expect(at(job, `${CONTAINER}.resources`)).toEqual({ requests: { memory }, limits: { memory } });
    expect(at(job, "spec.template.spec.nodeSelector")).toEqual(memory === "16Gi" ? { pool: "large" } : {});
  });

  test("works on the container that an annotation names", () => {
    const containers = [{ name: "proxy" }, { name: "work", command: ["python"] }];
    const annotations = { "kubectl.kubernetes.io/default-container": "work" };
    const job = made({ metadata: { annotations }, spec: { containers } });
    expect(at(job, `${CONTAINER}.command`)).toBeUndefined();
    expect(at(job, "spec.template.spec.containers.1.command.0")).toBe("/lastbeat/lastbeat");
  });

  test("works on the first container that is no proxy, and names it for the classifier", () => {
    const job = made({
      spec: { containers: [{ name: "istio-proxy" }, { name: "train", command: ["python"] }, { name: "main" }] },
    });
    expect(at(job, `${CONTAINER}.command`)).toBeUndefined();
    expect(at(job, "spec.template.spec.containers.1.command.0")).toBe("/lastbeat/lastbeat");
    const annotation = (at(job, "spec.template.metadata.annotations") as Manifest)[
      "kubectl.kubernetes.io/default-container"
    ];
    expect(annotation).toBe("train");
  });

  test.each([
    [{}, "the template has no container"],
    [{ spec: { containers: [{ name: "work" }] } }, "the container work has no command"],
    [{ spec: { containers: [{ name: "work", command: [], args: ["x"] }] } }, "the container work has no command"],
    [
      { ...POD, metadata: { annotations: { "kubectl.kubernetes.io/default-container": "main" } } },
      "has none of that name",
    ],
  ])("cannot be made of %j", (template, why) => {
    expect(wrongWith(template, { agent: "exec" })).toContain(why);
  });

  test("needs no command where the agent stands beside the container", () => {
    expect(wrongWith({ spec: { containers: [{ name: "work" }] } }, { agent: "sidecar" })).toBeUndefined();
    expect(wrongWith(POD, { agent: "exec" })).toBeUndefined();
  });

  test("is none without a container", () => {
    expect(jobOf({ spec: {} }, requeueOf(1), TARGET, AGENT)).toBeUndefined();
    expect(jobOf({}, requeueOf(1), TARGET, AGENT)).toBeUndefined();
  });

  test("holds no ticket: its Secret does, and goes with it", () => {
    expect(JSON.stringify(made(POD))).not.toContain("a-ticket");
    expect(secretOf(requeueOf(2), TARGET, "uid-1")).toMatchObject({ stringData: { ticket: "a-ticket-2" } });
  });
});

describe("names", () => {
  test("of Jobs are valid and tell runs apart, whatever a run id holds", () => {
    const id = fc.stringMatching(/^[A-Za-z0-9][\w.:+-]{0,60}(\/[A-Za-z0-9][\w.:+-]{0,60})?$/);
    fc.assert(
      fc.property(id, id, fc.integer({ min: 1, max: 999 }), (one, other, attempt) => {
        expect(jobName(one, attempt)).toMatch(/^lb-[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
        expect(jobName(one, attempt).length).toBeLessThanOrEqual(57);
        expect(runLabel(one)).toMatch(/^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/);
        if (one !== other) expect(jobName(one, attempt)).not.toBe(jobName(other, attempt));
      }),
    );
  });

  test("of runs are labels as they are, where they can be", () => {
    expect(runLabel("etl-2026.11")).toBe("etl-2026.11");
    expect(runLabel("manual__2026-11-22T00:00:00+00:00")).toMatch(/^manual-2026-11-22t00-00-00-00-00-[a-z0-9]{8}$/);
  });
});
