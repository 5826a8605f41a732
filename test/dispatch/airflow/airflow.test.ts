import { describe, expect, test } from "vitest";
import { airflowStarter, TRY_NUMBER } from "../../../lib/dispatch/airflow/starter.ts";
import type { TaskInstance } from "../../../lib/ports/airflow.ts";
import type { Requeue, Starter } from "../../../lib/ports/dispatch.ts";
import { requeueOf } from "../announcements.ts";
import { describeStarter } from "../starter-suite.ts";
import { fakeAirflow } from "./fake.ts";
import { playedAirflow } from "./played.ts";
import { describeAirflow } from "./stage.ts";

describeAirflow("ours, in memory", async () => fakeAirflow());
describeStarter("a task instance of Airflow", () => playedAirflow(fakeAirflow()));

type Scene = {
  readonly starter: Starter;
  readonly requeue: Requeue;
  set(own: Partial<TaskInstance>): void;
  found(): Promise<TaskInstance | undefined>;
};

/** A task instance whose try 2 was that of the attempt before. */
async function scene(own: Partial<TaskInstance> = {}, holder?: Readonly<Record<string, string>>): Promise<Scene> {
  const stage = fakeAirflow();
  const { mapIndex: _, ...key } = await stage.create();
  const target = { kind: "airflow", name: "prod", ...key } as const;
  const task = { ...key, mapIndex: -1 };
  stage.set(task, { tryNumber: 2, ...own });
  const previous = { attempt: 1, fence: 7, isReported: false, holder: holder ?? { [TRY_NUMBER]: "2" } };
  return {
    starter: airflowStarter(stage.server, target),
    requeue: requeueOf(2, { target, previous }),
    set: (more) => stage.set(task, more),
    found: () => stage.server.read(task),
  };
}

describe("what a task instance shows of an attempt that nobody has claimed", () => {
  test.each<[string | undefined, object]>([
    ["running", { before: "there", next: "none" }],
    ["restarting", { before: "gone", next: "none" }],
    ["up_for_retry", { before: "gone", next: "none" }],
    ["failed", { ended: { outcome: "canceled", note: "Airflow says failed" } }],
    ["awaiting_input", { before: "gone", next: "suspended" }],
    [undefined, { before: "gone", next: "suspended" }],
    ["queued", { before: "gone", next: "suspended" }],
    ["deferred", { before: "gone", next: "suspended" }],
    ["success", { ended: { outcome: "succeeded" } }],
    ["skipped", { ended: { outcome: "canceled", note: "Airflow says skipped" } }],
    ["upstream_failed", { ended: { outcome: "canceled" } }],
  ])("when it is %s: %j", async (state, shown) => {
    const { starter, requeue } = await scene({ state });
    expect(await starter.look(requeue)).toMatchObject(shown);
  });

  test("a later try is not that of the attempt before", async () => {
    const { starter, requeue, found } = await scene({ state: "running", tryNumber: 3 });
    expect(await starter.look(requeue)).toEqual({ before: "gone", next: "started" });
    await starter.fence(requeue);
    expect(await found()).toMatchObject({ state: "running" });
  });

  test("without the number of its try, what runs is that of the attempt before: nobody has claimed since", async () => {
    const { starter, requeue } = await scene({ state: "running", tryNumber: 3 }, {});
    expect(await starter.look(requeue)).toEqual({ before: "there", next: "none" });
  });

  test("one that was deleted is wanted by nobody", async () => {
    const { requeue } = await scene();
    const target = { kind: "airflow", name: "prod", dag: "none", dagRun: "none", task: "none", mapIndex: 3 } as const;
    const starter = airflowStarter(fakeAirflow().server, target);
    expect(await starter.look(requeue)).toMatchObject({ ended: { outcome: "canceled" } });
    await Promise.all([starter.fence(requeue), starter.nudge(requeue), starter.withdraw(requeue)]);
  });
});

