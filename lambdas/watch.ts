import middy from "@middy/core";
import type { SQSEvent } from "aws-lambda";
import { watchAll } from "../lib/app/watch.ts";
import { instant } from "../lib/core/time.ts";
import { theClusters } from "./clusters.ts";
import { theApp } from "./connect.ts";
import { isAnyFresh } from "./ticks.ts";

/** A look stops this long before its Lambda times out, so that its last verdicts can end. */
const RESERVE_MS = 5000;

/** One look at each cluster for all ticks of the batch, or none if all are long past. */
export const handler = middy<SQSEvent, void>().handler(async (event, context) => {
  const app = theApp();
  const now = app.clock.now();
  if (isAnyFresh(event, now))
    await watchAll(app, theClusters(), instant(now + context.getRemainingTimeInMillis() - RESERVE_MS));
});
