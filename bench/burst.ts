import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { DevInfo } from "../dev/dev.ts";
import type { RunView } from "../lib/wire/run-view.ts";

/**
 * A burst of events, in the mix of Karpenter's benchmark (spot warnings, rebalance recommendations, state changes and
 * scheduled changes in equal parts). A thousand of them are spot warnings for hosts of ours. Nothing may be lost.
 */
const { values } = parseArgs({
  options: { events: { type: "string", default: "15000" }, ours: { type: "string", default: "1000" } },
});
const total = Number(values.events);
const ours = Number(values.ours);

const BIN = fileURLToPath(new URL("../bin.mjs", import.meta.url));
const server = spawn(process.execPath, [BIN, "dev", "--port", "0"], { stdio: ["ignore", "pipe", "ignore"] });

async function started(): Promise<DevInfo> {
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /listens on (http:\S+)/.exec(line)?.[1];
    if (url !== undefined) return (await (await fetch(`${url}/dev/info`)).json()) as DevInfo;
  }
  throw new Error("the embedded server did not start");
}

const info = await started();

async function ask<T>(method: string, path: string, body?: unknown, credential = ""): Promise<T> {
  const headers = { authorization: `Bearer ${credential}` };
  const response = await fetch(`${info.api}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

const instance = (number: number): string => `i-${number.toString(16).padStart(17, "0")}`;

/** A run on a host of its own. The lease is long, because nobody beats here. */
async function claimed(run: string, host: string): Promise<void> {
  const { ticket } = await ask<{ ticket: string }>("PUT", `/v1/runs/${run}`, { leaseSeconds: 3600 });
  await ask("POST", `/v1/runs/${run}/claim`, { holder: { id: randomBytes(16).toString("hex"), host } }, ticket);
}

const KINDS = [
  (host: string) => [
    "aws.ec2",
    "EC2 Spot Instance Interruption Warning",
    { "instance-id": host, "instance-action": "terminate" },
  ],
  (host: string) => ["aws.ec2", "EC2 Instance Rebalance Recommendation", { "instance-id": host }],
  (host: string) => ["aws.ec2", "EC2 Instance State-change Notification", { "instance-id": host, state: "stopping" }],
  (host: string) => [
    "aws.health",
    "AWS Health Event",
    {
      service: "EC2",
      eventTypeCategory: "scheduledChange",
      startTime: "Sat, 05 Dec 2026 15:10:09 GMT",
      affectedEntities: [{ entityValue: host }],
    },
  ],
] as const;

function event(number: number, kind: number, host: string): object {
  const [source, type, detail] = KINDS[kind % KINDS.length]?.(host) ?? KINDS[0](host);
  return { version: "0", id: `event-${number}`, source, "detail-type": type, time: new Date().toISOString(), detail };
}

const sqs = new SQSClient({
  endpoint: info.sqs,
  region: "us-east-1",
  credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
});

async function waiting(queueUrl: string): Promise<number> {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }),
  );
  return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
}

async function until(isReached: () => Promise<boolean>, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (performance.now() < end) {
    if (await isReached()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

/** How long it takes from a single warning to the message of the successor. */
async function oneNotice(number: number): Promise<number> {
  const host = instance(1_000_000 + number);
  await claimed(`single-${number}`, host);
  const before = await waiting(info.queueUrl);
  const start = performance.now();
  await ask("POST", "/dev/events", event(1_000_000 + number, 0, host));
  if (!(await until(async () => (await waiting(info.queueUrl)) > before, 5000))) throw new Error("no message came");
  return performance.now() - start;
}

const singles: number[] = [];
for (let number = 0; number < 20; number += 1) singles.push(await oneNotice(number));
singles.sort((one, other) => one - other);
const before = await waiting(info.queueUrl);

for (let number = 0; number < ours; number += 1) await claimed(`run-${number}`, instance(number));
const events = Array.from({ length: total }, (_, number) =>
  number < ours ? event(number, 0, instance(number)) : event(number, number, instance(100_000 + number)),
);
for (let at = events.length - 1; at > 0; at -= 1) {
  const other = (at * 7919) % (at + 1); // a fixed shuffle: ours are spread over the burst
  const [one, two] = [events[at], events[other]];
  if (one !== undefined && two !== undefined) [events[at], events[other]] = [two, one];
}
const start = performance.now();
for (let first = 0; first < events.length; first += 1000)
  await ask("POST", "/dev/events", events.slice(first, first + 1000));
const isAnnounced = await until(async () => (await waiting(info.queueUrl)) >= before + ours, 240_000);
const took = (performance.now() - start) / 1000;

let leaving = 0;
let cursor = "";
do {
  const page = await ask<{ runs: RunView[]; cursor?: string }>("GET", `/v1/runs?limit=500${cursor}`);
  leaving += page.runs.filter(({ run, state }) => run.startsWith("run-") && state === "leaving").length;
  cursor = page.cursor === undefined ? "" : `&cursor=${page.cursor}`;
} while (cursor !== "");
const messages = (await waiting(info.queueUrl)) - before;
console.log(`a single spot warning: its successor's message is there after ${singles[10]?.toFixed(0)} ms (median of 20; longest ${singles.at(-1)?.toFixed(0)} ms)
${total} events, ${ours} of them spot warnings for hosts of ours: all announced after ${took.toFixed(1)} s
  ${leaving} of ${ours} attempts leave, ${messages} messages, ${(total / took).toFixed(0)} events/s`);
server.kill("SIGTERM");
process.exitCode = isAnnounced && leaving === ours && messages === ours && (singles.at(-1) ?? 0) < 1000 ? 0 : 1;
