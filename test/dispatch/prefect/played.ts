import type { PrefectTarget } from "../../../lib/core/spec.ts";
import type { Instant } from "../../../lib/core/time.ts";
import { prefectStarter } from "../../../lib/dispatch/prefect/starter.ts";
import { requeueOf } from "../announcements.ts";
import type { Played } from "../starter-suite.ts";
import { type PrefectStage, walk } from "./stage.ts";

/** A flow run as a target that a test can play with. Its first engine has crashed; `now` is later than that. */
export async function playedPrefect(stage: PrefectStage, now: () => Instant): Promise<Played> {
  const flowRun = await stage.create();
  await walk(stage, flowRun, "PENDING", "RUNNING", "CRASHED");
  const target: PrefectTarget = { kind: "prefect", name: "prod", flowRun };
  const run = `prefect-${flowRun}`;
  return {
    starter: prefectStarter(stage.server, { name: "prod" }, target, now),
    requeue: (attempt) => requeueOf(attempt, { run, target }),
    starts: async (attempt) => {
      const states = await stage.states(flowRun);
      const isWithdrawn = states.at(-1)?.message?.includes("nobody waits") === true;
      const scheduled = states.filter(
        ({ type, message }) => type === "SCHEDULED" && message === `Lastbeat: attempt ${attempt} of ${run}`,
      );
      return isWithdrawn && states.at(-2) === scheduled.at(-1) ? scheduled.length - 1 : scheduled.length;
    },
    runs: () => walk(stage, flowRun, "PENDING", "RUNNING"),
    ends: () => walk(stage, flowRun, "CRASHED"),
  };
}
