import { type ListenOptions, Server } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import dynalite from "dynalite";
import { startFauxqs } from "fauxqs";

/** Runs the DynamoDB and SQS emulators beside the server's thread, so that neither waits for the other. */
export type EmulatorData = { readonly dynamodbPort: number; readonly sqsPort: number; readonly folder?: string };
export type EmulatorReady = { readonly dynamodbPort: number; readonly sqsPort: number };

/**
 * fauxqs listens on every interface, and offers no choice. Whatever this thread listens on, it listens on the loopback
 * interface: the emulators ask for no credentials.
 */
const listen = Server.prototype.listen;
Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
  const [first, ...rest] = args;
  const options: ListenOptions = typeof first === "object" && first !== null ? first : { port: Number(first) };
  const callback = rest.find((each) => typeof each === "function") as (() => void) | undefined;
  return Reflect.apply(listen, this, [{ ...options, host: "127.0.0.1" }, callback]);
} as typeof listen;

const { dynamodbPort, sqsPort, folder } = workerData as EmulatorData;

const table = dynalite({ createTableMs: 0, ...(folder !== undefined && { path: `${folder}/dynamodb` }) });
await new Promise<void>((resolve, reject) => {
  table.once("error", reject);
  table.listen(dynamodbPort, () => resolve());
});
const address = table.address();
const queues = await startFauxqs({
  port: sqsPort,
  logger: false,
  ...(folder !== undefined && { dataDir: `${folder}/sqs` }),
});
const ready: EmulatorReady = {
  dynamodbPort: typeof address === "object" && address !== null ? address.port : dynamodbPort,
  sqsPort: queues.port,
};
parentPort?.postMessage(ready);
