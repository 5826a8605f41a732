import { afterEach, describe, expect, test } from "vitest";
import { redrive } from "../../lib/stack/redrive.ts";
import { findStack } from "../../lib/stack/stack.ts";
import {
  ACCOUNT,
  type Answers,
  denied,
  described,
  outputsAt,
  outputsWithTargets,
  REGION,
  Refusal,
  type StubAws,
  stubAws,
} from "./aws.ts";

let aws: StubAws;
afterEach(() => aws.stop());

const arnOf = (queue: string): string => `arn:aws:sqs:${REGION}:${ACCOUNT}:${queue}`;

async function redriven(name: "requeue" | "notice" | "dispatch", dead: number, answers: Answers = {}) {
  // The queues answer at the address that their URLs name, which is known when the stub is.
  let url = "";
  aws = await stubAws({
    DescribeStacks: () => described(outputsWithTargets(url)),
    GetQueueAttributes: ({ QueueUrl }) => {
      const queue = String(QueueUrl).split("/").at(-1) ?? "";
      const waiting = queue.endsWith("-dead") ? dead : 0;
      return { Attributes: { QueueArn: arnOf(queue), ApproximateNumberOfMessages: String(waiting) } };
    },
    StartMessageMoveTask: { TaskHandle: "task-1" },
    ...answers,
  });
  url = aws.url;
  return redrive(await findStack("prod", aws.settings), name, aws.settings);
}

const moves = () => aws.asked.filter(({ operation }) => operation === "StartMessageMoveTask");

describe("a redrive", () => {
  test.each(["requeue", "notice", "dispatch"] as const)(
    "of %s moves its dead letters back into it, and says how many",
    async (name) => {
      expect(await redriven(name, 7)).toEqual({ kind: "begun", messages: 7, task: "task-1" });
      expect(moves().map(({ input }) => input)).toEqual([
        { SourceArn: arnOf(`${name}-dead`), DestinationArn: arnOf(name) },
      ]);
    },
  );

  test("of dispatches needs a stack that starts attempts", async () => {
    const began = redriven("dispatch", 1, { DescribeStacks: () => described(outputsAt("https://door")) });
    await expect(began).rejects.toThrow('the stack "prod" has no clusters, webhooks or orchestrators');
  });

  test("of a queue without dead letters begins nothing", async () => {
    expect(await redriven("requeue", 0)).toEqual({ kind: "nothing" });
    expect(moves()).toEqual([]);
  });

  test.each<[string, Answers, string]>([
    [
      "may not be begun",
      { StartMessageMoveTask: new Refusal("AccessDenied", "no", 403) },
      "AWS does not allow this: these credentials need sqs:StartMessageMoveTask",
    ],
    [
      "is under way",
      { StartMessageMoveTask: new Refusal("UnsupportedOperation", "There is already a task running") },
      "AWS refused the call: There is already a task running",
    ],
    [
      "may not look",
      { GetQueueAttributes: denied("sqs:getqueueattributes") },
      "AWS does not allow this: these credentials need sqs:getqueueattributes",
    ],
  ])("that %s says so", async (_, answers, sentence) => {
    await expect(redriven("requeue", 7, answers)).rejects.toThrow(sentence);
  });

  test("of a queue that was deleted says which", async () => {
    const gone = new Refusal("QueueDoesNotExist", "The specified queue does not exist");
    await expect(redriven("notice", 7, { GetQueueAttributes: gone })).rejects.toThrow(
      /there is no queue http.*notice-dead: deploy the stack again/,
    );
  });
});
