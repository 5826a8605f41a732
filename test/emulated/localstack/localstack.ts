import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { startDynamoDbLocal } from "../../contract/dynamodb-local.ts";
import { pythonPrograms } from "../../python-programs.ts";
import { end, spawnBound } from "../bound.ts";
import { answers, type Emulator, freePort } from "../emulator.ts";
import { needs } from "./needs.ts";

/** What holds for every LocalStack of this line. */
const COMMON = {
  // It answers CREATE_COMPLETE for an HTTP API, and creates none.
  frontDoor: "restApi",
  // It has no rotation schedules.
  // Nor does it name callers.
  settings: { frontDoors: "rest-api", keyRotationDays: "0", anonymousOwners: "true" },
  played: {},
  mend: async () => {},
} as const satisfies Partial<Emulator>;

const COVERS =
  "SQS, EventBridge, CloudFormation, Lambda's control plane and the gateway of REST APIs are LocalStack's code, " +
  "what it keeps of secrets, logs, roles and REST APIs is Moto's, in it";
const LACKS = "not covered: IAM, HTTP APIs";
/** It answers in milliseconds. */
const ANSWER_MS = 10_000;

/** Who answers at that endpoint; rejects when it is not LocalStack. */
async function versionOf(endpoint: string): Promise<string> {
  const info = await fetch(`${endpoint}/_localstack/info`, { signal: AbortSignal.timeout(ANSWER_MS) })
    .then(async (response) => (await response.json()) as Readonly<Record<string, unknown>>)
    .catch(
      (error: Error) =>
        ({ error: `${error.message} ${String(error.cause ?? "")}` }) as Readonly<Record<string, unknown>>,
    );
  const { version, session_id: session, machine_id: machine } = info;
  // Other emulators answer this path, too, for their callers' sake; these are what LocalStack counts its users by.
  if (typeof version !== "string" || typeof session !== "string" || typeof machine !== "string")
    throw new Error(`there is no LocalStack at ${endpoint}: ${JSON.stringify(info)}`);
  return `LocalStack ${version}`;
}

/** How the Lambdas of a LocalStack in a container reach it, by the name that its own resolver knows. */
const INSIDE = "http://localhost.localstack.cloud:4566";

/** One that somebody else has started, and in which he may have a stack of his own. Its Lambdas run where it runs them. */
async function foreign(given: string): Promise<Emulator> {
  const url = new URL(given);
  // A host that is a name would be put behind the name of a bucket, and such a name is found on few machines.
  if (url.hostname === "localhost" || url.hostname === "localhost.localstack.cloud") url.hostname = "127.0.0.1";
  const endpoint = url.origin;
  const inside = process.env["LASTBEAT_LOCALSTACK_INSIDE"] ?? INSIDE;
  const stack = `LastbeatTest${randomUUID().slice(0, 8)}`;
  const what = `${await versionOf(endpoint)} at ${endpoint}, stack ${stack}; ${COVERS}; DynamoDB and Lambdas are as it runs them; ${LACKS}`;
  const settings = { ...COMMON.settings, removalPolicy: "destroy" };
  return { ...COMMON, settings, what, endpoint, inside, stack, stop: async () => {} };
}

/** LocalStack from PyPI, on 127.0.0.1 and a free port, without Docker. */
async function own(lambdaEndpoint: string): Promise<Emulator> {
  const { python } = needs();
  const programs = pythonPrograms({
    name: "localstack",
    requirements: new URL("requirements.txt", import.meta.url),
    plugin: new URL("plugin/", import.meta.url),
    python,
  });
  const dynamodb = await startDynamoDbLocal();
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-localstack-"));
  const port = await freePort();
  const log = join(folder, "localstack.log");
  const environment = {
    PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
    HOME: folder,
    TMPDIR: folder,
    XDG_CACHE_HOME: folder,
    FILESYSTEM_ROOT: folder,
    OVERRIDE_IN_DOCKER: "0", // in a container, too, it is not the one of its image, whose folders it would use
    GATEWAY_SERVER: "loopback",
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    LOCALSTACK_HOST: `127.0.0.1:${port}`,
    SQS_ENDPOINT_STRATEGY: "path",
    DNS_ADDRESS: "0", // no resolver at port 53
    SKIP_SSL_CERT_DOWNLOAD: "1", // it speaks plain HTTP here
    DISABLE_EVENTS: "1", // tells nobody
    PROVIDER_OVERRIDE_DYNAMODB: "v2",
    PROVIDER_OVERRIDE_DYNAMODBSTREAMS: "v2",
    DYNAMODB_LOCAL_PORT: String(dynamodb.port),
    LAMBDA_RUNTIME_EXECUTOR: "node",
    LASTBEAT_LAMBDA_ENDPOINT: lambdaEndpoint,
  };
  const child = spawnBound(join(programs, "python"), ["-m", "localstack.runtime.main"], environment, log);
  const stop = async (): Promise<void> => {
    await end(child);
    await dynamodb.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await answers(`${endpoint}/_localstack/health`, child);
    const version = await versionOf(endpoint);
    const ours = "DynamoDB is Amazon's DynamoDB Local, and Lambdas run in plain Node by an executor of ours";
    const what = `${version}, from PyPI, without Docker; ${COVERS}; ${ours}; ${LACKS}`;
    return { ...COMMON, what, endpoint, stop };
  } catch (error) {
    const said = readFileSync(log, "utf8").slice(-2000);
    await stop();
    throw new Error(`LocalStack did not start: ${String(error)}\n${said}`);
  }
}

/** The LocalStack at AWS_ENDPOINT_URL; one of our own where that is not set. */
export function startLocalStack(lambdaEndpoint: string): Promise<Emulator> {
  const given = process.env["AWS_ENDPOINT_URL"] ?? "";
  return given === "" ? own(lambdaEndpoint) : foreign(given);
}
