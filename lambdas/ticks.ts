import type { SQSEvent } from "aws-lambda";
import { after, type Instant, instant, seconds } from "../lib/core/time.ts";
import { TICK_RETENTION_SECONDS } from "../lib/names.ts";

/** The time of a tick. An unreadable tick counts as long past, so that the others of its batch are still handled. */
function tickOf(body: string): number {
  try {
    const { at } = JSON.parse(body) as { at?: unknown };
    const time = Date.parse(String(at));
    return Number.isNaN(time) ? 0 : time;
  } catch {
    return 0;
  }
}

/** Whether any tick of the batch is worth following: one that has waited for too long is not. */
export const isAnyFresh = ({ Records }: SQSEvent, now: Instant): boolean =>
  Records.some(({ body }) => after(instant(tickOf(body)), seconds(TICK_RETENTION_SECONDS)) > now);
