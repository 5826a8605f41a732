import middy from "@middy/core";
import type { ScheduledEvent } from "aws-lambda";
import { tick } from "../lib/app/tick.ts";
import { fromIso } from "../lib/wire/instants.ts";
import { sweepPeriod, theTicks } from "./connect.ts";
import { systemClock } from "./variables.ts";

/** Invoked every minute: it queues the ticks of the next minute. */
export const handler = middy<ScheduledEvent, { ticks: number }>().handler(async (event) => ({
  ticks: await tick(theTicks(), systemClock.now(), sweepPeriod(), fromIso(event.time)),
}));
