import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { visitAll } from "../lib/app/visit-all.ts";
import { theApp } from "./connect.ts";
import { heed } from "./heed.ts";

/** Ten messages a batch, a few at once. */
const MESSAGES_AT_ONCE = 5;

/** A batch of events. One that fails comes again, and after five times goes to the dead letters; the others are done. */
export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }) => {
  const app = theApp();
  const failures = await visitAll(Records, MESSAGES_AT_ONCE, ({ body }: SQSRecord) => heed(app, body));
  for (const { error } of failures) app.log.write({ decision: "notice-failed", error: String(error) });
  return { batchItemFailures: failures.map(({ one }) => ({ itemIdentifier: one.messageId })) };
});
