import { describe, expect, test } from "vitest";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { cancel, requeue } from "../../lib/app/owner-requests.ts";
import { watchedIn } from "../../lib/app/pods.ts";
import { nothingWatched, type Watched, watch } from "../../lib/app/watch.ts";
import type { WatchCounts } from "../../lib/app/watch-counts.ts";
import { after, before, seconds } from "../../lib/core/time.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { type RecordView, recordView } from "../../lib/wire/run-view.ts";
import { TARGET } from "../dispatch/announcements.ts";
import { endedPod, runningPod, type TestCluster, terminated, testCluster } from "./cluster.ts";
import { type Service, service, specWith, ticketOf } from "./service.ts";

const LEASE = seconds(600);
const SPEC = specWith({ lease: LEASE, target: { ...TARGET, cluster: "test", agent: "none" } });

type Stage = {
  readonly app: Service;
  readonly cluster: TestCluster;
  readonly ticket: Claims;
  readonly watched: Watched;
  look(): Promise<WatchCounts>;
  record(): Promise<RecordView>;
};

/** A run whose attempts have no agent, and that is queued. */
async function queued(spec = SPEC): Promise<Stage> {
  const app = service();
  const cluster = testCluster();
  const watched = nothingWatched();
  const ticket = await ticketOf(app, "etl", spec);
  return {
    app,
    cluster,
    ticket,
    watched,
    look: () => {
      app.pass(seconds(10));
      return watch(app, cluster, watched, after(app.now(), seconds(50)));
    },
    record: async () => {
      const found = await inspect(app, "etl");
      if (found === undefined) throw new Error("there is no run etl");
      return recordView(found.registration, found.current, found.lines);
    },
  };
}

/** The same run when its pod `uid-1` runs, and was seen. */
async function running(spec = SPEC): Promise<Stage> {
  const stage = await queued(spec);
  stage.cluster.running.push(runningPod("uid-1", "etl", stage.ticket.fence));
  expect(await stage.look()).toMatchObject({ claimed: 1 });
  return stage;
}

/** The pod has left the list of those that run. */
const leaves = ({ cluster }: Stage): void => void cluster.running.splice(0);

const madeFor = (fence: number): Readonly<Record<string, unknown>> => ({
  metadata: { labels: { "lastbeat.dev/run": "etl", "lastbeat.dev/fence": String(fence) } },
});

