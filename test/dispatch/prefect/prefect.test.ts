import { describe, expect, test } from "vitest";
import type { PrefectTarget } from "../../../lib/core/spec.ts";
import { after, type Instant, instant, seconds } from "../../../lib/core/time.ts";
import { prefectStarter } from "../../../lib/dispatch/prefect/starter.ts";
import { Refused, type Requeue, type Starter } from "../../../lib/ports/dispatch.ts";
import { requeueOf } from "../announcements.ts";
import { describeStarter } from "../starter-suite.ts";
import { fakePrefect } from "./fake.ts";
import { playedPrefect } from "./played.ts";
import { describePrefect, type PrefectStage, walk } from "./stage.ts";

const NOON = instant(Date.parse("2026-11-28T12:00:00Z"));
/** Seconds later. */
const plus = (at: Instant, count: number): Instant => after(at, seconds(count));
const LATER = plus(NOON, 15);

describePrefect("ours, in memory", async () => fakePrefect(() => NOON));
describeStarter("a flow run of Prefect", () =>
  playedPrefect(
    fakePrefect(() => NOON),
    () => LATER,
  ),
);

type Scene = {
  readonly stage: PrefectStage;
  readonly id: string;
  readonly starter: Starter;
  requeue(attempt: number, more?: Partial<Requeue>): Requeue;
  now: Instant;
};

/** A flow run whose engine has gone through these states at noon. */
async function scene(
  states: readonly Parameters<typeof walk>[2][],
  options: Parameters<PrefectStage["create"]>[0] = {},
  onDemand?: Readonly<Record<string, unknown>>,
): Promise<Scene> {
  const it: { now: Instant } = { now: NOON };
  const stage = fakePrefect(() => it.now);
  const id = await stage.create(options);
  await walk(stage, id, ...states);
  const target: PrefectTarget = { kind: "prefect", name: "prod", flowRun: id };
  const settings = { name: "prod", ...(onDemand !== undefined && { onDemand }) };
  const starter = prefectStarter(stage.server, settings, target, () => it.now);
  return Object.assign(it, {
    stage,
    id,
    starter,
    requeue: (attempt: number, more: Partial<Requeue> = {}) => requeueOf(attempt, { target, ...more }),
  });
}

describe("what a flow run shows of an attempt that nobody has claimed", () => {
  test.each([
    [["PENDING", "RUNNING"], { before: "there", next: "none" }],
    [["PENDING", "RUNNING", "CRASHED"], { before: "ending", next: "none" }],
    [[], { before: "gone", next: "suspended" }],
    [["PAUSED"], { before: "gone", next: "suspended" }],
    [["PENDING"], { before: "gone", next: "started" }],
    [["PENDING", "RUNNING", "COMPLETED"], { ended: { outcome: "succeeded" } }],
    [["PENDING", "RUNNING", "CANCELLING"], { ended: { outcome: "canceled" } }],
    [["CANCELLED"], { ended: { outcome: "canceled" } }],
    [["PENDING", "RUNNING", "FAILED"], { ended: { outcome: "canceled", note: "Prefect says FAILED" } }],
  ] as const)("after %j: %j", async (states, shown) => {
    const { starter, requeue } = await scene(states);
    expect(await starter.look(requeue(2))).toMatchObject(shown);
  });

  test("a crash is over after ten seconds, or when the worker has reported it for the second time", async () => {
    const it = await scene(["PENDING", "RUNNING", "CRASHED"]);
    it.now = plus(NOON, 10);
    expect(await it.starter.look(it.requeue(2))).toMatchObject({ before: "gone" });
    const told = await scene(["PENDING", "RUNNING"]);
    await told.stage.ask(told.id, {
      type: "CRASHED",
      message: "Flow run infrastructure exited with non-zero status code -9.",
    });
    expect(await told.starter.look(told.requeue(2))).toMatchObject({ before: "gone" });
  });

  test("a process that was cut off may report after its end: the ten seconds count from the announcement", async () => {
    const it = await scene(["PENDING", "RUNNING", "CRASHED"]);
    it.now = plus(NOON, 60);
    const late = it.requeue(2, { at: plus(NOON, 55) });
    expect(await it.starter.look(late)).toMatchObject({ before: "ending" });
    it.now = plus(NOON, 65);
    expect(await it.starter.look(late)).toMatchObject({ before: "gone" });
  });

  test("a run that is PENDING for fifteen minutes belongs to a process that has died", async () => {
    const it = await scene(["PENDING"]);
    it.now = plus(NOON, 900);
    expect(await it.starter.look(it.requeue(2))).toMatchObject({ before: "there" });
    await it.starter.fence(it.requeue(2));
    expect(await it.stage.server.read(it.id)).toMatchObject({ state: "CRASHED" });
  });

  test("a run that waits for the retry of a dead engine is freed", async () => {
    const it = await scene(["PENDING", "RUNNING", "FAILED"], { retries: 1 });
    expect(await it.starter.look(it.requeue(2))).toMatchObject({ before: "there", next: "none" });
    await it.starter.fence(it.requeue(2));
    it.now = LATER;
    await it.starter.nudge(it.requeue(2));
    expect(await it.stage.server.read(it.id)).toMatchObject({
      state: "SCHEDULED",
      policy: { retry_type: "reschedule" },
    });
  });

  test("a run that was deleted is wanted by nobody", async () => {
    const { stage, requeue } = await scene([]);
    const target = { kind: "prefect", name: "prod", flowRun: "00000000-0000-4000-8000-999999999999" } as const;
    const starter = prefectStarter(stage.server, { name: "prod" }, target, () => NOON);
    expect(await starter.look(requeue(2))).toMatchObject({ ended: { outcome: "canceled" } });
    await Promise.all([starter.fence(requeue(2)), starter.nudge(requeue(2)), starter.withdraw(requeue(2))]);
  });
});

