import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Check } from "./doctor/checks.ts";
import { type Finding, ok, problem, warning } from "./doctor/finding.ts";
import { isNamed } from "./refusal.ts";
import { clientSettings, type Settings } from "./settings.ts";
import { outputOf } from "./stack.ts";

/** The queues that have dead letters, with the names of their outputs. */
export const QUEUES = {
  requeue: { queue: "requeueQueue", deadLetters: "requeueDeadLetters" },
  notice: { queue: "noticeQueue", deadLetters: "noticeDeadLetters" },
  dispatch: { queue: "dispatchQueue", deadLetters: "dispatchDeadLetters" },
} as const;

export type QueueName = keyof typeof QUEUES;

/** The permission to read the depth of a queue. */
export const READ = "sqs:GetQueueAttributes";

export type Depth = {
  readonly arn: string;
  /** Messages that wait to be received. SQS counts approximately. */
  readonly visible: number;
};

/** How many messages wait in a queue; undefined if the queue does not exist. Throws what the SDK throws. */
export async function depthOf(url: string, settings: Settings): Promise<Depth | undefined> {
  const client = new SQSClient({ ...clientSettings(settings), useQueueUrlAsEndpoint: false });
  try {
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn", "ApproximateNumberOfMessages"] }),
    );
    return { arn: Attributes?.QueueArn ?? "", visible: Number(Attributes?.ApproximateNumberOfMessages ?? 0) };
  } catch (error) {
    if (isNamed(error, /QueueDoesNotExist|NonExistentQueue/)) return undefined;
    throw error;
  }
}

const count = (messages: number): string => (messages === 1 ? "1 message" : `${messages} messages`);

const gone = (check: string, url: string): Finding =>
  problem(check, `there is no queue ${url}`, "deploy the stack again");

function waiting(check: string, name: QueueName, visible: number): Finding {
  // A Lambda reads the others, and it scales. Nothing here knows whether anybody reads the requeues.
  if (name !== "requeue" || visible === 0) return ok(check, `${count(visible)} waiting`);
  return warning(
    check,
    `${count(visible)} waiting: perhaps no consumer reads them, and then these attempts do not start`,
    "check that a consumer of the requeue queue runs, and may receive and delete",
  );
}

/** What the dead letters of a queue are. */
const DEAD: Readonly<Record<QueueName, string>> = {
  requeue: "attempts that no consumer could start",
  notice: "notices that could not be handled",
  dispatch: "attempts that their targets could not start",
};

function dead(check: string, name: QueueName, visible: number, stack: string): Finding {
  if (visible === 0) return ok(check, "empty");
  const fix = `find out why they failed, fix that, then run lastbeat redrive ${name} --stack ${stack}`;
  return problem(check, `${count(visible)}: ${DEAD[name]}`, fix);
}

const check = (name: QueueName): Check => ({
  name: `${name} queue`,
  needs: READ,
  look: async ({ stack, settings }) => {
    const { queue, deadLetters } = QUEUES[name];
    if (name === "dispatch" && stack.outputs[queue] === undefined) return []; // it has no targets
    const [live, letters] = [outputOf(stack, queue), outputOf(stack, deadLetters)];
    const [found, refused] = await Promise.all([depthOf(live, settings), depthOf(letters, settings)]);
    const [here, there] = [`${name} queue`, `${name} dead letters`];
    return [
      found === undefined ? gone(here, live) : waiting(here, name, found.visible),
      refused === undefined ? gone(there, letters) : dead(there, name, refused.visible, stack.name),
    ];
  },
});

export const QUEUE_CHECKS: readonly Check[] = [check("requeue"), check("notice"), check("dispatch")];
