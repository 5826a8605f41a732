import type { Template } from "aws-cdk-lib/assertions";
import { VERSION } from "../../cdk/version.ts";

/** What users lose when CloudFormation makes a new one, and the properties that make it do so when they change. */
type Kind = { readonly loss: string; readonly fixed: readonly string[] };

const KINDS: Readonly<Record<string, Kind>> = {
  "AWS::DynamoDB::GlobalTable": {
    loss: "the new table is empty: no runner is known any more, and the runs stay behind in the old one",
    fixed: ["TableName", "KeySchema", "LocalSecondaryIndexes"],
  },
  "AWS::SQS::Queue": {
    loss: "what waits in the old queue is not handled, and consumers go on reading the old one",
    fixed: ["QueueName", "FifoQueue"],
  },
  "AWS::SecretsManager::Secret": {
    loss: "the new keys refuse every ticket and token that was handed out: all runners are lost",
    fixed: ["Name"],
  },
  "AWS::ApiGatewayV2::Api": {
    loss: "the new HTTP API has another address, and the old one is in every pod",
    fixed: ["ProtocolType"],
  },
  "AWS::ApiGatewayV2::Stage": {
    loss: "the HTTP API does not answer at the address that is in every pod",
    fixed: ["StageName"],
  },
  "AWS::ApiGateway::RestApi": {
    loss: "the new REST API has another address, and the old one is in every pod",
    fixed: [],
  },
  "AWS::ApiGateway::Stage": {
    loss: "the name of the stage is a part of the address that is in every pod",
    fixed: ["StageName"],
  },
  "AWS::Lambda::Url": {
    loss: "the new URL of beats is another one than runners were told by their claims",
    fixed: ["TargetFunctionArn", "Qualifier"],
  },
};

/** A resource that has to stay: its type, and what it was made with; a property that it has not is null. */
type Kept = { readonly type: string; readonly made: Readonly<Record<string, unknown>> };

/** What the next versions must not replace, by logical ids. */
export type Release = { readonly version: string; readonly resources: Readonly<Record<string, Kept>> };

/** The release that this version would be, with every front door open. */
export function releaseOf(template: Template): Release {
  const resources = Object.keys(KINDS).flatMap((type) =>
    Object.entries(template.findResources(type)).map(([id, resource]) => {
      const made = Object.fromEntries(
        (KINDS[type]?.fixed ?? []).map((name) => [name, (resource["Properties"]?.[name] ?? null) as unknown]),
      );
      return [id, { type, made }] as const;
    }),
  );
  return { version: VERSION, resources: Object.fromEntries(resources) };
}

/** What an upgrade from one release to the other would replace, each with what that means for users. */
export const replacedBy = (before: Release, after: Release): readonly string[] =>
  Object.entries(before.resources).flatMap(([id, { type, made }]) => {
    const now = after.resources[id];
    const loss = `an upgrade from ${before.version} replaces it: ${KINDS[type]?.loss}`;
    if (now?.type !== type) return [`${id} (${type}) is not there under this logical id; ${loss}`];
    return Object.entries(made)
      .filter(([name, value]) => JSON.stringify(now.made[name]) !== JSON.stringify(value))
      .map(
        ([name, value]) =>
          `${name} of ${id} (${type}) was ${JSON.stringify(value)} and is ${JSON.stringify(now.made[name])}; ${loss}`,
      );
  });
