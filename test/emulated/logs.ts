import {
  CloudWatchLogsClient,
  paginateFilterLogEvents,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import { type Deployment, physicalId } from "./deployment.ts";

export type Line = Readonly<Record<string, unknown>>;

/** The lines of JSON that a Lambda of ours has written. */
export async function linesOf(here: Deployment, name: string): Promise<readonly Line[]> {
  return (await logOf(here, name)).flatMap((text) => {
    try {
      return [JSON.parse(text) as Line];
    } catch {
      return []; // what the runtime writes itself
    }
  });
}

/** All that it has written: to its log group, or to the one of its name, where LocalStack writes all the same. */
export async function logOf(here: Deployment, name: string): Promise<readonly string[]> {
  const client = new CloudWatchLogsClient(here.sdk);
  const messages: string[] = [];
  for (const logGroupName of [
    await physicalId(here, new RegExp(`Lambdas${name}Logs[0-9A-F]{8}$`)),
    `/aws/lambda/${await physicalId(here, new RegExp(`Lambdas${name}Function[0-9A-F]{8}$`))}`,
  ])
    try {
      for await (const { events = [] } of paginateFilterLogEvents({ client }, { logGroupName }))
        messages.push(...events.map(({ message = "" }) => message));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
    }
  return messages;
}
