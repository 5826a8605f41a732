import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
} from "@aws-sdk/client-dynamodb";
import { CreateQueueCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { MAX_RECEIVES, TABLE, TICK_RETENTION_SECONDS } from "../names.ts";

/** Creates the table; one that is there already is kept. */
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

/** The emulators take milliseconds; a table that is not there after 5 s will not come. */
const LOOKS = 250;
const BETWEEN_LOOKS_MS = 20;

/** A new table takes no requests at first. */
async function waitUntilActive(client: DynamoDBClient, name: string): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    if (Table?.TableStatus === "ACTIVE") return;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
  }
  throw new Error(`the table ${name} did not become active`);
}

export type QueueUrls = {
  readonly requeue: string;
  readonly deadLetter: string;
  readonly tick: string;
  readonly notice: string;
};

/** The account that the emulator plays. */
const ACCOUNT = "000000000000";
const REGION = "us-east-1";

/** Creates the queues, with the redrive that the real ones have. The URLs name 127.0.0.1: the emulator's own do not resolve. */
export async function createQueues(client: SQSClient, endpoint: string): Promise<QueueUrls> {
  const create = async (name: string, attributes: Record<string, string>): Promise<string> => {
    await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return `${endpoint}/${ACCOUNT}/${name}`;
  };
  const deadLetter = await create("lastbeat-requeue-dead", {});
  const deadLetterTargetArn = `arn:aws:sqs:${REGION}:${ACCOUNT}:lastbeat-requeue-dead`;
  const requeue = await create("lastbeat-requeue", {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: MAX_RECEIVES }),
  });
  const tick = await create("lastbeat-tick", { MessageRetentionPeriod: String(TICK_RETENTION_SECONDS) });
  const noticeDead = await create("lastbeat-notice-dead", {});
  const notice = await create("lastbeat-notice", {
    RedrivePolicy: JSON.stringify({
      deadLetterTargetArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${noticeDead.split("/").at(-1)}`,
      maxReceiveCount: MAX_RECEIVES,
    }),
  });
  return { requeue, deadLetter, tick, notice };
}