describe("a task instance that is given back", () => {
  test("is cleared once more after its restart was asked for, and not a third time", async () => {
    const { starter, requeue, found, set } = await scene();
    await starter.fence(requeue);
    expect(await found()).toMatchObject({ state: "restarting" });
    await starter.nudge(requeue);
    expect(await found()).toMatchObject({ state: undefined, note: "Lastbeat: etl is to run again, after try 2" });
    set({ state: "running", tryNumber: 3 });
    await Promise.all([starter.nudge(requeue), starter.fence(requeue), starter.withdraw(requeue)]);
    expect(await found()).toMatchObject({ state: "running", tryNumber: 3 });
  });

  test("gets back the retry that Airflow has charged for the loss", async () => {
    const { starter, requeue, found } = await scene({ state: "up_for_retry" });
    await starter.nudge(requeue);
    expect(await found()).toMatchObject({ state: undefined });
  });

  test("is shown as failed when its run has ended, if it is still ours", async () => {
    const ended = { run: "etl", attempt: 1, outcome: "exhausted", cause: "lost", at: requeueOf(2).at } as const;
    for (const [own, state] of [
      [{ state: "running" }, "failed"],
      [{ state: "running", tryNumber: 3 }, "running"],
      [{ state: "success" }, "success"],
      [{ state: "restarting" }, "restarting"],
      [{ state: "up_for_retry" }, "up_for_retry"],
      [{ state: undefined, note: "Lastbeat: etl is to run again, after try 2" }, "failed"],
      [{ state: "queued", tryNumber: 3, note: "Lastbeat: etl is to run again, after try 2" }, "failed"],
      [{ state: "queued", tryNumber: 4, note: "Lastbeat: etl is to run again, after try 2" }, "queued"],
      [{ state: "queued" }, "queued"],
    ] as const) {
      const { starter, requeue, found } = await scene(own);
      await starter.close?.({ ...ended, target: requeue.target, holder: { [TRY_NUMBER]: "2" } });
      expect(await found()).toMatchObject({ state });
    }
  });

  test("is left to its user when its own work has failed, and fails when it was canceled between two tries", async () => {
    const note = "Lastbeat: etl is to run again, after try 2";
    for (const [own, outcome, state] of [
      [{ state: "queued", note }, "failed", "queued"],
      [{ state: "up_for_retry" }, "canceled", "failed"],
    ] as const) {
      const { starter, requeue, found } = await scene(own);
      const ended = { run: "etl", attempt: 1, cause: "crashed", at: requeue.at, holder: { [TRY_NUMBER]: "2" } };
      await starter.close?.({ ...ended, outcome, target: requeue.target });
      expect(await found()).toMatchObject({ state });
    }
    const { starter, requeue, found } = await scene();
    const ended = { run: "etl", attempt: 1, cause: "lost", at: requeue.at } as const;
    await starter.close?.({ ...ended, outcome: "exhausted", target: requeue.target });
    expect(await found()).toMatchObject({ state: "running" }); // nobody knows whose try that is
  });

  test("is started again if our own interruption has failed it", async () => {
    const { starter, requeue, found } = await scene({ state: "failed" });
    const interrupted = { ...requeue, previous: { ...requeue.previous, isReported: true } as Requeue["previous"] };
    expect(await starter.look(interrupted as Requeue)).toEqual({ before: "gone", next: "none" });
    await starter.nudge(interrupted as Requeue);
    expect(await found()).toMatchObject({ state: undefined });
  });

  test("of a state that this version does not know is an error", async () => {
    const { starter, requeue } = await scene({ state: "napping" });
    await expect(starter.look(requeue)).rejects.toThrow("Airflow says napping");
  });

  test("is taken back while it waits, if it was cleared by us", async () => {
    const { starter, requeue, found, set } = await scene({ state: "up_for_retry" });
    await starter.nudge(requeue);
    set({ state: "queued" });
    await starter.withdraw(requeue);
    expect(await found()).toMatchObject({ state: "failed" });
    set({ state: "queued", note: "cleared by a person" });
    await starter.withdraw(requeue);
    expect(await found()).toMatchObject({ state: "queued" });
  });
});