describe("a pod without an agent", () => {
  test("claims its attempt when it is seen to run, and says where it is", async () => {
    const stage = await queued();
    stage.cluster.nodes.set("n1", { instance: "i-0abc", conditions: [], taints: [] });
    stage.cluster.running.push(runningPod("uid-1", "etl", stage.ticket.fence));
    expect(await stage.look()).toMatchObject({ running: 1, claimed: 1, failed: 0 });
    const { attempts, state, host } = await stage.record();
    expect({ state, host }).toEqual({ state: "running", host: "i-0abc" });
    expect(attempts[0]?.holder).toMatchObject({ podUid: "uid-1", pod: "pod-uid-1", node: "n1", cluster: "test" });
  });

  test("is its own heartbeat: while it runs its lease is renewed, a few times in each", async () => {
    const stage = await running();
    let beaten = 0;
    for (let look = 0; look < 180; look += 1) beaten += (await stage.look()).beaten;
    expect((await stage.record()).state).toBe("running");
    expect(beaten).toBe(12); // in half an hour, with a lease of 600 s
  });

  test("is never lost by silence, neither of its cluster nor of our looks, nor while its host is drained", async () => {
    const stage = await running();
    stage.app.pass(seconds(3 * 3600));
    await stage.app.swept();
    expect((await stage.record()).state).toBe("running");
    expect(await stage.look()).toMatchObject({ beaten: 1 });
  });

  test("says nothing about the front door, through which it does not come", async () => {
    const stage = await running();
    const pages = await stage.app.runs.page(stage.ticket.shard, 10);
    expect(pages.sightings).toMatchObject([{ isWatched: true }]);
  });

  test.each([
    ["a success", { phase: "Succeeded", ...terminated(0, "Completed") }, "succeeded"],
    ["a failure", terminated(3), "crashed"],
    ["the code of an agent, which it has none of", terminated(82), "crashed"],
    ["a kill for want of memory", terminated(137, "OOMKilled"), "out-of-memory"],
  ])("ends its attempt with %s", async (_, status, cause) => {
    const stage = await running();
    leaves(stage);
    stage.cluster.ended.push(endedPod("uid-1", "etl", status, madeFor(stage.ticket.fence)));
    expect(await stage.look()).toMatchObject({ reported: 1 });
    expect((await stage.record()).attempts).toMatchObject([{ cause }]);
    expect(await stage.look()).toMatchObject({ known: 1, gone: 0 });
    expect(await stage.app.hosts.entries(watchedIn(stage.cluster), before(stage.app.now(), LEASE))).toEqual([]);
  });

  test("that has ended between two looks is claimed and ended at once", async () => {
    const stage = await queued();
    stage.cluster.ended.push(
      endedPod("uid-1", "etl", { phase: "Succeeded", ...terminated(0, "Completed") }, madeFor(stage.ticket.fence)),
    );
    expect(await stage.look()).toMatchObject({ reported: 1 });
    expect(await stage.record()).toMatchObject({ outcome: "succeeded", attempts: [{ holder: { podUid: "uid-1" } }] });
  });

  test("that ends between the two lists is in both, and its Job stays for people who want its log", async () => {
    const stage = await running();
    const { cluster, ticket } = stage;
    stage.app.pass(seconds(600)); // it is due to be looked at
    cluster.ended.push(
      endedPod("uid-1", "etl", { phase: "Succeeded", ...terminated(0, "Completed") }, madeFor(ticket.fence)),
    );
    expect(await stage.look()).toMatchObject({ reported: 1, stopped: 0 });
    expect(cluster.stopped).toEqual([]);
    expect(await stage.record()).toMatchObject({ state: "ended", outcome: "succeeded" });
  });

  test("that is gone was deleted, which is an interruption; it is asked for by its name before", async () => {
    const stage = await running();
    leaves(stage);
    const there = stage.cluster.pod;
    stage.cluster.pod = async () => ({ ...endedPod("uid-1", "etl", {}), uid: "uid-1" });
    expect(await stage.look()).toMatchObject({ gone: 0 });
    stage.cluster.pod = there;
    expect(await stage.look()).toMatchObject({ gone: 1 });
    const { attempts } = await stage.record();
    expect(attempts).toMatchObject([
      { cause: "interrupted", evidence: [{ kind: "pod-evicted", note: "the pod default/pod-uid-1 was deleted" }] },
    ]);
    expect(stage.app.messages()).toMatchObject([{ data: { next: { attempt: 2, held: false } } }]);
  });

  test("that is gone is found beside a second pod of its Job, which a queue has resumed", async () => {
    const stage = await running();
    leaves(stage);
    stage.cluster.running.push(runningPod("uid-2", "etl", stage.ticket.fence));
    expect(await stage.look()).toMatchObject({ gone: 1, claimed: 0 });
    const { attempts } = await stage.record();
    expect(attempts).toMatchObject([{ cause: "interrupted" }]);
    expect(stage.app.messages()).toMatchObject([{ data: { next: { attempt: 2 } } }]);
  });

  test.each([
    ["in another namespace", { namespace: "debug" }],
    [
      "that its owner has labelled, in another namespace",
      { namespace: "staging", labels: { "lastbeat.dev/run": "etl" } },
    ],
  ])("that is gone is found beside a copy of its labels %s", async (_, more) => {
    const stage = await running();
    leaves(stage);
    const copy = runningPod("uid-2", "etl", stage.ticket.fence);
    stage.cluster.running.push({ ...copy, ...more, labels: { ...copy.labels, ...("labels" in more && more.labels) } });
    expect(await stage.look()).toMatchObject({ gone: 1 });
  });

  test("that is gone is found beside a second pod that has run and ended between two looks", async () => {
    const stage = await running();
    leaves(stage);
    stage.cluster.ended.push(endedPod("uid-2", "etl", terminated(1), madeFor(stage.ticket.fence)));
    expect(await stage.look()).toMatchObject({ gone: 1 });
    expect((await stage.record()).attempts).toMatchObject([{ cause: "interrupted" }]);
  });

  test("that is gone is found beside the pods of attempts before, which are still listed", async () => {
    const stage = await queued();
    stage.cluster.ended.push(endedPod("uid-1", "etl", terminated(137), madeFor(stage.ticket.fence)));
    await stage.look();
    expect(await stage.look()).toMatchObject({ gone: 1 });
    stage.cluster.running.push(runningPod("uid-2", "etl", stage.ticket.fence + 1));
    expect(await stage.look()).toMatchObject({ claimed: 1 });
    leaves(stage);
    expect(await stage.look()).toMatchObject({ gone: 1 });
    expect((await stage.record()).attempts).toMatchObject([{ cause: "lost" }, { cause: "interrupted" }]);
  });

  test("whose end only a controller has written is waited for until its node is gone, too", async () => {
    const stage = await running();
    leaves(stage);
    stage.cluster.nodes.set("n1", { exists: true, conditions: [], taints: [] });
    const collected = {
      conditions: [{ type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC" }],
      containerStatuses: [{ name: "work", state: { running: {} } }],
    };
    stage.cluster.ended.push(endedPod("uid-1", "etl", collected, madeFor(stage.ticket.fence)));
    expect(await stage.look()).toMatchObject({ waiting: 1 });
    expect(await stage.record()).toMatchObject({ state: "leaving", attempt: 1 });
    stage.app.pass(seconds(3600));
    await stage.app.swept();
    expect(await stage.record()).toMatchObject({ state: "leaving", attempt: 1 });
    stage.cluster.nodes.delete("n1");
    expect(await stage.look()).toMatchObject({ gone: 1 });
    expect((await stage.record()).attempts).toMatchObject([{ cause: "interrupted" }]);
  });

  test("is stopped when its run is canceled, when its owner wants another attempt, and when its attempt is over", async () => {
    const canceled = await running();
    await cancel(canceled.app, "etl", "no need");
    canceled.app.pass(seconds(150));
    expect(await canceled.look()).toMatchObject({ stopped: 1 });
    expect(canceled.cluster.stopped).toEqual(["job-uid-1"]);

    const asked = await running();
    await requeue(asked.app, "etl", undefined, "stuck");
    asked.app.pass(seconds(150));
    expect(await asked.look()).toMatchObject({ stopped: 1 });

    const over = await running();
    await finish(over.app, over.ticket, { outcome: "failed", exitCode: 1 });
    over.app.pass(seconds(150));
    expect(await over.look()).toMatchObject({ stopped: 1 });
  });

  test("that its owner has made holds the first attempt, and is not ours to stop", async () => {
    const stage = await queued();
    stage.cluster.running.push(runningPod("uid-1", "etl"), runningPod("uid-2", "etl"));
    expect(await stage.look()).toMatchObject({ running: 2, claimed: 1, stopped: 0 });
    await finish(stage.app, stage.ticket, { outcome: "interrupted" });
    stage.app.pass(LEASE);
    expect(await stage.look()).toMatchObject({ claimed: 0, stopped: 0 });
    expect(await stage.record()).toMatchObject({ state: "queued", attempt: 2 });
  });

  test("is none of ours in another place, or if its run is started with an agent", async () => {
    for (const target of [
      { ...TARGET, cluster: "test", agent: "none", namespace: "ml" },
      { ...TARGET, cluster: "test", agent: "exec" },
    ] as const) {
      const stage = await queued({ ...SPEC, target });
      stage.cluster.running.push(runningPod("uid-1", "etl", stage.ticket.fence), runningPod("uid-9", "nobody"));
      expect(await stage.look()).toMatchObject({ running: 2, claimed: 0, stopped: 0, failed: 0 });
    }
  });

  test("is found again after the claim was cut off half way", async () => {
    const stage = await queued();
    stage.cluster.running.push(runningPod("uid-1", "etl", stage.ticket.fence));
    const { ledger } = stage.app;
    const claim = ledger.claim;
    ledger.claim = async () => {
      throw new Error("the table does not answer");
    };
    expect(await stage.look()).toMatchObject({ claimed: 0, failed: 1 });
    ledger.claim = claim;
    expect(await stage.look()).toMatchObject({ beaten: 1 });
    expect((await stage.record()).attempts).toMatchObject([{ holder: { podUid: "uid-1" } }]);
  });

  test("that is gone is found also after its claim was cut off half way, when nobody can be writing it any more", async () => {
    const stage = await queued();
    stage.cluster.running.push(runningPod("uid-1", "etl", stage.ticket.fence));
    stage.app.ledger.claim = async () => {
      throw new Error("the table does not answer");
    };
    await stage.look();
    leaves(stage);
    expect(await stage.look()).toMatchObject({ gone: 0, failed: 0 });
    stage.app.pass(seconds(120));
    expect(await stage.look()).toMatchObject({ gone: 1 });
    expect((await stage.record()).attempts).toMatchObject([{ cause: "lost" }]);
  });

  test("whose run is registered later is found a minute after that", async () => {
    const stage = await queued();
    stage.cluster.running.push(runningPod("uid-7", "later"));
    expect(await stage.look()).toMatchObject({ claimed: 0 });
    await ticketOf(stage.app, "later", SPEC);
    stage.app.pass(seconds(50));
    expect(await stage.look()).toMatchObject({ claimed: 1 });
  });
});
