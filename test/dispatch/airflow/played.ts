import type { AirflowTarget } from "../../../lib/core/spec.ts";
import { airflowStarter, TRY_NUMBER } from "../../../lib/dispatch/airflow/starter.ts";
import { requeueOf } from "../announcements.ts";
import type { Played } from "../starter-suite.ts";
import type { AirflowStage } from "./stage.ts";

/** A task instance as a target that a test can play with. Its first try has failed: attempt N is try N + 1. */
export async function playedAirflow(stage: AirflowStage): Promise<Played> {
  const key = await stage.create();
  await stage.crash(key);
  const { mapIndex: _, ...of } = key;
  const target: AirflowTarget = { kind: "airflow", name: "prod", ...of };
  const run = `airflow/${key.dag}/${key.dagRun}`;
  return {
    starter: airflowStarter(stage.server, target),
    requeue: (attempt) => {
      const holder = { [TRY_NUMBER]: String(attempt) };
      const previous = { attempt: attempt - 1, fence: attempt - 1, isReported: true, holder };
      return requeueOf(attempt, { run, target, previous });
    },
    // A try that waits for the scheduler counts as started.
    starts: async (attempt) => {
      const isWaiting = (await stage.server.read(key))?.state === undefined;
      return (await stage.tries(key)) + (isWaiting ? 1 : 0) - attempt;
    },
    runs: (attempt) => stage.runs(key, attempt + 1),
    ends: () => stage.crash(key),
  };
}
