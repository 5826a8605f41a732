import middy from "@middy/core";
import type { ScheduledEvent } from "aws-lambda";
import { tick } from "../lib/app/tick.ts";
import { throwIfAny, visitAll } from "../lib/app/visit-all.ts";
import { fromIso } from "../lib/wire/instants.ts";
import { sweepPeriod, theTicks } from "./connect.ts";
import { systemClock } from "./variables.ts";

/** Invoked every minute: it queues the ticks of the next minute. A queue that fails does not delay the other. */
export const handler = middy<ScheduledEvent, { ticks: number }>().handler(async (event) => {
  const queues = theTicks();
  let ticks = 0;
  const failures = await visitAll(queues, queues.length, async (queue) => {
    ticks += await tick(queue, systemClock.now(), sweepPeriod(), fromIso(event.time));
  });
  throwIfAny(failures, queues.length, "queues of ticks");
  return { ticks };
});
