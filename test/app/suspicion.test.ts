import { describe, expect, test, vi } from "vitest";
import { heed } from "../../lambdas/heed.ts";
import { beat } from "../../lib/app/beat.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { watchedIn } from "../../lib/app/pods.ts";
import { nothingSuspected } from "../../lib/app/suspicion.ts";
import { sweep } from "../../lib/app/sweep.ts";
import { nothingWatched, watch } from "../../lib/app/watch.ts";
import type { WatchCounts } from "../../lib/app/watch-counts.ts";
import type { Spec } from "../../lib/core/spec.ts";
import { after, type Instant, seconds } from "../../lib/core/time.ts";
import { noticeOfInstance, type SeenInstance } from "../../lib/evidence/aws/instance.ts";
import type { Machines } from "../../lib/ports/machines.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { TARGET } from "../dispatch/announcements.ts";
import { endedPod, type Fields, type TestCluster, testCluster } from "./cluster.ts";
import { type Service, service, specWith, tokenOf } from "./service.ts";

/** Leases of ten minutes: a beat comes every 150 s, and may take 30 s. */
const SPEC = specWith({ lease: seconds(600) });
const HOST = "i-0123456789abcdef0";
const on = (host: string, id = "a") => ({ id: id.padEnd(32, "0"), host });
const TERMINATED = { id: HOST, state: "terminated" } as const;

/** EC2, as far as it is told, and what it was asked. */
function ec2(...instances: readonly SeenInstance[]): Machines & { readonly asked: (readonly string[])[] } {
  const asked: (readonly string[])[] = [];
  return {
    asked,
    ending: async (hosts, now) => {
      asked.push(hosts);
      const ours = instances.filter(({ id }) => hosts.includes(id));
      return ours.map((each) => noticeOfInstance(each, now)).filter((notice) => notice !== undefined);
    },
  };
}

/** When a look has to be over. */
const soon = (app: Service): Instant => after(app.now(), seconds(50));

/** A sweep after so many seconds, and whatever its messages lead to. */
async function swept(app: Service, machines: Machines, wait: number, suspected = nothingSuspected()): Promise<void> {
  app.pass(seconds(wait));
  await sweep(app, { period: seconds(10), until: soon(app), previous: app.now() }, { machines, suspected });
  for (const event of app.notices.sent.splice(0)) await heed(app, JSON.stringify(event));
}

describe("an attempt that misses a beat", () => {
  test("whose machine has ended is lost at once, and not when its lease is over", async () => {
    const app = service();
    await tokenOf(app, "etl", SPEC, on(HOST));
    const machines = ec2(TERMINATED);
    await swept(app, machines, 175);
    expect(machines.asked).toEqual([]); // its beat may still be under way
    await swept(app, machines, 5);
    expect(machines.asked).toEqual([[HOST]]);
    expect(app.messages()).toMatchObject([{ data: { cause: "lost", next: { held: false } } }]);
    const lines = (await inspect(app, "etl"))?.lines ?? [];
    expect(lines[0]?.end?.evidence).toMatchObject([{ kind: "terminated", note: "terminated" }]);
  });

  test("whose spot machine was taken is charged to interruptions, although no warning came", async () => {
    const app = service();
    await tokenOf(app, "etl", SPEC, on(HOST));
    await swept(app, ec2({ ...TERMINATED, reason: "Server.SpotInstanceTermination" }), 200);
    expect(app.messages()).toMatchObject([{ data: { cause: "interrupted" } }]);
  });

  test("whose machine is about to end is announced, and held at the gate until its lease is over", async () => {
    const app = service();
    await tokenOf(app, "etl", SPEC, on(HOST));
    await swept(app, ec2({ ...TERMINATED, state: "shutting-down" }), 200);
    expect(app.messages()).toMatchObject([{ data: { next: { held: true } } }]);
    await swept(app, ec2({ ...TERMINATED, state: "shutting-down" }), 10);
    expect(app.messages()).toHaveLength(1);
  });

  test("whose machine is stopped is told so once, and not by each sweep of its lease", async () => {
    const app = service();
    await tokenOf(app, "etl", SPEC, on(HOST));
    const sent = vi.spyOn(app.notices, "send");
    const suspected = nothingSuspected();
    for (const wait of [200, 10, 10, 10]) await swept(app, ec2({ ...TERMINATED, state: "stopped" }), wait, suspected);
    expect(sent).toHaveBeenCalledTimes(1);
    expect(suspected.told.size).toBe(1);
    await swept(app, ec2(TERMINATED), 10, suspected);
    expect(sent).toHaveBeenCalledTimes(2);
    await swept(app, ec2(TERMINATED), 10, suspected);
    expect(suspected.told.size).toBe(0);
  });

  test.each([
    ["EC2 does not know", ec2()],
    ["runs", ec2({ ...TERMINATED, state: "running" })],
    ["starts", ec2({ ...TERMINATED, state: "pending" })],
  ])("whose machine %s goes on", async (_, machines) => {
    const app = service();
    const claims = await tokenOf(app, "etl", SPEC, on(HOST));
    await swept(app, machines, 200);
    expect(machines.asked).toEqual([[HOST]]);
    expect(app.messages()).toEqual([]);
    expect((await beat(app, claims)).kind).toBe("renewed");
  });

  test("changes nothing if EC2 does not answer: the sweep ends as always, and says so", async () => {
    const app = service();
    await tokenOf(app, "etl", SPEC, on(HOST));
    await swept(app, { ending: () => Promise.reject(new Error("connect ETIMEDOUT")) }, 200);
    expect(app.messages()).toEqual([]);
    expect(app.logged).toContainEqual({ decision: "machines-silent", error: "Error: connect ETIMEDOUT" });
    expect(app.logged.map(({ decision }) => decision)).toContain("swept");
  });
});

