import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { MEMORY, NOTICE_BATCH, TIMEOUTS } from "../cdk/limits.ts";
import { startEmulators } from "../dev/emulators.ts";
import { forgetAws, useEmulators, useResources } from "../dev/forget-aws.ts";
import { createQueues, createTable } from "../dev/resources.ts";
import { printTo, theApp } from "../lambdas/connect.ts";
import { theTable } from "../lambdas/store.ts";
import { sqsClient } from "../lib/adapters/aws/queues.ts";
import { claim } from "../lib/app/claim.ts";
import { visitAll } from "../lib/app/visit-all.ts";
import { DEFAULTS } from "../lib/core/spec.ts";
import { bundleLambdas } from "../scripts/bundle.ts";
import { ticketOf } from "../test/app/service.ts";
import type { Figure } from "./figure.ts";
import { served } from "./lambda.ts";

/**
 * A mass reclaim: `HOSTS` hosts, each with `RUNS_A_HOST` runs, are warned within two seconds. The processor time of the
 * notice Lambda is counted in a process of its own, cold and warm, over TLS. How long that takes on Lambda is played in
 * virtual time. Prints its figures as JSON.
 */
const HOSTS = 100;
const RUNS_A_HOST = 30;
const WITHIN_MS = 2000;
/** The bound until every run has its directive and its message. */
const PROMISED_S = 20;

/** How many batches are measured: a cold one, and then warm ones. */
const BATCHES = 4;
/**
 * The mean of a request to DynamoDB (assumed; bench/page.ts). A batch has many on their way: five messages, sixteen
 * attempts each.
 */
const REQUEST_MS = 10;
const ON_THEIR_WAY = 5 * 16;

const CHILD = fileURLToPath(new URL("reclaim-child.mjs", import.meta.url));
const KEYS = `k1:${Buffer.alloc(32, 1).toString("base64url")}`;
const instance = (n: number): string => `i-${n.toString(16).padStart(17, "0")}`;

const warning = (host: string, n: number): object => ({
  version: "0",
  id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
  source: "aws.ec2",
  "detail-type": "EC2 Spot Instance Interruption Warning",
  time: new Date().toISOString(),
  resources: [],
  detail: { "instance-id": host, "instance-action": "terminate" },
});

const folder = mkdtempSync(join(tmpdir(), "lastbeat-reclaim-"));
const [keyFile, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
execFileSync("openssl", [...made, ...subject, "-keyout", keyFile, "-out", certificate], { stdio: "ignore" });

let requests = 0;
const agent = new Agent({ keepAlive: true });

/** TLS before an emulator, as before the real services. */
async function secured(port: number): Promise<string> {
  const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certificate) }, (asked, answer) => {
    requests += 1;
    const { method, url: path, headers } = asked;
    const onward = request({ host: "127.0.0.1", port, method, path, headers, agent }, (got) => {
      answer.writeHead(got.statusCode ?? 500, got.headers);
      got.pipe(answer);
    });
    asked.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

forgetAws(process.env);
const emulators = await startEmulators({ dynamodbPort: 0, sqsPort: 0 });
const [dynamodb, sqs] = [`http://127.0.0.1:${emulators.dynamodbPort}`, `http://127.0.0.1:${emulators.sqsPort}`];
useEmulators(process.env, dynamodb, sqs);
const client = sqsClient();
const table = "lastbeat";
const queues = await createQueues(client, sqs);
useResources(process.env, { table, queues, keys: KEYS, sweepSeconds: 10, isWatching: false, isDispatching: false });
await createTable(theTable().client, table);

printTo({ write: () => {} });
const app = theApp();
const measured = BATCHES * NOTICE_BATCH;
const attempts = Array.from({ length: measured * RUNS_A_HOST }, (_, n) => n);
const unclaimed = await visitAll(attempts, 32, async (n) => {
  const ticket = await ticketOf(app, `run-${n}`, DEFAULTS);
  await claim(app, ticket, { id: n.toString(16).padStart(32, "0"), host: instance(n % measured) });
});
if (unclaimed.length > 0) throw unclaimed[0]?.error;

await bundleLambdas(join(folder, "lambdas"));
const batches = Array.from({ length: BATCHES }, (_, batch) =>
  Array.from({ length: NOTICE_BATCH }, (_, n) => {
    const host = batch * NOTICE_BATCH + n;
    return { messageId: String(host), body: JSON.stringify(warning(instance(host), host)) };
  }),
);
const batchFile = join(folder, "batches.json");
writeFileSync(batchFile, JSON.stringify(batches));
requests = 0;
const { stderr } = await promisify(execFile)(
  process.execPath,
  [CHILD, join(folder, "lambdas/notice/index.mjs"), batchFile],
  {
    env: {
      ...process.env,
      AWS_ENDPOINT_URL_DYNAMODB: await secured(emulators.dynamodbPort),
      AWS_ENDPOINT_URL_SQS: await secured(emulators.sqsPort),
      NODE_EXTRA_CA_CERTS: certificate,
    },
    maxBuffer: 64 * 1024 * 1024,
  },
);
const spent = JSON.parse(stderr.trim().split("\n").at(-1) ?? "[]") as number[];
const { Attributes = {} } = await client.send(
  new GetQueueAttributesCommand({ QueueUrl: queues.requeue, AttributeNames: ["ApproximateNumberOfMessages"] }),
);
const announced = Number(Attributes["ApproximateNumberOfMessages"]);
if (announced !== attempts.length) throw new Error(`${announced} of ${attempts.length} runs were announced`);
await emulators.stop();
rmSync(folder, { recursive: true, force: true });

const [coldMs = Number.NaN, ...warm] = spent;
const warmMs = warm.reduce((sum, one) => sum + one, 0) / warm.length;
const perAttempt = requests / attempts.length;
const waitMs = (requests / BATCHES / ON_THEIR_WAY) * REQUEST_MS;
const work = { coldMs, warmMs, waitMs };
const now = served(HOSTS, WITHIN_MS, NOTICE_BATCH, MEMORY.notice, work);
const figures: readonly Figure[] = [
  {
    name: `notice, processor for each attempt that is warned, warm`,
    value: warmMs / NOTICE_BATCH / RUNS_A_HOST,
    unit: "ms",
  },
  { name: "notice, requests for each attempt that is warned", value: perAttempt, unit: "" },
  {
    name: `notice, processor of a cold batch of ${NOTICE_BATCH} hosts of ${RUNS_A_HOST} runs, with TLS`,
    value: coldMs,
    unit: "ms",
  },
  {
    name: `${HOSTS} hosts of ${RUNS_A_HOST} runs are warned within two seconds: time until the last message is sent`,
    value: now.lastS,
    unit: "s",
    atMost: PROMISED_S,
    beside: `modelled from the counted processor time: ${MEMORY.notice} MB, batches of ${NOTICE_BATCH}, ${now.atOnce} instances; with 256 MB ${served(HOSTS, WITHIN_MS, NOTICE_BATCH, 256, work).lastS.toFixed(0)} s`,
  },
  {
    name: "the same, the longest invocation",
    value: now.longestS,
    unit: "s",
    atMost: TIMEOUTS.notice / 2,
    beside: `its time limit is ${TIMEOUTS.notice} s`,
  },
];
console.log(JSON.stringify(figures));
process.exit(0);
