import { SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { asciiJson } from "../lib/wire/ascii.ts";
import { problem } from "../lib/wire/problems.ts";
import { type HttpReply, refused } from "../lib/wire/replies.ts";

/** SQS accepts at most ten messages and a megabyte in a call. */
const BATCH = 10;
const BATCH_BYTES = 900 * 1024;

/** The texts of the events, or a problem that names the first event that cannot be sent. */
function textsOf(body: string): readonly string[] | HttpReply {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    return refused(problem("malformed", { detail: "the body is not JSON" }));
  }
  const texts: string[] = [];
  for (const [index, event] of (Array.isArray(given) ? given : [given]).entries()) {
    const text = textOf(event);
    if (text === undefined)
      return refused(problem("invalid", { detail: `event ${index} is nested too deep to be sent` }));
    if (text.length > BATCH_BYTES)
      return refused(
        problem("too-large", { detail: `event ${index} has ${text.length} bytes; SQS accepts at most ${BATCH_BYTES}` }),
      );
    texts.push(text);
  }
  return texts;
}

function textOf(event: unknown): string | undefined {
  try {
    return asciiJson(event);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** As many events as fit into one call. */
function* batches(texts: readonly string[]): Generator<readonly string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for (const text of texts) {
    if (batch.length === BATCH || bytes + text.length > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(text);
    bytes += text.length;
  }
  if (batch.length > 0) yield batch;
}

/**
 * Does what EventBridge's rules do: puts one event or a list of events into the notice queue unchanged, all or none.
 */
export async function putEvents(client: SQSClient, queueUrl: string, body: string): Promise<HttpReply> {
  const texts = textsOf(body);
  if ("status" in texts) return texts;
  for (const batch of batches(texts)) {
    const Entries = batch.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`${Failed.length} events were not accepted: ${Failed[0]?.Message}`);
  }
  return { status: 202, body: { events: texts.length } };
}
