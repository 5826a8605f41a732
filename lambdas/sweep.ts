import middy from "@middy/core";
import type { SQSEvent } from "aws-lambda";
import { type SweepCounts, sweep } from "../lib/app/sweep.ts";
import { after, type Instant, instant, seconds } from "../lib/core/time.ts";
import { TICK_RETENTION_SECONDS } from "../lib/names.ts";
import { sweepPeriod, theApp } from "./connect.ts";

/** A sweep stops so long before its Lambda would be cut off: time for the verdicts that are under way. */
const RESERVE_MS = 5000;

/** When a tick was for; one that cannot be read is long past, so that it does not keep the others of its batch from being heeded. */
function tickOf(body: string): number {
  try {
    const { at } = JSON.parse(body) as { at?: unknown };
    const time = Date.parse(String(at));
    return Number.isNaN(time) ? 0 : time;
  } catch {
    return 0;
  }
}

/** When this instance has ended a sweep: what no other one has seen happens between two of its own. */
let previous: Instant | undefined;

/** One sweep for all ticks of the batch; none for ticks that are long past. */
export const handler = middy<SQSEvent, SweepCounts | undefined>().handler(async (event, context) => {
  const app = theApp();
  const now = app.clock.now();
  const isFresh = event.Records.some(({ body }) => after(instant(tickOf(body)), seconds(TICK_RETENTION_SECONDS)) > now);
  if (!isFresh) return undefined;
  const until = instant(now + context.getRemainingTimeInMillis() - RESERVE_MS);
  const counts = await sweep(app, { period: sweepPeriod(), until, previous });
  if (counts !== undefined) previous = now;
  return counts;
});
