import { describe, expect, test, vi } from "vitest";
import { EXIT } from "../../lib/agent/stopping.ts";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { nothingWatched, watch, watchAll } from "../../lib/app/watch.ts";
import type { WatchCounts } from "../../lib/app/watch-counts.ts";
import type { OwnerFacts } from "../../lib/core/classify/facts.ts";
import { AGENT_EXITS } from "../../lib/core/pod-ending.ts";
import type { Surroundings } from "../../lib/core/pod-surroundings.ts";
import { after, type Instant, seconds } from "../../lib/core/time.ts";
import type { SeenPod } from "../../lib/ports/clusters.ts";
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
  const READY = { exists: true, conditions: [{ type: "Ready", status: "True" }], taints: [] };
  const KILLED = endedPod("uid-1", "etl", terminated(137));

  /** What becomes of the attempt whose pod has ended on a node that is well, with that around it. */
  async function explained(pod: SeenPod, around: Partial<Surroundings> = {}): Promise<RecordView["attempts"][number]> {
    const { app, cluster, look } = await running();
    cluster.nodes.set("n1", READY);
    cluster.ended.push(pod);
    cluster.surroundings.set("uid-1", { events: [], members: [], ...around });
    await look();
    return (await attempts(app))[0] as RecordView["attempts"][number];
  }
  const noteOf = ({ evidence }: RecordView["attempts"][number]): string => String(evidence?.[0]?.note);

  test("is lost, if nothing around it says more", async () => {
    expect(await explained(KILLED)).toMatchObject({ cause: "lost" });
  });

  test("is what an event says, if it was an eviction", async () => {
    const event = { reason: "TaintManagerEviction", message: "Marking for deletion Pod default/x", about: "Pod" };
    const found = await explained(KILLED, { events: [event], owner: job({ active: 1 }) });
    expect(found).toMatchObject({ cause: "interrupted" });
    expect(noteOf(found)).toContain("TaintManagerEviction");
  });

  test.each([
    ["an image that could not be pulled at first", "Failed", "Failed to pull image: not found"],
    ["a registry that was slow", "BackOff", "Back-off pulling image"],
    ["a probe that failed", "Unhealthy", "Liveness probe failed"],
  ])("is not %s: it began all the same", async (_, reason, message) => {
    const events = [{ reason, message, type: "Warning", about: "Pod" }];
    expect(await explained(KILLED, { events })).toMatchObject({ cause: "lost" });
  });

  const job = (more: Partial<OwnerFacts>): OwnerFacts => ({
    kind: "Job",
    conditions: [],
    isSuspended: false,
    active: 0,
    succeeded: 0,
    failed: 0,
    ...more,
  });

  test("is an interruption, if a queue has suspended its Job", async () => {
    const owner = job({ isSuspended: true });
    const found = await explained(KILLED, { owner });
    expect(found).toMatchObject({ cause: "interrupted" });
    expect(noteOf(found)).toBe("its Job was suspended");
    // Its process heard that it was to end, and chose a code of its own.
    const deleted = { metadata: { deletionTimestamp: "2026-11-22T12:00:30Z", labels: { "lastbeat.dev/run": "etl" } } };
    const handled = endedPod("uid-1", "etl", terminated(1), deleted);
    expect(await explained(handled, { owner })).toMatchObject({ cause: "interrupted" });
    expect(await explained(handled)).toMatchObject({ cause: "crashed" });
    expect(await explained(endedPod("uid-1", "etl", terminated(1)), { owner })).toMatchObject({ cause: "crashed" });
  });

  test.each([
    ["runs another pod", { active: 3 }],
    [
      "has had enough of its pods",
      { failed: 4, conditions: [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded" }] },
    ],
    ["was completed by another pod", { succeeded: 1, conditions: [{ type: "Complete", status: "True" }] }],
  ])("does not change because its Job %s", async (_, more) => {
    const found = await explained(KILLED, { owner: job(more) });
    expect(found).toMatchObject({ cause: "lost" });
    expect(noteOf(found)).not.toContain("job.");
  });

  test("is looked up once: a cluster that does not answer costs the reason, and not the verdict", async () => {
    const { app, cluster, look } = await running();
    cluster.nodes.set("n1", READY);
    cluster.ended.push(KILLED);
    vi.spyOn(cluster, "around").mockRejectedValue(new Error("504"));
    expect(await look()).toMatchObject({ gone: 1, failed: 0 });
    expect(await attempts(app)).toMatchObject([{ cause: "lost" }]);
    expect(app.logged).toContainEqual(expect.objectContaining({ decision: "surroundings-silent" }));
  });

  test("is not asked about again in a look that got no answer", async () => {
    const { app, cluster, look } = await running();
    for (const uid of ["uid-2", "uid-3"]) {
      const ticket = await ticketOf(app, uid, specWith({ lease: seconds(3600) }));
      await claim(app, ticket, { ...holder("a"), podUid: uid });
      cluster.ended.push(endedPod(uid, uid, terminated(137)));
    }
    app.pass(seconds(10));
    cluster.nodes.set("n1", READY);
    let asked = 0;
    cluster.around = async () => {
      asked += 1;
      await Promise.resolve();
      throw new Error("504");
    };
    cluster.ended.push(...Array.from({ length: 40 }, (_, index) => endedPod(`other-${index}`, "etl", terminated(137))));
    expect(await look()).toMatchObject({ gone: 2 });
    expect(asked).toBeLessThanOrEqual(2);
  });

  test("costs no request where the pod explains itself, or is none of ours", async () => {
    const { cluster, look } = await running();
    cluster.ended.push(endedPod("uid-1", "etl", EVICTED), endedPod("uid-2", "other", terminated(137)));
    const around = vi.spyOn(cluster, "around");
    await look();
    expect(around).not.toHaveBeenCalled();
  });

  describe("in a gang", () => {
    const inGang = { metadata: { labels: { "lastbeat.dev/run": "etl", "jobset.sigs.k8s.io/jobset-name": "train" } } };
    const at = (finishedAt: string, exitCode: number): Fields => ({
      containerStatuses: [{ name: "work", state: { terminated: { exitCode, finishedAt } } }],
    });
    const FAILED = endedPod("uid-1", "etl", at("2026-11-22T12:00:35Z", 1), inGang);
    const member = (status: Fields) => endedPod("uid-2", "etl", status, inGang).facts;
    const evicted = (finishedAt: string) => {
      const condition = { type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" };
      return member({ ...at(finishedAt, 143), conditions: [{ ...condition, lastTransitionTime: finishedAt }] });
    };

    test("is the eviction of the member that went first", async () => {
      const found = await explained(FAILED, { members: [evicted("2026-11-22T12:00:22Z")], owner: job({ active: 3 }) });
      expect(found).toMatchObject({ cause: "interrupted" });
      expect(noteOf(found)).toContain("DisruptionTarget");
    });

    test("is also that of a member of whose containers nobody knows anything", async () => {
      const lastTransitionTime = "2026-11-22T12:00:20Z";
      const condition = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", lastTransitionTime };
      const found = await explained(FAILED, { members: [member({ conditions: [condition] })] });
      expect(found).toMatchObject({ cause: "interrupted" });
    });

    test.each([
      ["it went first", () => evicted("2026-11-22T12:00:39Z")],
      ["the other was replaced hours ago", () => evicted("2026-11-22T06:00:00Z")],
      ["the other failed by itself", () => member(at("2026-11-22T12:00:30Z", 1))],
      [
        "the other runs on",
        () => member({ phase: "Running", containerStatuses: [{ name: "work", state: { running: {} } }] }),
      ],
    ])("is its own, if %s", async (_, other) => {
      expect(await explained(FAILED, { members: [other()] })).toMatchObject({ cause: "crashed" });
    });
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
    const again = await running();
    again.cluster.ended.push(nowhere);
    expect(await again.look()).toMatchObject({ other: 1 });
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
