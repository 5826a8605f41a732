import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
} from "@aws-sdk/client-dynamodb";
import { CreateQueueCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { MAX_RECEIVES, TABLE, TICK_RETENTION_SECONDS } from "../lib/names.ts";

/** Creates the table; an existing table is kept. */
export async function createTable(client: DynamoDBClient, name: string): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [
          { AttributeName: TABLE.partitionKey, AttributeType: "S" },
          { AttributeName: TABLE.sortKey, AttributeType: "S" },
        ],
        KeySchema: [
          { AttributeName: TABLE.partitionKey, KeyType: "HASH" },
          { AttributeName: TABLE.sortKey, KeyType: "RANGE" },
        ],
      }),
    );
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
  await waitUntilActive(client, name);
}

/** The emulators take milliseconds. A table that does not exist after 5 s will never exist. */
const LOOKS = 250;
const BETWEEN_LOOKS_MS = 20;

/** A new table accepts no requests at first. */
async function waitUntilActive(client: DynamoDBClient, name: string): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    if (Table?.TableStatus === "ACTIVE") return;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
  }
  throw new Error(`the table ${name} did not become active within 5 s`);
}

export type QueueUrls = {
  readonly requeue: string;
  readonly deadLetter: string;
  readonly tick: string;
  readonly notice: string;
  readonly watch: string;
  readonly dispatch: string;
  readonly dispatchDeadLetters: string;
};

/** The account id of the emulator. */
const ACCOUNT = "000000000000";
const REGION = "us-east-1";

/**
 * Creates the queues, with the same redrive as the real ones. The URLs use the endpoint, because the emulator's own
 * URLs do not resolve. `prefix`: the beginning of their names.
 */
export async function createQueues(client: SQSClient, endpoint: string, prefix = "lastbeat"): Promise<QueueUrls> {
  const create = async (kind: string, attributes: Record<string, string> = {}): Promise<string> => {
    const name = `${prefix}-${kind}`;
    await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return `${endpoint}/${ACCOUNT}/${name}`;
  };
  /** A queue whose messages go to a dead-letter queue after a number of receives. */
  const redriven = (deadLetters: string): Record<string, string> => ({
    RedrivePolicy: JSON.stringify({
      deadLetterTargetArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${deadLetters.split("/").at(-1)}`,
      maxReceiveCount: MAX_RECEIVES,
    }),
  });
  const deadLetter = await create("requeue-dead");
  const requeue = await create("requeue", redriven(deadLetter));
  const tick = await create("tick", { MessageRetentionPeriod: String(TICK_RETENTION_SECONDS) });
  const watch = await create("watch", { MessageRetentionPeriod: String(TICK_RETENTION_SECONDS) });
  const notice = await create("notice", redriven(await create("notice-dead")));
  const dispatchDeadLetters = await create("dispatch-dead");
  const dispatch = await create("dispatch", redriven(dispatchDeadLetters));
  return { requeue, deadLetter, tick, notice, watch, dispatch, dispatchDeadLetters };
}
