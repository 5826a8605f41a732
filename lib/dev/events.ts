import { SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { asciiJson } from "../wire/ascii.ts";
import { problem } from "../wire/problems.ts";
import { type HttpReply, refused } from "../wire/replies.ts";

/** SQS takes ten messages a call. */
const BATCH = 10;

/** What EventBridge's rules do: the events, one or a list of them, go to the notice queue as they are. */
export async function putEvents(client: SQSClient, queueUrl: string, body: string): Promise<HttpReply> {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    return refused(problem("malformed", { detail: "the body is not JSON" }));
  }
  const events: readonly unknown[] = Array.isArray(given) ? given : [given];
  for (let first = 0; first < events.length; first += BATCH) {
    const Entries = events
      .slice(first, first + BATCH)
      .map((event, index) => ({ Id: String(index), MessageBody: asciiJson(event) }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`${Failed.length} events were not taken: ${Failed[0]?.Message}`);
  }
  return { status: 202, body: { events: events.length } };
}
