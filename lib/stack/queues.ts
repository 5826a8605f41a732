import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Check } from "./doctor/checks.ts";
import { type Finding, ok, problem, warning } from "./doctor/finding.ts";
import { isNamed } from "./refusal.ts";
import { clientSettings, type Settings } from "./settings.ts";
import { outputOf } from "./stack.ts";

/** The two queues that have dead letters, by the output of each. */
export const QUEUES = {
  requeue: { queue: "requeueQueue", deadLetters: "requeueDeadLetters" },
  notice: { queue: "noticeQueue", deadLetters: "noticeDeadLetters" },
} as const;

export type QueueName = keyof typeof QUEUES;

/** What reading a queue's depth needs. */
export const READ = "sqs:GetQueueAttributes";

export type Depth = {
  readonly arn: string /** Waiting to be received; approximate, as SQS counts. */;
  readonly visible: number;
};

/** How much waits in a queue; undefined when there is no such queue. Throws what the SDK throws. */
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
  // Notices are taken by a Lambda, which scales; of requeues nobody knows who reads them, if anybody.
  if (name === "notice" || visible === 0) return ok(check, `${count(visible)} waiting`);
  return warning(
    check,
    `${count(visible)} waiting: nobody may be reading, and these attempts do not start`,
    "see that a consumer of the requeue queue runs, and may receive and delete",
  );
}

function dead(check: string, name: QueueName, visible: number, stack: string): Finding {
  if (visible === 0) return ok(check, "empty");
  const fix = `see what refused them, mend it, then run lastbeat redrive ${name} --stack ${stack}`;
  const what = name === "requeue" ? "attempts that no consumer could start" : "notices that could not be handled";
  return problem(check, `${count(visible)}: ${what}`, fix);
}

const check = (name: QueueName): Check => ({
  name: `${name} queue`,
  needs: READ,
  look: async ({ stack, settings }) => {
    const { queue, deadLetters } = QUEUES[name];
    const [live, letters] = [outputOf(stack, queue), outputOf(stack, deadLetters)];
    const [found, refused] = await Promise.all([depthOf(live, settings), depthOf(letters, settings)]);
    const [here, there] = [`${name} queue`, `${name} dead letters`];
    return [
      found === undefined ? gone(here, live) : waiting(here, name, found.visible),
      refused === undefined ? gone(there, letters) : dead(there, name, refused.visible, stack.name),
    ];
  },
});

export const QUEUE_CHECKS: readonly Check[] = [check("requeue"), check("notice")];
