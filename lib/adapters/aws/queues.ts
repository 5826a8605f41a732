import {
  type MessageAttributeValue,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  type SQSClientConfig,
} from "@aws-sdk/client-sqs";
import type { Dispatches } from "../../ports/dispatch.ts";
import { NobodyStarts, type Notices, type Requeues, type Ticks } from "../../ports/queues.ts";
import { asciiJson } from "../../wire/ascii.ts";
import { cut } from "../../wire/cut.ts";

/** A send that takes longer has failed. Its debt stands, and a sweep repeats it. */
export const sqsClient = (config: SQSClientConfig = {}): SQSClient =>
  new SQSClient({
    maxAttempts: 3,
    // Use the endpoint that was configured, a VPC's or an emulator's, and not the host in a queue's URL.
    useQueueUrlAsEndpoint: false,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
    ...config,
  });

const attributesOf = (id: string): Record<string, MessageAttributeValue> => ({
  "content-type": { DataType: "String", StringValue: "application/cloudevents+json" },
  ce_id: { DataType: "String", StringValue: id },
});

/** The queues of announced attempts: those that owners read, and those that a target is asked to start. */
export type RequeueQueues = { readonly own: string; readonly dispatch?: string };

export const sqsRequeues = (client: SQSClient, urls: RequeueQueues): Requeues => ({
  send: async ({ id, body, target }) => {
    const url = target === "queue" ? urls.own : urls.dispatch;
    if (url === undefined)
      throw new NobodyStarts(
        `nothing here starts attempts of the target ${target}: deploy with clusters, webhooks or orchestrators`,
      );
    await client.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: body, MessageAttributes: attributesOf(id) }),
    );
  },
});

export const sqsDispatches = (client: SQSClient, queueUrl: string, deadLettersUrl: string): Dispatches => ({
  again: async (body, delay) => {
    await client.send(
      new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, DelaySeconds: Math.ceil(delay / 1000) }),
    );
  },
  bury: async (body, why) => {
    const MessageAttributes = { reason: { DataType: "String", StringValue: cut(why, REASON_BYTES) } };
    await client.send(new SendMessageCommand({ QueueUrl: deadLettersUrl, MessageBody: body, MessageAttributes }));
  },
});

/** A person reads it. SQS counts it towards the megabyte of the message. */
const REASON_BYTES = 1000;

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