describe("a flow run that is given back", () => {
  test("keeps its place in the queue: its time is that of its first start", async () => {
    const it = await scene(["PENDING", "RUNNING", "CRASHED"]);
    it.now = plus(NOON, 3600);
    const asked: unknown[] = [];
    const server = {
      ...it.stage.server,
      transition: async (id: string, to: Parameters<typeof it.stage.server.transition>[1]) => {
        asked.push(to.scheduledTime);
        return it.stage.server.transition(id, to);
      },
    };
    const target = { kind: "prefect", name: "prod", flowRun: it.id } as const;
    await prefectStarter(server, { name: "prod" }, target, () => it.now).nudge(it.requeue(2));
    expect(asked).toEqual([NOON]);
  });

  test("has all retries of its user left, whatever was repeated, and however often it was lost", async () => {
    const it = await scene(["PENDING", "RUNNING"], { retries: 2 });
    for (const attempt of [2, 3]) {
      await it.starter.fence(it.requeue(attempt));
      it.now = plus(it.now, 15);
      await Promise.all([it.starter.nudge(it.requeue(attempt)), it.starter.nudge(it.requeue(attempt))]);
      await it.starter.nudge(it.requeue(attempt));
      await walk(it.stage, it.id, "PENDING", "RUNNING");
    }
    expect(await it.stage.server.read(it.id)).toMatchObject({ runCount: 3, policy: { retries: 4 } });
  });

  test("has used a retry if its own work had failed before its engine was lost", async () => {
    const it = await scene(["PENDING", "RUNNING", "FAILED"], { retries: 1 });
    await it.starter.fence(it.requeue(2));
    it.now = LATER;
    await it.starter.nudge(it.requeue(2));
    expect(await it.stage.server.read(it.id)).toMatchObject({ state: "SCHEDULED", policy: { retries: 1 } });
  });

  test("has used none if it was lost before it ran, and the engine reads its user's number itself", async () => {
    const early = await scene(["PENDING", "CRASHED"], { retries: 3 });
    early.now = LATER;
    await early.starter.nudge(early.requeue(2));
    expect(await early.stage.server.read(early.id)).toMatchObject({ state: "SCHEDULED", policy: { retries: 3 } });
    const without = await scene(["PENDING", "RUNNING", "CRASHED"]);
    await without.stage.server.setPolicy(without.id, { retries: null });
    without.now = LATER;
    await without.starter.nudge(without.requeue(2));
    expect(await without.stage.server.read(without.id)).toMatchObject({
      state: "SCHEDULED",
      policy: { retries: null },
    });
  });

  test("is left to the process that was faster, between our look and our word", async () => {
    const it = await scene(["PENDING", "RUNNING", "CRASHED"]);
    it.now = LATER;
    const server = {
      ...it.stage.server,
      setPolicy: async () => {
        it.now = plus(LATER, 1);
        await walk(it.stage, it.id, "SCHEDULED", "PENDING");
      },
    };
    const target = { kind: "prefect", name: "prod", flowRun: it.id } as const;
    await prefectStarter(server, { name: "prod" }, target, () => it.now).nudge(it.requeue(2));
    expect(await it.stage.server.read(it.id)).toMatchObject({ state: "PENDING" });
  });

  test("is not taken from others: what runs before an attempt of ours has begun is not ours", async () => {
    const it = await scene(["PENDING", "RUNNING"]);
    await expect(it.starter.fence(it.requeue(1))).rejects.toMatchObject({ constructor: Refused, isOwn: true });
    expect(await it.stage.server.read(it.id)).toMatchObject({ state: "RUNNING" });
  });

  test("goes to an on-demand machine at the last attempt, and no worker takes it before that is written", async () => {
    const it = await scene(["PENDING", "RUNNING", "CRASHED"], {}, { capacity: "on-demand" });
    it.now = LATER;
    const last = it.requeue(2, { capacity: "on-demand" });
    await it.starter.nudge(last);
    expect(await it.stage.server.read(it.id)).toMatchObject({ jobVariables: { capacity: "on-demand" } });
    const scheduled = (await it.stage.states(it.id)).filter(({ type }) => type === "SCHEDULED");
    expect(scheduled).toHaveLength(3); // when it was made, for the change, and at its own time
    await it.starter.nudge(last);
    expect(await it.stage.states(it.id)).toHaveLength(6);
  });

  test("is left alone if somebody else has started it", async () => {
    for (const states of [["PENDING"], ["CRASHED", "SCHEDULED"]] as const) {
      const it = await scene(states);
      const before = await it.stage.states(it.id);
      const count = before.length;
      await it.starter.nudge(it.requeue(2));
      await it.starter.withdraw(it.requeue(2));
      expect(await it.stage.states(it.id)).toHaveLength(count);
    }
  });

  test("cannot be started without a deployment: its owner is told why", async () => {
    const it = await scene(["PENDING", "RUNNING", "CRASHED"], { hasDeployment: false });
    it.now = LATER;
    const error = await it.starter.nudge(it.requeue(2)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ isOwn: true, message: expect.stringContaining("has no deployment") });
  });
});

