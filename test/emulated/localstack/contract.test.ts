import { randomUUID } from "node:crypto";
import { DeleteTableCommand, DynamoDBClient, paginateListTables } from "@aws-sdk/client-dynamodb";
import { DeleteQueueCommand, ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, expect, test } from "vitest";
import { engineAt, LOOPBACK, listenersAt, queuesAt } from "../../contract/engines.ts";
import { describePorts, dynamoPorts } from "../../contract/ports.ts";
import { describeQueues } from "../../contract/queues.ts";
import { REGION, ROOT } from "../emulator.ts";
import { startLocalStack } from "./localstack.ts";

// No Lambda is deployed, so none calls anybody.
const emulator = await startLocalStack("http://127.0.0.1:0");
/** What the names of this run's tables begin with, and those of its queues. */
const OURS = `contract-${randomUUID().slice(0, 8)}-`;
const engine = engineAt(emulator.endpoint, 0, undefined, OURS);
const queues = await queuesAt(emulator.endpoint, undefined, `${OURS}lastbeat`);

afterAll(async () => {
  if (emulator.inside !== undefined) await cleanUp();
  await engine.stop();
  await queues.stop();
  await emulator.stop();
});

/** A LocalStack that goes on without us keeps nothing of this run, and all that is not of this run. */
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

test.skipIf(emulator.inside !== undefined || process.platform !== "linux")(
  "LocalStack listens on 127.0.0.1 and nowhere else",
  () => {
    expect(listenersAt(Number(new URL(emulator.endpoint).port))).toEqual([expect.stringMatching(LOOPBACK)]);
  },
);

describePorts("LocalStack", dynamoPorts(engine));
describeQueues("LocalStack", queues);
