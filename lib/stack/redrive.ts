import { SQSClient, StartMessageMoveTaskCommand } from "@aws-sdk/client-sqs";
import { depthOf, QUEUES, type QueueName, READ } from "./queues.ts";
import { AccountError, asking } from "./refusal.ts";
import { clientSettings, type Settings } from "./settings.ts";
import { outputOf, type Stack } from "./stack.ts";

/** A redrive that has begun: how many messages there were, and the task that moves them. */
export type Redrive =
  | { readonly kind: "nothing" }
  | { readonly kind: "begun"; readonly messages: number; readonly task: string };

/**
 * Moves the dead letters of a queue back into it. Resolves when SQS has begun. Throws an AccountError if SQS refuses.
 */
export async function redrive(stack: Stack, name: QueueName, settings: Settings): Promise<Redrive> {
  const { queue, deadLetters } = QUEUES[name];
  if (name === "dispatch" && stack.outputs[queue] === undefined)
    throw new AccountError(
      `the stack "${stack.name}" has no clusters, webhooks or orchestrators, so it starts no attempts itself`,
    );
  const depth = async (output: typeof queue | typeof deadLetters) => {
    const url = outputOf(stack, output);
    const found = await asking(READ, () => depthOf(url, settings));
    if (found === undefined) throw new AccountError(`there is no queue ${url}: deploy the stack again`);
    return found;
  };
  const letters = await depth(deadLetters);
  if (letters.visible === 0) return { kind: "nothing" };
  const source = await depth(queue);
  const client = new SQSClient({ ...clientSettings(settings), useQueueUrlAsEndpoint: false });
  const { TaskHandle = "" } = await asking("sqs:StartMessageMoveTask", () =>
    client.send(
      // Without a destination SQS moves each message to its source queue, and a message that was sent here directly has
      // none.
      new StartMessageMoveTaskCommand({ SourceArn: letters.arn, DestinationArn: source.arn }),
    ),
  );
  return { kind: "begun", messages: letters.visible, task: TaskHandle };
}
