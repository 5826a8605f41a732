import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { visitAll } from "../lib/app/visit-all.ts";
import { theApp } from "./connect.ts";
import { heed } from "./heed.ts";

/** All messages of a batch at once: the size of a batch in cdk/limits.ts. */
const MESSAGES_AT_ONCE = 5;

/**
 * A message takes one or two seconds (lambdas/heed.ts). If the Lambda timed out, the messages that are done would fail,
 * too.
 */
const LAST_BEGINS_MS = 5000;

/**
 * Handles a batch of events. An event that fails, or that was not begun in time, comes again, and after five times goes
 * to the dead letters. The others are done.
 */
export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }, context) => {
  const app = theApp();
  const begun = new Set<SQSRecord>();
  const heedOne = (record: SQSRecord): Promise<void> => {
    begun.add(record);
    return heed(app, record.body);
  };
  const isInTime = (): boolean => context.getRemainingTimeInMillis() > LAST_BEGINS_MS;
  const failures = await visitAll(Records, MESSAGES_AT_ONCE, heedOne, isInTime);
  for (const { error } of failures) app.log.write({ decision: "notice-failed", error: String(error) });
  const left = Records.filter((record) => !begun.has(record));
  if (left.length > 0) app.log.write({ decision: "notice-failed", error: `${left.length} were not begun in time` });
  const again = [...failures.map(({ one }) => one), ...left];
  return { batchItemFailures: again.map(({ messageId }) => ({ itemIdentifier: messageId })) };
});
