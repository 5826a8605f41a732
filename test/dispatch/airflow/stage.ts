import { describe, expect, test } from "vitest";
import type { AirflowServer, TaskInstance, TaskKey } from "../../../lib/ports/airflow.ts";

/** A server of Airflow, a real one or ours, with what its scheduler, its executor and its machines do. */
export type AirflowStage = {
  readonly server: AirflowServer;
  /** A task instance that runs its first try, with no retries. */
  create(): Promise<TaskKey>;
  /** Waits until it runs this try. */
  runs(task: TaskKey, tryNumber: number): Promise<void>;
  /** Its process ends, and its supervisor sees that: it has failed. */
  crash(task: TaskKey): Promise<void>;
  /** Its process and its supervisor are gone at once, and nobody says so. */
  vanish(task: TaskKey): Promise<void>;
  /** How often it was started. */
  tries(task: TaskKey): Promise<number>;
};

const note = "a test";

/** What a server of Airflow 3 does, as far as we rely on it. It was measured with 3.3.2. */
export function describeAirflow(name: string, open: () => Promise<AirflowStage>): void {
  describe(`a server of Airflow: ${name}`, { timeout: 120_000 }, () => {
    const running = async (): Promise<{ stage: AirflowStage; task: TaskKey; state(): Promise<string | undefined> }> => {
      const stage = await open();
      const task = await stage.create();
      return { stage, task, state: async () => ((await stage.server.read(task)) as TaskInstance).state };
    };

    test("says running of a task whose process has vanished", async () => {
      const { stage, task, state } = await running();
      expect(await stage.server.read(task)).toMatchObject({ state: "running", tryNumber: 1 });
      await stage.vanish(task);
      expect(await state()).toBe("running");
    });

    test("clears no running task, if it is asked so", async () => {
      const { stage, task, state } = await running();
      expect(await stage.server.clear(task, "idle", note)).toBe("runs");
      expect(await state()).toBe("running");
    });

    test("a lost task that is cleared twice runs again, at once, with its next try", async () => {
      const { stage, task, state } = await running();
      await stage.vanish(task);
      expect(await stage.server.clear(task, "running", note)).toBe("cleared");
      expect(await state()).toBe("restarting");
      expect(await stage.server.clear(task, "idle", note)).toBe("cleared");
      await stage.runs(task, 2);
      expect(await stage.tries(task)).toBe(2);
    });

    test("a failed task that is cleared runs again", async () => {
      const { stage, task, state } = await running();
      await stage.crash(task);
      expect(await state()).toBe("failed");
      await stage.server.clear(task, "running", note); // it does not run: nothing happens
      expect(await state()).toBe("failed");
      await stage.server.clear(task, "failed", note);
      expect((await stage.server.read(task))?.note).toBe(note);
      await stage.runs(task, 2);
    });

    test("has no task instance that nobody has made", async () => {
      const { stage, task } = await running();
      expect(await stage.server.read({ ...task, task: "another" })).toBeUndefined();
      expect(await stage.server.read({ ...task, dagRun: "another" })).toBeUndefined();
    });
  });
}
