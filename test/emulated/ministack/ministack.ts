import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { DynamoDBClient, UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { IAMClient, ListRolesCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { TABLE } from "../../../lib/names.ts";
import { pythonPrograms } from "../../python-programs.ts";
import { end, spawnBound } from "../bound.ts";
import { answers, type Emulator, freePort, ROOT, type Sdk } from "../emulator.ts";
import { moveMessages } from "./redrive.ts";

/** It does not apply CloudFormation's TTL setting, and asks for sqs:SendMessageBatch where AWS asks for sqs:SendMessage. */
async function mend(sdk: Sdk, table: string): Promise<void> {
  await new DynamoDBClient(sdk)
    .send(
      new UpdateTimeToLiveCommand({
        TableName: table,
        TimeToLiveSpecification: { AttributeName: TABLE.ttl, Enabled: true },
      }),
    )
    .catch((error: Error) => {
      if (!/already enabled/i.test(error.message)) throw error;
    });
  const iam = new IAMClient(sdk);
  const { Roles = [] } = await iam.send(new ListRolesCommand({}));
  const ticker = Roles.find(({ Description }) => Description === "Lastbeat ticker");
  const statement = { Effect: "Allow", Action: "sqs:SendMessageBatch", Resource: "*" };
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: ticker?.RoleName,
      PolicyName: "emulator",
      PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
    }),
  );
}

/**
 * MiniStack, which plays AWS on the loopback interface, with authorization on: a Lambda may do what its role may. Lambdas
 * are plain processes of this very Node.
 */
export async function startMiniStack(lambdaEndpoint: string): Promise<Emulator> {
  const programs = pythonPrograms({ name: "ministack", requirements: new URL("requirements.txt", import.meta.url) });
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-ministack-"));
  mkdirSync(join(folder, "s3"));
  const port = await freePort();
  const child = spawnBound(join(programs, "ministack"), [], {
    PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
    HOME: folder,
    TMPDIR: folder,
    S3_DATA_DIR: join(folder, "s3"),
    BIND_HOST: "127.0.0.1",
    GATEWAY_PORT: String(port),
    IOT_MTLS_ENABLED: "0",
    AUTH: "true",
    AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    AWS_ENDPOINT_URL: lambdaEndpoint,
  });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  // The name is that in the URLs of its queues.
  const endpoint = `http://localhost:${port}`;
  try {
    await answers(`${endpoint}/_ministack/health`, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    what: "MiniStack 1.5.33, with IAM enforced; Lambdas run in plain Node",
    endpoint,
    frontDoor: "httpApi",
    // It has no rotation schedules. The Lambda is there, and the test plays Secrets Manager.
    settings: { keyRotationDays: "0" },
    played: { "sqs:StartMessageMoveTask": moveMessages },
    mend: (sdk, output) => mend(sdk, output("table")),
    stop,
  };
}
