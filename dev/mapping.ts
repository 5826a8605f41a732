import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { contextFor } from "./http.ts";

export type Mapping = { stop(): Promise<void> };

export type QueueLambda = (event: SQSEvent, context: Context) => Promise<unknown>;

/** The longest wait of SQS for a message. */
const WAIT_SECONDS = 20;
/** The same as the Lambda's limit in the cloud. */
const LIMIT_MS = 60_000;

const recordOf = ({ MessageId = "", ReceiptHandle = "", Body = "" }: Message): SQSRecord => ({
  messageId: MessageId,
  receiptHandle: ReceiptHandle,
  body: Body,
  attributes: {} as SQSRecord["attributes"],
  messageAttributes: {},
  md5OfBody: "",
  eventSource: "aws:sqs",
  eventSourceARN: "",
  awsRegion: "us-east-1",
});

/** The messages that a handler reports as failed, if it reports them one by one. */
function failedOf(reply: unknown): ReadonlySet<string> {
  const failures = (reply as SQSBatchResponse | undefined)?.batchItemFailures ?? [];
  return new Set(failures.map(({ itemIdentifier }) => itemIdentifier));
}

/**
 * Does what Lambda's event source mapping does: it receives messages, invokes the handler and deletes the handled
 * messages. The rest comes again. The `pollers` work at the same time, like as many Lambdas.
 */
export function mapQueue(client: SQSClient, queueUrl: string, handler: QueueLambda, pollers = 1): Mapping {
  const stopping = new AbortController();
  const receive = async (): Promise<void> => {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: WAIT_SECONDS,
        VisibilityTimeout: LIMIT_MS / 1000,
      }),
      { abortSignal: stopping.signal, requestTimeout: (WAIT_SECONDS + 5) * 1000 },
    );
    if (Messages.length === 0) return;
    const reply = await handler({ Records: Messages.map(recordOf) }, contextFor(LIMIT_MS));
    const failed = failedOf(reply);
    const done = Messages.filter(({ MessageId = "" }) => !failed.has(MessageId));
    const Entries = done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    if (Entries.length === 0) return;
    await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  };
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await receive();
      } catch (error) {
        if (stopping.signal.aborted) return;
        console.error(error); // the messages come again; the pause bounds the load of a lasting failure
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
  };
  const done = Promise.all(Array.from({ length: pollers }, loop));
  return {
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}
