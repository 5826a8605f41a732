import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { DRILL_SOURCE } from "../names.ts";
import { AccountError, asking } from "./refusal.ts";
import { clientSettings, type Settings } from "./settings.ts";
import type { Stack } from "./stack.ts";

/** The event of a drill: the type that AWS gives it, and the instance that it is about. */
export type Played = {
  readonly type: string;
  readonly host: string;
  readonly detail: Readonly<Record<string, string>>;
};

/** The ARN of an instance in the stack's account and region. */
function instanceArn(stack: Stack, host: string): string {
  const [, partition = "aws", , region = stack.region, account = ""] = stack.id.split(":");
  return `arn:${partition}:ec2:${region}:${account}:instance/${host}`;
}

/** Puts the event on the default bus of the account, from the source of drills. Resolves to the event's id. */
export async function putDrill(stack: Stack, { type, host, detail }: Played, settings: Settings): Promise<string> {
  const client = new EventBridgeClient(clientSettings(settings));
  const entry = {
    Source: DRILL_SOURCE,
    DetailType: type,
    Detail: JSON.stringify({ "instance-id": host, ...detail }),
    Resources: [instanceArn(stack, host)],
  };
  const { FailedEntryCount = 0, Entries = [] } = await asking("events:PutEvents", () =>
    client.send(new PutEventsCommand({ Entries: [entry] })),
  );
  const [put] = Entries;
  // EventBridge reports a refused entry in a successful answer.
  if (FailedEntryCount > 0 || put?.EventId === undefined)
    throw new AccountError(
      `EventBridge did not accept the event: ${put?.ErrorMessage ?? put?.ErrorCode ?? "no reason given"}`,
    );
  return put.EventId;
}
