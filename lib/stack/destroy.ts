import {
  CloudFormationClient,
  DeleteStackCommand,
  ListStackResourcesCommand,
  type StackResourceSummary,
} from "@aws-sdk/client-cloudformation";
import { AccountError, asking } from "./refusal.ts";
import { clientSettings, type Settings } from "./settings.ts";
import { DESCRIBE, describeStack, type OurStack } from "./stack.ts";

/** A resource that is left of a deleted stack, and the command that deletes it. */
export type Kept = { readonly what: string; readonly how: string };

export type Destruction = { readonly status: string; readonly kept: readonly Kept[] };

/** A stack is gone in two or three minutes; functions in a VPC have taken forty. */
const BETWEEN_LOOKS_MS = 3_000;
const MOST_LOOKS = 1_200;
const LOOKS_TO_BEGIN = 10;

/** The command that deletes each kind of kept resource, by its physical id. */
const HOW: Readonly<Record<string, (id: string) => string>> = {
  "AWS::DynamoDB::GlobalTable": (id) =>
    `aws dynamodb update-table --table-name ${id} --no-deletion-protection-enabled && aws dynamodb delete-table --table-name ${id}`,
  "AWS::SQS::Queue": (id) => `aws sqs delete-queue --queue-url ${id}`,
  "AWS::SecretsManager::Secret": (id) => `aws secretsmanager delete-secret --secret-id ${id}`,
  "AWS::Logs::LogGroup": (id) => `aws logs delete-log-group --log-group-name ${id}`,
};

const keptAs = (type: string, id: string): Kept => ({
  what: `${type} ${id}`,
  how: HOW[type]?.(id) ?? "delete it in the AWS console of its service",
});

/** What the template keeps by default, for callers who may not list the resources. */
function expected({ outputs }: OurStack): readonly Kept[] {
  const {
    table,
    requeueQueue,
    requeueDeadLetters,
    dispatchQueue,
    dispatchDeadLetters,
    keys,
    webhookSecrets = "",
  } = outputs;
  const ids: readonly (readonly [string, string | undefined])[] = [
    ["AWS::DynamoDB::GlobalTable", table],
    ["AWS::SQS::Queue", requeueQueue],
    ["AWS::SQS::Queue", requeueDeadLetters],
    ["AWS::SQS::Queue", dispatchQueue],
    ["AWS::SQS::Queue", dispatchDeadLetters],
    ["AWS::SecretsManager::Secret", keys],
    ...webhookSecrets
      .split(" ")
      .filter((each) => each !== "")
      .map((each) => ["AWS::SecretsManager::Secret", each.slice(each.indexOf("=") + 1)] as const),
  ];
  return ids.flatMap(([type, id]) => (id === undefined ? [] : [keptAs(type, id)]));
}

/** The resources that CloudFormation has kept. It answers for a deleted stack by its ARN. */
async function keptOf(client: CloudFormationClient, stack: OurStack): Promise<readonly Kept[]> {
  const found: StackResourceSummary[] = [];
  try {
    let NextToken: string | undefined;
    do {
      const page = await client.send(
        new ListStackResourcesCommand({ StackName: stack.id, ...(NextToken !== undefined && { NextToken }) }),
      );
      found.push(...(page.StackResourceSummaries ?? []));
      NextToken = page.NextToken;
    } while (NextToken !== undefined); // a stack has 500 resources at most
  } catch {
    return expected(stack);
  }
  return found
    .filter(({ ResourceStatus }) => ResourceStatus === "DELETE_SKIPPED")
    .map(({ ResourceType = "", PhysicalResourceId = "" }) => keptAs(ResourceType, PhysicalResourceId));
}

/**
 * Deletes the stack and waits until it is gone. `say` gets each change of the status; `pause` waits for the
 * milliseconds. Throws an AccountError if the stack cannot be deleted.
 */
export async function destroy(
  stack: OurStack,
  settings: Settings,
  say: (line: string) => void,
  pause: (milliseconds: number) => Promise<unknown>,
): Promise<Destruction> {
  const client = new CloudFormationClient(clientSettings(settings));
  await asking("cloudformation:DeleteStack", () => client.send(new DeleteStackCommand({ StackName: stack.id })));
  let told = "";
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    const found = await asking(DESCRIBE, () => describeStack(stack.id, settings));
    const status = found.kind === "absent" ? "DELETE_COMPLETE" : found.stack.status;
    if (status !== told) say(`${stack.name}: ${status}`);
    told = status;
    if (status === "DELETE_COMPLETE") return { status, kept: await keptOf(client, stack) };
    // Just after the beginning, the status may still be that of an earlier deletion.
    const isOld = stack.status === status && look < LOOKS_TO_BEGIN;
    if (status === "DELETE_FAILED" && !isOld) {
      const reason = found.kind === "stack" ? found.stack.reason : undefined;
      throw new AccountError(`the stack "${stack.name}" is ${status}: ${reason ?? "see its events in CloudFormation"}`);
    }
    await pause(BETWEEN_LOOKS_MS);
  }
  throw new AccountError(`the stack "${stack.name}" is ${told} after an hour: see its events in CloudFormation`);
}
