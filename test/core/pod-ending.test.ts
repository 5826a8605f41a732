import { describe, expect, test } from "vitest";
import type { PodFacts } from "../../lib/core/classify/facts.ts";
import { endOfPod, failedStartOf } from "../../lib/core/pod-ending.ts";
import { readPod } from "../../lib/evidence/kubernetes/pod.ts";
import { at } from "./runs.ts";

const NOW = at("12:00:00");
const GONE = { exists: false, conditions: [], taints: [] };

const ended = (state: object, more: object = {}) =>
  readPod({ kind: "Pod", status: { phase: "Failed", containerStatuses: [{ name: "work", state }], ...more } });

describe("a pod of several containers that has failed", () => {
  const of = (name: string, exitCode: number) => ({ name, state: { terminated: { exitCode, reason: "Error" } } });
  const pod = (metadata: object, ...containerStatuses: readonly object[]) =>
    readPod({
      kind: "Pod",
      metadata,
      spec: { restartPolicy: "Never", containers: [{ name: "prepare" }, { name: "train" }] },
      status: { phase: "Failed", containerStatuses },
    });
  const shown = (name: string) => ({ annotations: { "kubectl.kubernetes.io/default-container": name } });

  test.each([
    ["says nothing", {}],
    ["shows another one first, as Istio has it", shown("prepare")],
    ["shows it first", shown("train")],
    ["names it", { annotations: { primary_container_name: "train" } }],
  ])("ended as the one that failed, if it %s", (_, metadata) => {
    const end = endOfPod("u", pod(metadata, of("prepare", 0), of("train", 1)), undefined, NOW);
    expect(end).toMatchObject({ kind: "report", report: { outcome: "failed", exitCode: 1 } });
  });

  test("ended as the one that Lastbeat has named", () => {
    const metadata = { labels: { "lastbeat.dev/fence": "7" }, ...shown("prepare") };
    const end = endOfPod("u", pod(metadata, of("prepare", 0), of("train", 1)), undefined, NOW);
    expect(end).toMatchObject({ kind: "report", report: { outcome: "succeeded" } });
  });
});

describe("a pod in which nobody has claimed an attempt", () => {
  const waiting = (reason: string, created = "2026-11-22T11:57:00Z") =>
    readPod({
      kind: "Pod",
      metadata: { creationTimestamp: created },
      status: { phase: "Pending", containerStatuses: [{ name: "work", state: { waiting: { reason } } }] },
    });
  const causeOf = (pod: PodFacts): string | undefined => failedStartOf("u", pod, undefined, NOW)?.cause;

  test.each([
    ["has failed by itself", ended({ terminated: { exitCode: 1, reason: "Error" } }), "unstartable"],
    ["could not run its command", ended({ terminated: { exitCode: 128, reason: "StartError" } }), "unstartable"],
    [
      "was taken",
      ended({ terminated: { exitCode: 143 } }, { reason: "Preempting", message: "Preempted" }),
      "never-started",
    ],
    ["was turned away", ended({ waiting: {} }, { reason: "OutOfcpu" }), "never-started"],
    ["ended, and nobody knows why", ended({ terminated: { exitCode: 137 } }), "never-started"],
    ["ended with its agent, which could not reach us", ended({ terminated: { exitCode: 125 } }), "never-started"],
    ["has waited for two minutes for an image that is not there", waiting("ErrImageNeverPull"), "never-started"],
    [
      "has waited long for a node, and a minute for its image",
      readPod({
        kind: "Pod",
        metadata: { creationTimestamp: "2026-11-22T11:00:00Z" },
        status: {
          phase: "Pending",
          conditions: [{ type: "PodScheduled", status: "True", lastTransitionTime: "2026-11-22T11:59:00Z" }],
          containerStatuses: [{ name: "work", state: { waiting: { reason: "ErrImagePull" } } }],
        },
      }),
      undefined,
    ],
    ["waits for an image since a minute", waiting("ErrImageNeverPull", "2026-11-22T11:59:00Z"), undefined],
    ["waits for an image, and nobody knows since when", waiting("ErrImageNeverPull", "?"), undefined],
    ["is being created", waiting("ContainerCreating"), undefined],
  ])("that %s", (_, pod, cause) => {
    expect(causeOf(pod)).toBe(cause);
  });

  test("shows what was seen", () => {
    expect(failedStartOf("u", waiting("ErrImageNeverPull"), undefined, NOW)?.evidence).toEqual({
      id: "pod-u",
      source: "kubernetes",
      kind: "pod-ended",
      at: NOW,
      note: "container work.waiting: ErrImageNeverPull",
    });
  });
});

