import { randomUUID } from "node:crypto";
import { DeleteTableCommand, DynamoDBClient, paginateListTables } from "@aws-sdk/client-dynamodb";
import { DeleteQueueCommand, ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll } from "vitest";
import { engineAt, queuesAt } from "../../contract/engines.ts";
import { describePorts, dynamoPorts } from "../../contract/ports.ts";
import { describeQueues } from "../../contract/queues.ts";
import { REGION, ROOT } from "../emulator.ts";
import { startLocalStack } from "./localstack.ts";

// No Lambda is deployed, so none calls anybody.
const emulator = await startLocalStack("http://127.0.0.1:0");
/** What the names of our tables begin with, and those of our queues. */
const OURS = "contract-";
const engine = engineAt(emulator.endpoint);
const queues = await queuesAt(emulator.endpoint, undefined, `${OURS}${randomUUID()}`);

afterAll(async () => {
  if (emulator.inside !== undefined) await cleanUp();
  await engine.stop();
  await queues.stop();
  await emulator.stop();
});

/** A LocalStack that goes on without us keeps nothing of ours. */
async function cleanUp(): Promise<void> {
  const sdk = { endpoint: emulator.endpoint, region: REGION, credentials: ROOT };
  const dynamodb = new DynamoDBClient(sdk);
  for await (const { TableNames = [] } of paginateListTables({ client: dynamodb }, {}))
    for (const TableName of TableNames.filter((name) => name.startsWith(OURS)))
      await dynamodb.send(new DeleteTableCommand({ TableName }));
  const sqs = new SQSClient({ ...sdk, useQueueUrlAsEndpoint: false });
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: OURS }));
  for (const QueueUrl of QueueUrls) await sqs.send(new DeleteQueueCommand({ QueueUrl }));
}

describePorts("LocalStack", dynamoPorts(engine));
describeQueues("LocalStack", queues);
