import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { startEmulators } from "../../dev/emulators.ts";
import { createQueues, createTable, type QueueUrls } from "../../dev/resources.ts";
import { type Dynamo, dynamoClient } from "../../lib/adapters/aws/dynamo.ts";
import { sqsClient } from "../../lib/adapters/aws/queues.ts";
import { DYNAMODB, type SignedCall, signedCall } from "../../lib/adapters/aws/signed-call.ts";
import { obstacle, startDynamoDbLocal } from "./dynamodb-local.ts";

/** A DynamoDB engine on this machine. `table` makes a new, empty table; `pid` is the process that listens. */
export type Engine = {
  readonly pid: number;
  readonly endpoint: string;
  table(): Promise<Dynamo>;
  stop(): Promise<void>;
};

/** The emulators take any credentials. */
const ANYBODY = { region: "us-east-1", credentials: { accessKeyId: "contract", secretAccessKey: "contract" } };

/** A Java virtual machine answers its first requests slowly on a busy machine, and a retried write would look stale. */
const PATIENT = { maxAttempts: 1, requestHandler: { connectionTimeout: 10_000, requestTimeout: 20_000 } };

/** A client of an emulator. */
export const clientAt = (endpoint: string): Dynamo["client"] => dynamoClient({ endpoint, ...ANYBODY, ...PATIENT });

/** A client that is signed by hand, like that of the Lambda of beats. */
export const signedCallAt = (endpoint: string): SignedCall =>
  signedCall(
    DYNAMODB,
    {
      AWS_REGION: ANYBODY.region,
      AWS_ENDPOINT_URL_DYNAMODB: endpoint,
      AWS_ACCESS_KEY_ID: ANYBODY.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ANYBODY.credentials.secretAccessKey,
    },
    { attempts: PATIENT.maxAttempts, timeoutMs: PATIENT.requestHandler.requestTimeout },
  );

/** `pid`: the process that listens; 0 if it is not ours. `prefix`: the beginning of its tables' names. */
export function engineAt(
  endpoint: string,
  pid = 0,
  stop = async (): Promise<void> => {},
  prefix = "contract-",
): Engine {
  const client = clientAt(endpoint);
  return {
    pid,
    endpoint,
    table: async () => {
      const table = `${prefix}${randomUUID()}`;
      await createTable(client, table);
      return { client, table };
    },
    stop: async () => {
      client.destroy();
      await stop();
    },
  };
}

/** dynalite, as `lastbeat dev` runs it. */
export async function startDynalite(): Promise<Engine> {
  const emulators = await startEmulators({ dynamodbPort: 0, sqsPort: 0 });
  return engineAt(`http://127.0.0.1:${emulators.dynamodbPort}`, process.pid, emulators.stop);
}

export type Queues = {
  readonly client: ReturnType<typeof sqsClient>;
  readonly urls: QueueUrls;
  stop(): Promise<void>;
};

/** Our queues at an endpoint of SQS. `prefix`: the beginning of their names. */
export async function queuesAt(
  endpoint: string,
  stop = async (): Promise<void> => {},
  prefix?: string,
): Promise<Queues> {
  const client = sqsClient({ endpoint, ...ANYBODY, ...PATIENT });
  return {
    client,
    urls: await createQueues(client, endpoint, prefix),
    stop: async () => {
      client.destroy();
      await stop();
    },
  };
}

/** fauxqs with our queues, as `lastbeat dev` runs it. */
export async function startQueues(): Promise<Queues> {
  const emulators = await startEmulators({ dynamodbPort: 0, sqsPort: 0 });
  return queuesAt(`http://127.0.0.1:${emulators.sqsPort}`, emulators.stop);
}

/** DynamoDB Local, if Java can run it. */
export async function dynamoDbLocalEngine(): Promise<Engine | { readonly missing: string }> {
  const missing = obstacle();
  if (missing !== undefined) return { missing };
  const { port, pid, stop } = await startDynamoDbLocal();
  return engineAt(`http://127.0.0.1:${port}`, pid, stop);
}

/** The state of a listening socket in /proc/net/tcp. */
const LISTENING = "0A";

/** 127.0.0.1 with a port, as /proc/net/tcp writes it on little-endian machines. */
export const LOOPBACK = /^0100007F:[0-9A-F]{4}$/;

/**
 * The local addresses that a process on Linux listens on, as /proc/net/tcp writes them. On other systems none are
 * found.
 */
export function listeners(pid: number): readonly string[] {
  if (process.platform !== "linux") return [];
  const sockets = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${descriptor}`))?.[1];
    if (inode !== undefined) sockets.add(inode);
  }
  return listening(String(pid)).flatMap(({ address, inode }) => (sockets.has(inode) ? [address] : []));
}

/** The local addresses on which a process listens at that port. */
export const listenersAt = (port: number): readonly string[] =>
  listening("self").flatMap(({ address }) =>
    Number.parseInt(address.split(":")[1] ?? "", 16) === port ? [address] : [],
  );

/** All sockets that listen, as that process sees them. */
const listening = (process: string): readonly { readonly address: string; readonly inode: string }[] =>
  ["tcp", "tcp6"].flatMap((family) =>
    readFileSync(`/proc/${process}/net/${family}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === LISTENING)
      .map(([, address = "", , , , , , , , inode = ""]) => ({ address, inode })),
  );

/** Where the link points; empty if the descriptor was closed meanwhile. */
function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}
