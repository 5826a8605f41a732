import { Server as HttpServer, IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { type ListenOptions, Server } from "node:net";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import dynalite from "dynalite";
import { startFauxqs } from "fauxqs";
import { isOfPage } from "./foreign.ts";

/** Runs the DynamoDB and SQS emulators in another thread than the server, so that neither waits for the other. */
export type EmulatorData = { readonly dynamodbPort: number; readonly sqsPort: number; readonly folder?: string };
export type EmulatorReady = { readonly dynamodbPort: number; readonly sqsPort: number };
/** Why the folder cannot be used; `locked`: another process has it open. */
export type EmulatorRefusal = { readonly refused: "locked" | "broken"; readonly folder: string; readonly why: string };

/**
 * fauxqs listens on every interface, and has no option for that. So every server of this thread listens on the loopback
 * interface instead: the emulators ask for no credentials.
 */
const listen = Server.prototype.listen;
Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
  const [first, ...rest] = args;
  const options: ListenOptions = typeof first === "object" && first !== null ? first : { port: Number(first) };
  const callback = rest.find((each) => typeof each === "function") as (() => void) | undefined;
  return Reflect.apply(listen, this, [{ ...options, host: "127.0.0.1" }, callback]);
} as typeof listen;

/**
 * Refuses all requests of web pages: the emulators ask for no credentials, and dynalite even allows every page by CORS.
 */
const emit = HttpServer.prototype.emit;
HttpServer.prototype.emit = function (this: HttpServer, event: string, ...args: unknown[]): boolean {
  const [request, response] = args;
  if (event !== "request" || !(request instanceof IncomingMessage) || !isOfPage(request.headers))
    return Reflect.apply(emit, this, [event, ...args]);
  (response as ServerResponse).writeHead(403).end();
  return true;
} as typeof emit;

type Database = { open(): Promise<void>; close(): Promise<void> };

/**
 * dynalite opens its database at the first request, and reports a failure only as "closed". So this function opens it
 * first, with the same code. The lock of the operating system shows whether another process has it open; a lock file
 * could be left behind by a kill.
 */
async function openOnce(path: string): Promise<void> {
  const { Level } = createRequire(import.meta.resolve("dynalite"))("level") as {
    Level: new (path: string) => Database;
  };
  const database = new Level(path);
  await database.open();
  await database.close();
}

const isLocked = ({ cause }: { cause?: unknown }): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && cause.code === "LEVEL_LOCKED";

/** The message of an error of a library, with the message of its cause. */
const said = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
};

async function start({ dynamodbPort, sqsPort, folder }: EmulatorData): Promise<EmulatorReady | EmulatorRefusal> {
  if (folder !== undefined) {
    const path = join(folder, "dynamodb");
    try {
      await openOnce(path);
    } catch (error) {
      return { refused: isLocked(error as Error) ? "locked" : "broken", folder: path, why: said(error) };
    }
  }
  const table = dynalite({ createTableMs: 0, ...(folder !== undefined && { path: join(folder, "dynamodb") }) });
  await new Promise<void>((resolve, reject) => {
    table.once("error", reject);
    table.listen(dynamodbPort, () => resolve());
  });
  const address = table.address();
  const path = folder === undefined ? undefined : join(folder, "sqs");
  try {
    const queues = await startFauxqs({ port: sqsPort, logger: false, ...(path !== undefined && { dataDir: path }) });
    return {
      dynamodbPort: typeof address === "object" && address !== null ? address.port : dynamodbPort,
      sqsPort: queues.port,
    };
  } catch (error) {
    if (path === undefined) throw error;
    return { refused: "broken", folder: path, why: said(error) };
  }
}

parentPort?.postMessage(await start(workerData as EmulatorData));