describe("the end of a run", () => {
  const ended = { run: "etl", attempt: 2, cause: "lost", at: NOON } as const;

  test.each([
    [["PENDING", "RUNNING"], "exhausted", "CRASHED"],
    [["PENDING"], "canceled", "CANCELLED"],
    [["PENDING", "RUNNING", "FAILED"], "failed", "FAILED"],
    [["PENDING", "RUNNING", "COMPLETED"], "canceled", "COMPLETED"],
    [[], "exhausted", "SCHEDULED"], // somebody else has started it
  ] as const)("after %j, when it is %s, Prefect says %s", async (states, outcome, state) => {
    const { starter, stage, id } = await scene(states);
    const target = { kind: "prefect", name: "prod", flowRun: id } as const;
    await starter.close?.({ ...ended, outcome, target });
    await starter.close?.({ ...ended, outcome, target });
    expect(await stage.server.read(id)).toMatchObject({ state });
  });

  test("takes back what was given to the workers, and frees what waits for a dead engine", async () => {
    const given = await scene(["PENDING", "RUNNING", "CRASHED"]);
    given.now = LATER;
    await given.starter.nudge(given.requeue(2));
    const target = { kind: "prefect", name: "prod", flowRun: given.id } as const;
    await given.starter.close?.({ ...ended, outcome: "canceled", target });
    expect(await given.stage.server.read(given.id)).toMatchObject({ state: "CANCELLED" });
    const stranded = await scene(["PENDING", "RUNNING", "FAILED"], { retries: 1 });
    await stranded.starter.close?.({ ...ended, outcome: "exhausted", target });
    expect(await stranded.stage.server.read(stranded.id)).toMatchObject({ state: "CRASHED" });
  });
});
