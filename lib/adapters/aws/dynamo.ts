import { ConditionalCheckFailedException, DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import type { Write } from "../../ports/runs.ts";

/** One table, and the client that reaches it. */
export type Dynamo = { readonly client: DynamoDBClient; readonly table: string };

/**
 * A beat is answered in a few milliseconds, or has failed. Two tries of 1 s are over long before an agent with the
 * default lease gives up waiting (30 s). With 256 sockets, a sweep that settles many runs at once does not wait for its
 * own client.
 */
export const dynamoClient = (config: DynamoDBClientConfig = {}): DynamoDBClient =>
  new DynamoDBClient({
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: 1000,
      requestTimeout: 1000,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 256 },
      httpsAgent: { keepAlive: true, maxSockets: 256 },
    },
    ...config,
  });

/** `written`, or `stale` if the write's own guard refused it. Every other failure is thrown. */
export async function guarded(write: () => Promise<unknown>): Promise<Write> {
  try {
    await write();
    return "written";
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return "stale";
    throw error;
  }
}