test("nobody asks about an attempt that beats, that names no host, or whose lease is over", async () => {
  const app = service();
  const claims = await tokenOf(app, "beats", SPEC, on(HOST));
  await tokenOf(app, "nowhere", SPEC, { id: "0".repeat(32) });
  await tokenOf(app, "late", specWith({ lease: seconds(120) }), on("i-0fedcba9876543210"));
  app.pass(seconds(150));
  await beat(app, claims);
  const machines = ec2(TERMINATED);
  await swept(app, machines, 30);
  expect(machines.asked).toEqual([]);
});

test("one machine with many silent attempts is asked about once", async () => {
  const app = service();
  for (const run of ["one", "two", "three"]) await tokenOf(app, run, SPEC, on(HOST, run));
  const machines = ec2(TERMINATED);
  await swept(app, machines, 200);
  expect(machines.asked).toEqual([[HOST]]);
  expect(app.messages()).toHaveLength(3);
});

describe("an attempt in a Job that misses a beat", () => {
  const target = { ...TARGET, cluster: "test" };
  const POD = { ...on(HOST), podUid: "uid-1", pod: "pod-uid-1", namespace: "default" };
  const runs = (status: Fields = {}, more: Fields = {}) => {
    const work = { name: "work", state: { running: {} } };
    return endedPod("uid-1", "etl", { phase: "Running", containerStatuses: [work], ...status }, more);
  };

  /** Its runner has fallen silent, and a sweep has seen that. */
  async function silent(more: Partial<Spec> = { start: "dispatch" }): Promise<{
    app: Service;
    cluster: TestCluster;
    claims: Claims;
    look(): Promise<WatchCounts>;
  }> {
    const app = service();
    const cluster = testCluster();
    const claims = await tokenOf(app, "etl", { ...SPEC, target, ...more }, POD);
    app.requeues.sent.length = 0; // the first announcement
    await swept(app, ec2(), 185);
    return {
      app,
      cluster,
      claims,
      look: () => {
        app.pass(seconds(5));
        return watch(app, cluster, nothingWatched(), soon(app));
      },
    };
  }

  test("and whose pod is gone has its successor announced, which waits: nobody saw its processes end", async () => {
    const { app, look } = await silent();
    expect(await look()).toMatchObject({ told: 1, gone: 0 });
    expect(app.messages()).toMatchObject([{ data: { cause: "interrupted", next: { held: true } } }]);
    expect(await look()).toMatchObject({ told: 0 });
  });

  test("and whose container has ended beside one that runs on is over at once", async () => {
    const { app, cluster, look } = await silent();
    const killed = { name: "work", state: { terminated: { exitCode: 137, reason: "OOMKilled" } } };
    const proxy = { name: "istio-proxy", state: { running: {} } };
    const containers = [{ name: "work" }, { name: "istio-proxy" }];
    cluster.others.push(runs({ containerStatuses: [killed, proxy] }, { spec: { restartPolicy: "Never", containers } }));
    expect(await look()).toMatchObject({ reported: 1 });
    expect((await inspect(app, "etl"))?.lines[0]?.end?.cause).toBe("out-of-memory");
  });

  test("and whose pod runs goes on, and is asked about again until it beats", async () => {
    const { app, cluster, claims, look } = await silent();
    cluster.others.push(runs());
    expect(await look()).toMatchObject({ told: 0, gone: 0, reported: 0, failed: 0 });
    expect(await app.hosts.entries(watchedIn(cluster), app.now())).toHaveLength(1);
    expect((await beat(app, claims)).kind).toBe("renewed");
    await look();
    expect(await app.hosts.entries(watchedIn(cluster), app.now())).toEqual([]);
    expect(app.messages()).toEqual([]);
  });

  test("is listed once, also by a sweep that comes late, and not by each sweep of its lease", async () => {
    const app = service();
    await tokenOf(app, "etl", { ...SPEC, target }, POD);
    const listed = vi.spyOn(app.hosts, "enter");
    const suspected = nothingSuspected();
    for (const wait of [300, 10, 10, 10]) await swept(app, ec2(), wait, suspected);
    expect(listed.mock.calls.map(([host]) => host)).toEqual(["~cluster/test"]);
    expect(suspected.listed.size).toBe(1);
    await swept(app, ec2(), 600, suspected); // its lease is over
    expect(suspected.listed.size).toBe(0);
  });

  test("and whose claim names no pod is left alone: its agent does not know where it is", async () => {
    const app = service();
    const cluster = testCluster();
    await tokenOf(app, "etl", { ...SPEC, target, start: "dispatch" }, { ...on(HOST), podUid: "uid-1" });
    await swept(app, ec2(), 185);
    expect(await watch(app, cluster, nothingWatched(), soon(app))).toMatchObject({ told: 0 });
    expect(app.messages()).toHaveLength(1); // the first announcement
    expect(await app.hosts.entries(watchedIn(cluster), app.now())).toEqual([]);
  });

  test("and whose owner has started it is told nothing by a cluster that does not have its pod", async () => {
    const { app, look } = await silent({ start: "self" });
    expect(await look()).toMatchObject({ told: 0 });
    expect(app.messages()).toEqual([]);
  });

  test("and whose pod has another container that ended goes on: nobody knows which one does the work", async () => {
    const { app, cluster, look } = await silent();
    const containerStatuses = [
      { name: "prepare", state: { terminated: { exitCode: 0 } } },
      { name: "train", state: { running: {} } },
    ];
    const containers = [{ name: "prepare" }, { name: "train" }];
    // Istio names the first container to kubectl, whatever it does.
    const metadata = {
      labels: { "lastbeat.dev/run": "etl" },
      annotations: { "kubectl.kubernetes.io/default-container": "prepare" },
    };
    cluster.others.push(runs({ containerStatuses }, { metadata, spec: { restartPolicy: "Never", containers } }));
    expect(await look()).toMatchObject({ reported: 0, gone: 0 });
    expect((await inspect(app, "etl"))?.current).toMatchObject({ state: "running" });
  });

  test("and whose cluster does not answer waits for its lease", async () => {
    const { app, cluster, look } = await silent();
    cluster.isSilent = true;
    await expect(look()).rejects.toThrow("does not answer");
    expect(app.messages()).toEqual([]);
  });
});

test("if more machines are suspected than EC2 takes at once, each sweep asks about others", async () => {
  const app = service({ dice: { roll: Math.random } });
  const named = (index: number): string => `i-${index.toString(16).padStart(17, "0")}`;
  for (let index = 0; index < 260; index += 1) await tokenOf(app, `run-${index}`, SPEC, on(named(index), `${index}`));
  const machines = ec2();
  const suspected = nothingSuspected();
  for (const wait of [185, ...Array.from({ length: 20 }, () => 10)]) await swept(app, machines, wait, suspected);
  expect(new Set(machines.asked.flatMap((hosts) => hosts.slice(0, 200))).size).toBe(260);
});