describe("a pod that runs no more", () => {
  test("whose container was seen to end proves that its attempt is over", () => {
    const pod = ended({ terminated: { exitCode: 137, reason: "Error" } });
    expect(endOfPod("u", pod, undefined, NOW)).toEqual({
      kind: "gone",
      evidence: {
        id: "pod-u",
        source: "kubernetes",
        kind: "pod-ended",
        at: NOW,
        goneAt: NOW,
        note: "container work: Error: exit code 137",
      },
    });
  });

  test("whose node is gone explains nothing more than that, until EC2 does", () => {
    const pod = ended({ terminated: { exitCode: 137, reason: "Error" } });
    expect(endOfPod("u", pod, GONE, NOW)).toMatchObject({ kind: "gone", evidence: { kind: "pod-ended" } });
    expect(endOfPod("u", pod, { ...GONE, stateReason: "Server.SpotInstanceTermination" }, NOW)).toMatchObject({
      kind: "gone",
      evidence: { kind: "pod-evicted" },
    });
  });

  test("whose end was made up by a kubelet that had lost sight of it proves nothing", () => {
    const pod = ended({ terminated: { exitCode: 137, reason: "ContainerStatusUnknown" } });
    expect(endOfPod("u", pod, undefined, NOW)).toEqual({ kind: "nothing" });
  });

  test("that a controller has ended for a silent node is told, and proves nothing", () => {
    const conditions = [{ type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC" }];
    expect(endOfPod("u", ended({ running: {} }, { conditions }), GONE, NOW)).toMatchObject({ kind: "told" });
  });

  test("and has no agent is gone with its node, and no code is that of an agent", () => {
    const conditions = [{ type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC" }];
    const collected = ended({ running: {} }, { conditions });
    expect(endOfPod("u", collected, GONE, NOW, true)).toMatchObject({
      kind: "gone",
      evidence: { kind: "pod-evicted" },
    });
    expect(endOfPod("u", collected, { ...GONE, exists: true }, NOW, true)).toMatchObject({ kind: "told" });
    for (const exitCode of [80, 81, 82, 125])
      expect(endOfPod("u", ended({ terminated: { exitCode, reason: "Error" } }), undefined, NOW, true)).toMatchObject({
        report: { outcome: "failed", exitCode },
      });
  });

  test("that runs is nobody's end, also when its container was seen to end", () => {
    const pod = ended({ terminated: { exitCode: 1 } }, { phase: "Running" });
    expect(endOfPod("u", pod, undefined, NOW)).toEqual({ kind: "nothing" });
  });

  test.each([
    ["an exit code", { exitCode: 3 }, { outcome: "failed", exitCode: 3, message: "container work: exit code 3" }],
    ["no exit code", { signal: 11, reason: "Error" }, { outcome: "failed", exitCode: 1 }],
    ["a code that is no exit code of a process", { exitCode: 4000 }, { outcome: "failed", exitCode: 1 }],
    ["want of memory", { exitCode: 0, reason: "OOMKilled" }, { outcome: "failed", reason: "out-of-memory" }],
    ["success", { exitCode: 0 }, { outcome: "succeeded", exitCode: 0 }],
  ])("reports an end by %s", (_, terminated, report) => {
    expect(endOfPod("u", ended({ terminated }), undefined, NOW)).toMatchObject({ kind: "report", report });
  });

  test("says no more than a person reads", () => {
    const end = endOfPod(
      "u",
      ended({ terminated: { exitCode: 137, reason: "Error", message: "x".repeat(5000) } }),
      undefined,
      NOW,
    );
    expect(end.kind === "gone" && end.evidence.note?.length).toBe(120);
  });
});
