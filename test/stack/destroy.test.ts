import { afterEach, describe, expect, test } from "vitest";
import { type Destruction, destroy } from "../../lib/stack/destroy.ts";
import { findStack } from "../../lib/stack/stack.ts";
import { type Answers, denied, described, outputsAt, STACK_ID, type StubAws, stubAws, unknownStack } from "./aws.ts";

let aws: StubAws;
afterEach(() => aws.stop());

const OUTPUTS = outputsAt("https://door");
const resource = (ResourceType: string, PhysicalResourceId: string, ResourceStatus: string) => ({
  LogicalResourceId: "Any",
  ResourceType,
  PhysicalResourceId,
  ResourceStatus,
  LastUpdatedTimestamp: "2026-11-22T12:00:00.000Z",
});

/** Destroys a stack that has these statuses one after another, the first before it is told. */
async function destroyed(
  statuses: readonly (string | undefined)[],
  answers: Answers = {},
  more: Readonly<Record<string, string>> = {},
  outputs: Readonly<Record<string, string>> = OUTPUTS,
) {
  aws = await stubAws({
    DescribeStacks: (_, before) => {
      const status = statuses[Math.min(before, statuses.length - 1)];
      return status === undefined ? unknownStack : described(outputs, status, more);
    },
    DeleteStack: {},
    ListStackResources: { StackResourceSummaries: [] },
    ...answers,
  });
  const said: string[] = [];
  const pauses: number[] = [];
  const stack = await findStack("prod", aws.settings);
  const pause = async (milliseconds: number) => pauses.push(milliseconds);
  const left = await destroy(stack, aws.settings, (line) => said.push(line), pause).catch((error: unknown) =>
    String(error),
  );
  return { left, said, pauses };
}

describe("a stack that is destroyed", () => {
  test("is deleted by its ARN, and each change of its status is told once", async () => {
    const { said, pauses } = await destroyed([
      "UPDATE_COMPLETE",
      "UPDATE_COMPLETE",
      "DELETE_IN_PROGRESS",
      "DELETE_IN_PROGRESS",
      "DELETE_COMPLETE",
    ]);
    expect(said).toEqual(["prod: UPDATE_COMPLETE", "prod: DELETE_IN_PROGRESS", "prod: DELETE_COMPLETE"]);
    expect(pauses).toEqual([3000, 3000, 3000]);
    expect(aws.asked.find(({ operation }) => operation === "DeleteStack")?.input).toMatchObject({
      StackName: STACK_ID,
    });
  });

  test("leaves what CloudFormation skipped, each with the command that deletes it, from all pages", async () => {
    const { left } = await destroyed(["UPDATE_COMPLETE", undefined], {
      ListStackResources: (_, before) =>
        before === 0
          ? {
              StackResourceSummaries: [
                resource("AWS::DynamoDB::GlobalTable", "lastbeat-table", "DELETE_SKIPPED"),
                resource("AWS::Lambda::Function", "beat", "DELETE_COMPLETE"),
              ],
              NextToken: "more",
            }
          : { StackResourceSummaries: [resource("AWS::Something::New", "thing", "DELETE_SKIPPED")] },
    });
    expect(left).toEqual({
      status: "DELETE_COMPLETE",
      kept: [
        {
          what: "AWS::DynamoDB::GlobalTable lastbeat-table",
          how: "aws dynamodb update-table --table-name lastbeat-table --no-deletion-protection-enabled && aws dynamodb delete-table --table-name lastbeat-table",
        },
        { what: "AWS::Something::New thing", how: "delete it in the AWS console of its service" },
      ],
    });
  });

  test("leaves the table, the requeue queues and the secret by default, when nobody may look at what was left", async () => {
    const { left } = await destroyed(["UPDATE_COMPLETE", undefined], {
      ListStackResources: denied("cloudformation:ListStackResources"),
    });
    expect(left).toMatchObject({
      kept: [
        { what: "AWS::DynamoDB::GlobalTable lastbeat-table" },
        { what: `AWS::SQS::Queue ${OUTPUTS["RequeueQueueUrl"]}` },
        { what: `AWS::SQS::Queue ${OUTPUTS["RequeueDeadLettersUrl"]}` },
        { what: `AWS::SecretsManager::Secret ${OUTPUTS["KeysArn"]}` },
      ],
    });
  });

  test("leaves the secrets of its webhooks, too", async () => {
    const arns = ["ci", "argo"].map((name) => `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}-a1b2c3`);
    const { left } = await destroyed(
      ["UPDATE_COMPLETE", undefined],
      { ListStackResources: denied("cloudformation:ListStackResources") },
      {},
      { ...OUTPUTS, WebhookSecrets: `ci=${arns[0]} argo=${arns[1]}` },
    );
    const kept = (left as Destruction).kept.map(({ how }) => how);
    expect(kept.slice(-2)).toEqual(arns.map((arn) => `aws secretsmanager delete-secret --secret-id ${arn}`));
  });

  test("that cannot be deleted says why", async () => {
    const more = { StackStatusReason: "The following resource(s) failed to delete: [Api]" };
    const { left } = await destroyed(["UPDATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED"], {}, more);
    expect(left).toBe('Error: the stack "prod" is DELETE_FAILED: The following resource(s) failed to delete: [Api]');
  });

  test("after an earlier failure is waited for, and fails again only when it does not begin", async () => {
    const again = await destroyed(["DELETE_FAILED", "DELETE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]);
    expect(again.left).toMatchObject({ status: "DELETE_COMPLETE" });
    await aws.stop();
    const never = await destroyed(["DELETE_FAILED"]);
    expect(never.left).toContain("is DELETE_FAILED");
    expect(never.pauses.length).toBe(10);
  });

  test("that may not be deleted is left alone", async () => {
    const { left, said } = await destroyed(["UPDATE_COMPLETE"], { DeleteStack: denied("cloudformation:DeleteStack") });
    expect(left).toBe("Error: AWS does not allow this: these credentials need cloudformation:DeleteStack");
    expect(said).toEqual([]);
  });

  test("is given up after an hour", async () => {
    const { left, pauses } = await destroyed(["UPDATE_COMPLETE", "DELETE_IN_PROGRESS"]);
    expect(left).toContain("is DELETE_IN_PROGRESS after an hour");
    expect(pauses.reduce((sum, each) => sum + each, 0)).toBe(3_600_000);
  });
});
