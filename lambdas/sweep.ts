import middy from "@middy/core";
import type { SQSEvent } from "aws-lambda";
import { type Restored, restore } from "../lib/app/restore.ts";
import { type SweepCounts, sweep } from "../lib/app/sweep.ts";
import { after, before, type Instant, instant, seconds } from "../lib/core/time.ts";
import { TICK_RETENTION_SECONDS } from "../lib/names.ts";
import { fromIso } from "../lib/wire/instants.ts";
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

/** What an operator sends who has put the table back to an earlier state (docs/runbook.md): when that was. */
type Restore = { readonly restored: string };

/** Numbers of attempts follow from it, so a slip of the pen would reach far. */
function restoredAt({ restored }: Restore, now: Instant): Instant {
  const at = fromIso(restored);
  if (at <= now && at > before(now, seconds(24 * 3600))) return at;
  throw new Error(`restored is the time of the last day at which the table was put back, not ${restored}`);
}

/** One sweep for all ticks of the batch; none for ticks that are long past. Or what follows a restore. */
export const handler = middy<SQSEvent | Restore, SweepCounts | Restored | undefined>().handler(
  async (event, context) => {
    const app = theApp();
    const now = app.clock.now();
    const end = instant(now + context.getRemainingTimeInMillis() - RESERVE_MS);
    if ("restored" in event) return restore(app, restoredAt(event, now), end);
    const isFresh = event.Records.some(
      ({ body }) => after(instant(tickOf(body)), seconds(TICK_RETENTION_SECONDS)) > now,
    );
    if (!isFresh) return undefined;
    const counts = await sweep(app, { period: sweepPeriod(), until: end, previous });
    if (counts !== undefined) previous = now;
    return counts;
  },
);
