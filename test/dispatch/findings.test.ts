import { describe, expect, test } from "vitest";
import { findingsOf } from "../../lib/dispatch/job/findings.ts";
import { jobOf } from "../../lib/dispatch/job/manifest.ts";
import type { Manifest } from "../../lib/dispatch/job/template.ts";
import { requeueOf, TARGET } from "./announcements.ts";

const OURS = jobOf({ spec: { containers: [{ name: "work", command: ["x"] }] } }, requeueOf(1), TARGET, {
  image: "a",
  url: "https://x",
}) as Manifest;
const pod = (metadata: object, spec: object = { terminationGracePeriodSeconds: 120 }): Manifest => ({
  metadata: {
    namespace: "default",
    name: "pod",
    annotations: { "cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true" },
    ...metadata,
  },
  spec,
});
const job = (spec: object): Manifest => ({
  metadata: { namespace: "default", name: "theirs" },
  spec: { ...(OURS["spec"] as object), ...spec },
});

const says = (jobs: readonly Manifest[], pods: readonly Manifest[] = []): readonly string[] =>
  findingsOf({ jobs, pods })
    .filter(({ state }) => state !== "ok")
    .map((each) => `${each.state} ${each.check}: ${each.says}`);

describe("doctor, in a cluster,", () => {
  test("finds nothing wrong with the Jobs that Lastbeat makes", () => {
    const { template } = OURS["spec"] as { template: Manifest };
    const made = { ...template, metadata: { ...(template["metadata"] as object), namespace: "default", name: "x" } };
    expect(says([OURS], [made])).toEqual([]);
    expect(findingsOf({ jobs: [OURS], pods: [] })).toMatchObject([
      { state: "ok", says: "1 Jobs and 0 pods with the label lastbeat.dev/run" },
    ]);
  });

  test.each([
    [{ backoffLimit: undefined }, "problem second restarter: Job default/theirs: its backoffLimit is 6"],
    [
      { podFailurePolicy: { rules: [{ action: "Ignore" }] } },
      "problem second restarter: Job default/theirs: its podFailurePolicy ignores",
    ],
    [
      { template: { spec: { restartPolicy: "OnFailure" } } },
      "problem second restarter: Job default/theirs: its pod has no restartPolicy Never",
    ],
    [
      { podReplacementPolicy: undefined },
      "warning overlap: Job default/theirs: its podReplacementPolicy is not Failed",
    ],
  ])("finds what starts a pod a second time: %j", (spec, found) => {
    expect(says([job(spec)])).toEqual([expect.stringContaining(found)]);
  });

  test.each([
    [
      pod({ labels: { "workflows.argoproj.io/workflow": "w" } }),
      "warning second restarter: pod default/pod: it is made by argo",
    ],
    [pod({ annotations: {} }), "warning autoscaler: pod default/pod: an autoscaler may move it"],
    [pod({}, {}), "warning grace: pod default/pod: it has 30 s to end"],
  ])("finds what is dangerous for a pod (%#)", (found, expected) => {
    expect(says([], [found])).toEqual([expect.stringContaining(expected)]);
  });

  test("says once what is wrong with many", () => {
    expect(says(Array.from({ length: 40 }, () => job({ backoffLimit: 3 })))).toEqual([
      expect.stringMatching(/and so it is with 39 more$/),
    ]);
  });

  test("says that there is nothing to look at", () => {
    expect(findingsOf({ jobs: [], pods: [] })).toMatchObject([
      { state: "ok", says: expect.stringContaining("nothing to look at") },
    ]);
  });
});
