import { SendMessageBatchCommand, SendMessageCommand, SQSClient, type SQSClientConfig } from "@aws-sdk/client-sqs";
import type { Notices, Requeues, Ticks } from "../../ports/queues.ts";
import { asciiJson } from "../../wire/ascii.ts";

/** A send that takes longer has failed. Its debt stands, and a sweep repeats it. */
export const sqsClient = (config: SQSClientConfig = {}): SQSClient =>
  new SQSClient({
    maxAttempts: 3,
    // Use the endpoint that was configured, a VPC's or an emulator's, and not the host in a queue's URL.
    useQueueUrlAsEndpoint: false,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
    ...config,
  });

export const sqsRequeues = (client: SQSClient, queueUrl: string): Requeues => ({
  send: async ({ id, body }) => {
    await client.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: body,
        MessageAttributes: {
          "content-type": { DataType: "String", StringValue: "application/cloudevents+json" },
          ce_id: { DataType: "String", StringValue: id },
        },
      }),
    );
  },
});

/** SQS takes ten messages per call. */
const BATCH = 10;

export const sqsTicks = (client: SQSClient, queueUrl: string): Ticks => ({
  send: async (ticks) => {
    let unsent = 0;
    let why: unknown;
    // A batch that fails does not keep the later ones from being sent.
    for (let first = 0; first < ticks.length; first += BATCH) {
      const entries = ticks.slice(first, first + BATCH).map(({ tick, delay }, index) => ({
        Id: String(index),
        MessageBody: JSON.stringify({ at: new Date(tick.at).toISOString() }),
        DelaySeconds: Math.ceil(delay / 1000),
      }));
      try {
        const sent = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
        unsent += sent.Failed?.length ?? 0;
        why ??= sent.Failed?.[0]?.Message;
      } catch (error) {
        unsent += entries.length;
        why ??= error;
      }
    }
    if (unsent > 0) throw new Error(`${unsent} ticks were not queued: ${String(why)}`);
  },
});

export const sqsNotices = (client: SQSClient, queueUrl: string): Notices => ({
  send: async (event) => {
    await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: asciiJson(event) }));
  },
});
