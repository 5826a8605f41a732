import { describe, expect, test, vi } from "vitest";
import { EXIT } from "../../lib/agent/stopping.ts";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { nothingWatched, watch, watchAll } from "../../lib/app/watch.ts";
import type { WatchCounts } from "../../lib/app/watch-counts.ts";
import { AGENT_EXITS } from "../../lib/core/pod-ending.ts";
import { after, type Instant, seconds } from "../../lib/core/time.ts";
import type { SeenPod, Surroundings } from "../../lib/ports/clusters.ts";
import { type RecordView, recordView } from "../../lib/wire/run-view.ts";
import { TARGET } from "../dispatch/announcements.ts";
import { endedPod, type Fields, type TestCluster, terminated, testCluster } from "./cluster.ts";
import { holder, type Service, service, specWith, ticketOf } from "./service.ts";

const EVICTED = {
  conditions: [{ type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" }],
  ...terminated(143),
};
/** What PodGC writes for a node that is gone: its kubelet has said nothing of the container. */
const COLLECTED = {
  conditions: [{ type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC" }],
  containerStatuses: [{ name: "work", state: { running: {} } }],
};

/** When the look has to be over. */
const soon = (app: Service): Instant => after(app.now(), seconds(50));

type Stage = { readonly app: Service; readonly cluster: TestCluster; look(): Promise<WatchCounts> };

/** A run with an hour's lease, that the pod `uid-1` holds since noon, and that beat at 12:00:30. */
async function running(spec = specWith({ lease: seconds(3600) })): Promise<Stage> {
  const app = service();
  const cluster = testCluster();
  const watched = nothingWatched();
  const ticket = await ticketOf(app, "etl", spec);
  await claim(app, ticket, { ...holder("a"), podUid: "uid-1" });
  app.pass(seconds(30));
  await beat(app, ticket);
  app.pass(seconds(10));
  return { app, cluster, look: () => watch(app, cluster, watched, soon(app)) };
}

/** The record of the run, as its owner gets it. */
async function record(app: Service): Promise<RecordView> {
  const found = await inspect(app, "etl");
  if (found === undefined) throw new Error("there is no run etl");
  return recordView(found.registration, found.current, found.lines);
}

const attempts = async (app: Service): Promise<RecordView["attempts"]> => (await record(app)).attempts;

describe("an end that the pod itself does not explain", () => {
  const KILLED = endedPod("uid-1", "etl", terminated(137));
  const explained = async (pod: SeenPod, around: Partial<Surroundings>): Promise<RecordView["attempts"][number]> => {
    const { app, cluster, look } = await running();
    cluster.ended.push(pod);
    cluster.surroundings.set("uid-1", { events: [], members: [], ...around });
    await look();
    return (await attempts(app))[0] as RecordView["attempts"][number];
  };

  test("is lost, if nothing around it says more", async () => {
    expect(await explained(KILLED, {})).toMatchObject({ cause: "lost" });
  });

  test("is what an event says", async () => {
    const event = { reason: "TaintManagerEviction", message: "Marking for deletion Pod default/x", about: "Pod" };
    const found = await explained(KILLED, { events: [event] });
    expect(found).toMatchObject({ cause: "interrupted" });
    expect(found.evidence?.[0]?.note).toContain("TaintManagerEviction");
  });

  test("is an interruption, if a queue has suspended its Job", async () => {
    const owner = { kind: "Job", conditions: [], isSuspended: true, active: 0, succeeded: 0, failed: 0 };
    const found = await explained(KILLED, { owner });
    expect(found).toMatchObject({ cause: "interrupted" });
    expect(found.evidence?.[0]?.note).toContain("its Job was suspended");
  });

  test("is not put in doubt by a Job that has made another pod", async () => {
    const owner = { kind: "Job", conditions: [], isSuspended: false, active: 1, succeeded: 0, failed: 1 };
    expect(await explained(KILLED, { owner })).toMatchObject({ cause: "lost" });
  });

  const inGang = { metadata: { labels: { "lastbeat.dev/run": "etl", "jobset.sigs.k8s.io/jobset-name": "train" } } };
  const at = (finishedAt: string, exitCode: number) => ({
    containerStatuses: [{ name: "work", state: { terminated: { exitCode, finishedAt } } }],
  });
  const FAILED = endedPod("uid-1", "etl", at("2026-11-22T12:00:35Z", 1), inGang);
  const member = (status: Fields) => endedPod("uid-2", "etl", status, inGang).facts;

  test("is the eviction of the member of its gang that went first", async () => {
    const conditions = [
      {
        type: "DisruptionTarget",
        status: "True",
        reason: "EvictionByEvictionAPI",
        lastTransitionTime: "2026-11-22T12:00:20Z",
      },
    ];
    const evicted = member({ ...at("2026-11-22T12:00:22Z", 143), conditions });
    expect(await explained(FAILED, { members: [evicted] })).toMatchObject({ cause: "interrupted" });
  });

  test("is its own, if it went first, or if the others run on", async () => {
    const later = member(at("2026-11-22T12:00:39Z", 143));
    expect(await explained(FAILED, { members: [later] })).toMatchObject({ cause: "crashed" });
    const alive = member({ phase: "Running", containerStatuses: [{ name: "work", state: { running: {} } }] });
    expect(await explained(FAILED, { members: [alive] })).toMatchObject({ cause: "crashed" });
  });

  test("costs no request where the pod explains itself", async () => {
    const { cluster, look } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", EVICTED), endedPod("uid-2", "other", terminated(137)));
    const around = vi.spyOn(cluster, "around");
    await look();
    expect(around).not.toHaveBeenCalled();
  });
});

describe("a watch", () => {
  test("finds an eviction long before the lease is over, and the next attempt is announced", async () => {
    const { app, cluster, look } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", EVICTED));
    expect(await look()).toMatchObject({ ended: 1, gone: 1 });
    expect(await attempts(app)).toMatchObject([{ cause: "interrupted", endedAt: "2026-11-22T12:00:40.000Z" }]);
    expect(app.messages()).toMatchObject([{ data: { cause: "interrupted", next: { attempt: 2, held: false } } }]);
  });

  test.each([
    ["a failure", terminated(3), "crashed"],
    ["a kill for want of memory", terminated(137, "OOMKilled"), "out-of-memory"],
    ["a kill that nobody explains", terminated(137), "lost"],
    ["a command that is not there", terminated(128, "StartError"), "unstartable"],
    ["an agent that was cut off", terminated(80), "lost"],
    ["an agent that was told to leave", terminated(82), "interrupted"],
  ])("knows %s for what it is", async (_, status, cause) => {
    const { app, cluster, look } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", status));
    await look();
    expect(await attempts(app)).toMatchObject([{ cause }]);
  });

  test("takes the success of a pod whose agent could not report it", async () => {
    const { app, cluster, look } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", { phase: "Succeeded", ...terminated(0, "Completed") }));
    expect(await look()).toMatchObject({ reported: 1 });
    expect(await record(app)).toMatchObject({ state: "ended", outcome: "succeeded" });
    expect(app.messages()).toEqual([]);
  });

  test("says what it saw", async () => {
    const { app, cluster, look } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", terminated(137, "OOMKilled")));
    await look();
    expect(await attempts(app)).toMatchObject([{ exitCode: 137, message: "container work: OOMKilled: exit code 137" }]);
  });

  test("does nothing to a run whose ticket another pod has claimed", async () => {
    const { app, cluster, look } = await running();
    cluster.ended.push(endedPod("uid-2", "etl", terminated(1)));
    expect(await look()).toMatchObject({ other: 1 });
    expect(await record(app)).toMatchObject({ state: "running", attempt: 1 });
  });

  test("does nothing to an attempt that has reported its end, nor to the attempt after it", async () => {
    const { app, cluster, look } = await running();
    const token = await ticketOf(app, "etl", specWith({ lease: seconds(3600) })).catch(() => undefined);
    expect(token).toBeUndefined();
    const [run] = app.runs.items();
    if (run === undefined) throw new Error("the run has no item");
    await finish(app, { ...run }, { outcome: "interrupted", reason: "sigterm" });
    cluster.ended.push(endedPod("uid-1", "etl", EVICTED));
    expect(await look()).toMatchObject({ other: 1 });
    expect(await attempts(app)).toHaveLength(1);
    expect(await record(app)).toMatchObject({ state: "queued", attempt: 2 });
  });

  test("does not believe that a pod is gone whose end no kubelet saw: its lease goes on, and its successor waits", async () => {
    const { app, cluster, look } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", COLLECTED));
    expect(await look()).toMatchObject({ told: 1 });
    expect(await record(app)).toMatchObject({ state: "leaving", attempt: 1 });
    expect(app.messages()).toMatchObject([{ data: { next: { attempt: 2, held: true } } }]);
  });

  test("ends the start of an attempt whose own pod has ended without a claim", async () => {
    const app = service();
    const cluster = testCluster();
    const { fence } = await ticketOf(
      app,
      "etl",
      specWith({ budgets: { attempts: 3 }, target: { ...TARGET, cluster: "test" } }),
    );
    const made = (of: number) => ({
      metadata: { labels: { "lastbeat.dev/run": "etl", "lastbeat.dev/fence": String(of) } },
    });
    cluster.ended.push(
      endedPod("uid-0", "etl", terminated(1), made(fence - 1)),
      endedPod("uid-1", "etl", terminated(128, "StartError"), made(fence)),
    );
    expect(await watch(app, cluster, nothingWatched(), soon(app))).toMatchObject({ other: 1, gone: 1 });
    expect(await attempts(app)).toMatchObject([{ cause: "unstartable", evidence: [{ kind: "pod-ended" }] }]);
    expect(await watch(app, cluster, nothingWatched(), soon(app))).toMatchObject({ other: 2 });
  });

  test("does not believe labels that somebody has copied to another place, or that are no id", async () => {
    const app = service();
    const cluster = testCluster();
    const { fence } = await ticketOf(app, "etl", specWith({ target: { ...TARGET, cluster: "test", namespace: "ml" } }));
    const metadata = { labels: { "lastbeat.dev/run": "etl", "lastbeat.dev/fence": String(fence) } };
    cluster.ended.push(
      endedPod("uid-1", "etl", terminated(1), { metadata }),
      endedPod("uid-2", "x".repeat(3000), EVICTED),
    );
    expect(await watch(app, cluster, nothingWatched(), soon(app))).toMatchObject({ other: 2 });
  });

  test("looks at a pod once", async () => {
    const { app, cluster, look } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", EVICTED));
    await look();
    expect(await look()).toMatchObject({ ended: 1, known: 1, gone: 0 });
    expect(app.messages()).toHaveLength(1);
  });

  test("looks again at a pod whose claim is not in the ledger yet", async () => {
    const { app, cluster, look } = await running();
    const read = app.ledger.read;
    app.ledger.read = async () => undefined;
    cluster.ended.push(endedPod("uid-1", "etl", EVICTED));
    expect(await look()).toMatchObject({ waiting: 1 });
    app.ledger.read = read;
    expect(await look()).toMatchObject({ gone: 1 });
  });

  test("looks again at a pod that ended within a second of its claim", async () => {
    const app = service();
    const cluster = testCluster();
    const watched = nothingWatched();
    await claim(app, await ticketOf(app, "etl"), { ...holder("a"), podUid: "uid-1" });
    cluster.ended.push(endedPod("uid-1", "etl", EVICTED));
    expect(await watch(app, cluster, watched, soon(app))).toMatchObject({ waiting: 1 });
    app.pass(seconds(2));
    expect(await watch(app, cluster, watched, soon(app))).toMatchObject({ gone: 1 });
  });

  test("looks again at a pod that failed, and a pod that fails does not delay the others", async () => {
    const { app, cluster, look } = await running();
    const read = app.specs.read;
    app.specs.read = async (run, now) => {
      if (run === "broken") throw new Error("the table does not answer");
      return read(run, now);
    };
    cluster.ended.push(endedPod("uid-0", "broken", EVICTED), endedPod("uid-1", "etl", EVICTED));
    expect(await look()).toMatchObject({ failed: 1, gone: 1 });
    app.specs.read = read;
    expect(await look()).toMatchObject({ failed: 0, known: 1, other: 1 });
  });

  test("looks at all clusters, and one that does not answer delays no other, and is said", async () => {
    const { app, cluster } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", EVICTED));
    const silent = testCluster();
    silent.isSilent = true;
    const both = [silent, cluster].map((each) => ({ cluster: each, watched: nothingWatched() }));
    await watchAll(app, both, soon(app));
    expect(await attempts(app)).toMatchObject([{ cause: "interrupted" }]);
    expect(app.logged).toContainEqual({
      decision: "cluster-silent",
      host: "test",
      error: "Error: https://test does not answer",
    });
  });

  test("forgets pods that the cluster does not list any more", async () => {
    const { app, cluster } = await running();
    const watched = nothingWatched();
    cluster.ended.push(endedPod("uid-2", "etl", EVICTED), endedPod("uid-3", "no-such-run", EVICTED));
    await watch(app, cluster, watched, soon(app));
    expect([...watched.ended].sort()).toEqual(["uid-2", "uid-3"]);
    cluster.ended.length = 0;
    await watch(app, cluster, watched, soon(app));
    expect([...watched.ended]).toEqual([]);
  });

  test("says nothing about an attempt whose pod says nothing", async () => {
    const { cluster, look } = await running();
    cluster.nodes.set("n1", { exists: true, conditions: [], taints: [] });
    const lost = {
      containerStatuses: [{ name: "work", state: { terminated: { exitCode: 137, reason: "ContainerStatusUnknown" } } }],
    };
    cluster.ended.push(endedPod("uid-1", "etl", lost));
    const { node: _, ...nowhere } = endedPod("uid-1", "etl", lost);
    expect(await look()).toMatchObject({ other: 1 });
    cluster.ended.splice(0, 1, { ...nowhere, uid: "uid-9" });
    expect(await look()).toMatchObject({ other: 1 });
  });

  test("learns nothing from a cluster that does not answer", async () => {
    const { app, cluster, look } = await running();
    cluster.isSilent = true;
    await expect(look()).rejects.toThrow("does not answer");
    expect(await record(app)).toMatchObject({ state: "running", attempt: 1 });
  });

  test("finds the run by an annotation, where a label cannot hold its id", async () => {
    const app = service();
    const cluster = testCluster();
    const ticket = await ticketOf(app, "manual__2026-11-22T00:00:00+00:00", specWith());
    await claim(app, ticket, { ...holder("a"), podUid: "uid-1" });
    app.pass(seconds(10));
    const metadata = {
      labels: { "lastbeat.dev/run": "manual-5d1c" },
      annotations: { "lastbeat.dev/run": "manual__2026-11-22T00:00:00+00:00" },
    };
    cluster.ended.push(endedPod("uid-1", "", EVICTED, { metadata }));
    expect(await watch(app, cluster, nothingWatched(), soon(app))).toMatchObject({ gone: 1 });
  });

  test("knows the exit codes of the agent", () => {
    expect(EXIT).toMatchObject(AGENT_EXITS);
  });
});
