import middy from "@middy/core";
import type { SQSEvent } from "aws-lambda";
import { type Restored, restore } from "../lib/app/restore.ts";
import { nothingSuspected } from "../lib/app/suspicion.ts";
import { sweep } from "../lib/app/sweep.ts";
import type { SweepCounts } from "../lib/app/sweep-counts.ts";
import { before, type Instant, instant, seconds } from "../lib/core/time.ts";
import { fromIso } from "../lib/wire/instants.ts";
import { sweepPeriod, theApp } from "./connect.ts";
import { theMachines } from "./machines.ts";
import { isAnyFresh } from "./ticks.ts";

/** A sweep stops this long before its Lambda times out, so that its last verdicts can end. */
const RESERVE_MS = 5000;

/** When this instance last swept. The table records quiet sweeps only once a minute, so this is often more exact. */
let previous: Instant | undefined;

/** What this instance remembers of attempts that missed a beat. */
const suspected = nothingSuspected();

/** The message of an operator who has restored the table (docs/runbook.md): the time of the restore. */
type Restore = { readonly restored: string };

/** The fences of all live runs follow from this time, so a typing error would do much harm. */
function restoredAt({ restored }: Restore, now: Instant): Instant {
  const at = fromIso(restored);
  if (at <= now && at > before(now, seconds(24 * 3600))) return at;
  throw new Error(`restored must be the time at which the table was restored, within the last day, not ${restored}`);
}

/** Makes one sweep for all ticks of the batch, or none if all are long past. Or renews the runs after a restore. */
export const handler = middy<SQSEvent | Restore, SweepCounts | Restored | undefined>().handler(
  async (event, context) => {
    const app = theApp();
    const now = app.clock.now();
    const end = instant(now + context.getRemainingTimeInMillis() - RESERVE_MS);
    if ("restored" in event) return restore(app, restoredAt(event, now), end);
    if (!isAnyFresh(event, now)) return undefined;
    const counts = await sweep(
      app,
      { period: sweepPeriod(), until: end, previous },
      { machines: theMachines(), suspected },
    );
    if (counts !== undefined) previous = now;
    return counts;
  },
);
