import { afterEach, describe, expect, test } from "vitest";
import { describeStack, findStack, outputOf } from "../../lib/stack/stack.ts";
import {
  type Answers,
  denied,
  described,
  outputsAt,
  REGION,
  Refusal,
  STACK_ID,
  type StubAws,
  stubAws,
  unknownStack,
} from "./aws.ts";

let aws: StubAws;
afterEach(() => aws.stop());

const whyOf = async (answer: Answers[string], more: object = {}): Promise<string> => {
  aws = await stubAws({ DescribeStacks: answer });
  return findStack("prod", { ...aws.settings, ...more }).then(
    () => "found",
    (error: unknown) => (error instanceof Error ? error.message : ""),
  );
};

describe("a stack", () => {
  test("tells its outputs, by a signed call for its name", async () => {
    aws = await stubAws({ DescribeStacks: described({ ...outputsAt("https://door"), Unheard: "of" }) });
    const stack = await findStack("prod", aws.settings);
    expect(stack).toEqual({
      name: "prod",
      id: STACK_ID,
      region: REGION,
      status: "UPDATE_COMPLETE",
      url: "https://door",
      outputs: {
        url: "https://door",
        table: "lastbeat-table",
        requeueQueue: "https://door/123456789012/requeue",
        requeueDeadLetters: "https://door/123456789012/requeue-dead",
        noticeQueue: "https://door/123456789012/notice",
        noticeDeadLetters: "https://door/123456789012/notice-dead",
        keys: `arn:aws:secretsmanager:${REGION}:123456789012:secret:keys`,
        rulePrefix: "lastbeat-",
        version: "1.2.3",
      },
    });
    expect(aws.asked).toEqual([{ operation: "DescribeStacks", input: { StackName: "prod", Version: "2010-05-15" } }]);
    expect(aws.unsigned).toEqual([]);
  });

  test("that nobody made is absent, with the region that was looked in", async () => {
    aws = await stubAws({ DescribeStacks: unknownStack });
    expect(await describeStack("prod", aws.settings)).toEqual({ kind: "absent", region: REGION });
  });

  test("of an older version says which output it lacks", async () => {
    aws = await stubAws({ DescribeStacks: described({ Url: "https://door" }) });
    const stack = await findStack("prod", aws.settings);
    expect(() => outputOf(stack, "rulePrefix")).toThrow('the stack "prod" has no output RulePrefix: deploy it again');
  });
});

describe("the sentence about a stack that cannot be had", () => {
  test.each<[string, Answers[string], string]>([
    [
      "is not there",
      unknownStack,
      `there is no stack "prod" in ${REGION}: name another stack with --stack, or another region with AWS_REGION`,
    ],
    [
      "is somebody else's",
      described({ VpcId: "vpc-1" }),
      'the stack "prod" (UPDATE_COMPLETE) does not have the outputs of a Lastbeat stack: name another stack with --stack',
    ],
    [
      "never came to its end",
      described({}, "ROLLBACK_COMPLETE"),
      'the stack "prod" (ROLLBACK_COMPLETE) does not have the outputs of a Lastbeat stack: name another stack with --stack',
    ],
    [
      "may not be looked at",
      denied("cloudformation:DescribeStacks on resource: prod"),
      "AWS does not allow this: these credentials need cloudformation:DescribeStacks",
    ],
    [
      "may not be looked at, and nobody names the action",
      new Refusal("AccessDenied", "go away", 403),
      "AWS does not allow this: these credentials need cloudformation:DescribeStacks",
    ],
    [
      "is asked for with credentials that are over",
      new Refusal("ExpiredToken", "The security token included in the request is expired", 403),
      "AWS does not accept these credentials: The security token included in the request is expired",
    ],
    [
      "has a name that none can have",
      new Refusal("ValidationError", "1 validation error"),
      "AWS refused the call: 1 validation error",
    ],
  ])("that %s", async (_, answer, sentence) => {
    expect(await whyOf(answer)).toBe(sentence);
  });

  test("without credentials", async () => {
    const credentials = () =>
      Promise.reject(
        Object.assign(new Error("Could not load credentials from any providers"), { name: "CredentialsProviderError" }),
      );
    expect(await whyOf(unknownStack, { credentials })).toBe(
      "no AWS credentials were found (Could not load credentials from any providers): set AWS_PROFILE, or sign in",
    );
  });

  test("without a region", async () => {
    // What the SDK says in an environment without any; this one may have one.
    const region = () => Promise.reject(new Error("Region is missing"));
    expect(await whyOf(unknownStack, { region })).toBe(
      "no AWS region is set: set AWS_REGION, or a region in the profile that AWS_PROFILE names",
    );
  });

  test("when nobody answers", async () => {
    expect(await whyOf(unknownStack, { endpoint: "http://127.0.0.1:1" })).toBe(
      "AWS does not answer: connect ECONNREFUSED 127.0.0.1:1",
    );
  });
});
