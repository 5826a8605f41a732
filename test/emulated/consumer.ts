import { ChangeMessageVisibilityCommand, DeleteMessageCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import type { Deployment } from "./deployment.ts";

export type Consumer = {
  /** The message of that attempt, as soon as it has come; of one with such a fence or a higher one. */
  message(run: string, attempt: number, fence?: number): Promise<RequeueEvent["data"]>;
  stop(): Promise<void>;
};

/** Reads the requeue queue, as an owner does. A run that is `refused` is given back each time, as by a consumer that fails. */
export function consumer({ sqs, output }: Deployment, refused: ReadonlySet<string> = new Set()): Consumer {
  const QueueUrl = output("requeueQueue");
  const seen: RequeueEvent["data"][] = [];
  const waiting = new Set<() => void>();
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const asked = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2 });
      const { Messages = [] } = await sqs.send(asked, { abortSignal: stopping.signal });
      for (const { Body = "", ReceiptHandle } of Messages) {
        const { data } = JSON.parse(Body) as RequeueEvent;
        if (refused.has(data.run)) {
          await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
          continue;
        }
        seen.push(data);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        for (const look of waiting) look();
      }
    }
  };
  const done = loop().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  return {
    message: (run, attempt, fence = 0) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = seen.find(
            (data) => data.run === run && data.next.attempt === attempt && data.next.fence >= fence,
          );
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}
