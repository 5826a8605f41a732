import type { AirflowServer, TaskInstance, TaskKey } from "../../../lib/ports/airflow.ts";
import type { AirflowStage } from "./stage.ts";

/*
 * What a server of Airflow 3.3.2 does with a task instance, in memory. The suite of stage.ts holds it against the real
 * one. Its scheduler and its executor act when a test waits for a try.
 */

type Kept = { -readonly [K in keyof TaskInstance]: TaskInstance[K] };

export function fakeAirflow(): AirflowStage & { set(task: TaskKey, own: Partial<TaskInstance>): void } {
  const tasks = new Map<string, Kept>();
  let made = 0;
  const nameOf = ({ dag, dagRun, task, mapIndex }: TaskKey): string => `${dag} ${dagRun} ${task} ${mapIndex}`;
  const kept = (task: TaskKey): Kept => tasks.get(nameOf(task)) as Kept;

  const server: AirflowServer = {
    read: async (task) => {
      const found = tasks.get(nameOf(task));
      return found === undefined ? undefined : { ...found };
    },
    clear: async (task, which, note) => {
      const found = kept(task);
      if (which !== "running" && found.state === "running") return "runs";
      const isMeant = which === "idle" || found.state === which;
      if (isMeant) Object.assign(found, { note, state: which === "running" ? "restarting" : undefined });
      return "cleared";
    },
    fail: async (task, note) => void Object.assign(kept(task), { state: "failed", note }),
  };

  return {
    server,
    create: async () => {
      made += 1;
      const task = { dag: "stories", dagRun: `run-${made}`, task: "nap", mapIndex: -1 };
      tasks.set(nameOf(task), { state: "running", tryNumber: 1, note: undefined });
      return task;
    },
    runs: async (task, tryNumber) => {
      const found = kept(task);
      if (found.state === undefined) Object.assign(found, { state: "running", tryNumber: found.tryNumber + 1 });
      if (found.state !== "running" || found.tryNumber !== tryNumber)
        throw new Error(`it is ${found.state}, try ${found.tryNumber}`);
    },
    crash: async (task) => {
      kept(task).state = "failed";
    },
    vanish: async () => {},
    tries: async (task) => kept(task).tryNumber,
    set: (task, own) => void Object.assign(kept(task), own),
  };
}
