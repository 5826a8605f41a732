import fc from "fast-check";
import { expect, test } from "vitest";
import { CASES, labelled, SAMPLES } from "../evidence/deaths.ts";
import { RUNS } from "./runs.ts";

type Tree = { readonly [name: string]: unknown };

const running = {
  name: "work",
  ready: true,
  restartCount: 1,
  state: { running: { startedAt: "2026-11-28T00:30:00Z" } },
  lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
};
const proxy = { name: "istio-proxy", restartCount: 0, state: { running: {} } };
const done = {
  name: "work",
  restartCount: 0,
  state: { terminated: { exitCode: 0, reason: "Completed", finishedAt: "2026-11-28T01:00:00Z" } },
};
const spec = {
  restartPolicy: "Never",
  nodeName: "n1",
  containers: [{ name: "work" }, { name: "istio-proxy" }],
  initContainers: [{ name: "unpack" }],
};
const unpacked = { name: "unpack", state: { terminated: { exitCode: 0, reason: "Completed" } } };
const ready = (status: string, reason?: string): Tree => ({
  type: "Ready",
  status,
  ...(reason !== undefined && { reason }),
});

/** A pod whose work runs, as the API server shows it. */
const LIVE: Tree = {
  kind: "Pod",
  metadata: { name: "work-x", uid: "u", labels: { "job-name": "work" }, creationTimestamp: "2026-11-28T00:00:00Z" },
  spec,
  status: {
    phase: "Running",
    startTime: "2026-11-28T00:00:00Z",
    conditions: [ready("True")],
    initContainerStatuses: [unpacked],
    containerStatuses: [running, proxy],
  },
};
/** A pod whose work is done. */
const DONE: Tree = {
  ...LIVE,
  status: {
    phase: "Succeeded",
    conditions: [ready("False", "PodCompleted")],
    initContainerStatuses: [unpacked],
    containerStatuses: [done, { ...proxy, state: { terminated: { exitCode: 143, reason: "Error" } } }],
  },
};

/** One change that another version, another client or a careless copy makes. `pick` chooses where. */
type Change = { readonly how: "drop" | "null" | "double" | "snake" | "pascal" | "add"; readonly pick: number };

const change: fc.Arbitrary<Change> = fc.record({
  how: fc.constantFrom("drop", "null", "double", "snake", "pascal", "add"),
  pick: fc.nat(1_000_000),
});

/** The identity of a container has to stay: without names nobody can tell the work from what stands beside it. */
const isIdentity = (path: readonly (string | number)[]): boolean => path.at(-1) === "name" || path.includes("spec");

const places = (value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] => {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap((key) => {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    return [here, ...places((value as Tree)[key], here)];
  });
};

const RENAMED = {
  snake: (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  pascal: (name: string) => name.charAt(0).toUpperCase() + name.slice(1),
} as const;

function changed(pod: Tree, { how, pick }: Change): Tree {
  const copy = structuredClone(pod) as Record<string, unknown>;
  const all = places(copy).filter((path) => !isIdentity(path) && path.length > 1);
  const path = all[pick % all.length];
  if (path === undefined) return copy;
  const parent = path
    .slice(0, -1)
    .reduce<Record<string | number, unknown>>((node, key) => node[key] as Record<string | number, unknown>, copy);
  const key = path.at(-1) as string | number;
  if (how === "add")
    parent[Array.isArray(parent) ? (parent as unknown[]).length : "addedLater"] = { reason: "Error", exitCode: 1 };
  else if (how === "double" && Array.isArray(parent)) (parent as unknown[]).push(structuredClone(parent[key]));
  else if (how === "null") parent[key] = null;
  else if (how === "drop" && !Array.isArray(parent)) delete parent[key];
  else if ((how === "snake" || how === "pascal") && typeof key === "string") {
    const value = parent[key];
    delete parent[key];
    parent[RENAMED[how](key)] = value;
  }
  return copy;
}

const changes = fc.array(change, { maxLength: 8 });

test("no pod whose work runs is judged dead, whatever a copy of it has lost, renamed or doubled", () => {
  fc.assert(
    fc.property(changes, (all) => {
      expect(["not-dead", "ambiguous"]).toContain(labelled({ input: all.reduce(changed, LIVE) }));
    }),
    RUNS,
  );
});

test("no pod whose work is done is judged a failure, whatever a copy of it has lost, renamed or doubled", () => {
  fc.assert(
    fc.property(changes, (all) => {
      expect(["success", "not-dead", "ambiguous"]).toContain(labelled({ input: all.reduce(changed, DONE) }));
    }),
    RUNS,
  );
});

const REASONS = [
  "Evicted",
  "NodeNotReady",
  "ScaleDown",
  "Killing",
  "BackOff",
  "OOMKilling",
  "TaintManagerEviction",
  "FailedMount",
  "Disrupted",
];
const around = fc.record({
  conditions: fc.array(
    fc.record({
      type: fc.constantFrom("DisruptionTarget", "Ready", "New"),
      status: fc.constantFrom("True", "False", "Unknown"),
      reason: fc.constantFrom("EvictionByEvictionAPI", "TerminationByKubelet", "New"),
    }),
    { maxLength: 3 },
  ),
  taints: fc.array(
    fc.record({
      key: fc.constantFrom(
        "karpenter.sh/disrupted",
        "node.kubernetes.io/unreachable",
        "ToBeDeletedByClusterAutoscaler",
        "dedicated",
      ),
      effect: fc.constantFrom("NoSchedule", "NoExecute"),
    }),
    { maxLength: 3 },
  ),
  ready: fc.constantFrom("True", "False", "Unknown"),
  events: fc.array(
    fc.record({
      kind: fc.constant("Event"),
      reason: fc.constantFrom(...REASONS),
      message: fc.constantFrom("", "Stopping container work", "Evicted pod: Underutilized"),
    }),
    { maxLength: 3 },
  ),
  deleted: fc.option(fc.constantFrom("2026-11-28T01:59:00Z", "2026-11-28T03:00:00Z"), { nil: undefined }),
});

test("no pod whose work runs on a node that is there is judged dead, whatever is said about it", () => {
  fc.assert(
    fc.property(around, ({ conditions, taints, ready: isReady, events, deleted }) => {
      const input = {
        ...LIVE,
        metadata: { ...(LIVE["metadata"] as Tree), ...(deleted !== undefined && { deletionTimestamp: deleted }) },
        status: { ...(LIVE["status"] as Tree), conditions },
        events,
      };
      const node = { exists: true, spec: { taints }, status: { conditions: [ready(isReady)] } };
      expect(["not-dead", "ambiguous"]).toContain(labelled({ input, node }));
    }),
    RUNS,
  );
});

test("no pod that succeeded is judged a failure, whatever is said about it", () => {
  fc.assert(
    fc.property(around, ({ conditions, taints, ready: isReady, events }) => {
      const input = { ...DONE, status: { ...(DONE["status"] as Tree), conditions }, events };
      const node = { exists: true, spec: { taints }, status: { conditions: [ready(isReady)] } };
      expect(["success", "ambiguous"]).toContain(labelled({ input, node }));
    }),
    RUNS,
  );
});

test("anything at all is classified, and the same facts always the same", () => {
  const bases = [...SAMPLES.map(({ kept }) => kept.input), ...CASES.map(([, kept]) => kept.input)];
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...bases), fc.anything()), fc.anything(), changes, (base, node, all) => {
      const input = typeof base === "object" && base !== null ? all.reduce(changed, base as Tree) : base;
      expect(labelled({ input, node })).toBe(labelled({ input, node }));
    }),
    RUNS,
  );
});
