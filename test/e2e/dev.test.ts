import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import { agent, lastbeat, listeners, record, recordWhen, register, type Server, server, stop } from "./processes.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lastbeat-dev-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const credentials = { accessKeyId: "any", secretAccessKey: "any" };
const queueOf = ({ info }: Server): SQSClient =>
  new SQSClient({ endpoint: info.sqs, region: "eu-west-1", credentials });

/** The tickets of the messages in the queue, by run. */
async function tickets(of: Server, count: number): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  while (found.size < count) {
    const asked = new ReceiveMessageCommand({
      QueueUrl: of.info.queueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 5,
    });
    const { Messages = [] } = await queueOf(of).send(asked);
    for (const { Body = "" } of Messages) {
      const { data } = JSON.parse(Body) as RequeueEvent;
      found.set(data.run, data.next.ticket);
    }
  }
  return found;
}

test("everything listens on 127.0.0.1, and nowhere else", async () => {
  const dev = await server();
  try {
    const found = listeners(dev.program.pid);
    expect(found).toHaveLength(3); // the API, DynamoDB, SQS
    for (const address of found) expect(address).toMatch(/^0100007F:/);
  } finally {
    await stop(dev);
  }
});

test("two servers at once keep apart", async () => {
  const [one, other] = await Promise.all([server(), server("--data", folder)]);
  try {
    const ticket = await register(one, "here");
    expect(await agent(one, ticket, "true").left).toBe(0);
    await expect(record(other, "here")).rejects.toThrow("404");
    expect(await agent(other, ticket, "true").left).toBe(125); // the other one has other keys
    expect(one.info.dynamodb).not.toBe(other.info.dynamodb);
  } finally {
    await Promise.all([stop(one), stop(other)]);
  }
});

test("a second server on the same folder, and a port that is taken, are errors that say so", async () => {
  const dev = await server("--data", folder);
  try {
    const second = lastbeat(["dev", "--port", "0", "--data", folder]);
    expect(await second.left).toBe(1);
    expect(second.errors.join("\n")).toContain("another lastbeat dev uses the folder");
    const port = new URL(dev.info.api).port;
    const third = lastbeat(["dev", "--port", port]);
    expect(await third.left).toBe(1);
    expect(third.errors.join("\n")).toContain(`port ${port} is already in use`);
  } finally {
    await stop(dev);
  }
});

test("a server that is killed in the middle of runs goes on where it was, and every run ends as it should", async () => {
  const spec = { leaseSeconds: 10, backoff: { baseSeconds: 0 } };
  const first = await server("--data", folder);
  const steady = agent(first, await register(first, "steady", spec), "sh", "-c", "echo at work; sleep 6; echo done");
  const doomed = agent(first, await register(first, "doomed", spec), "sh", "-c", 'echo "pid $$"; exec sleep 600');
  const idle = await register(first, "idle", spec);
  await steady.line(/at work/);
  const [, pid] = await doomed.line(/pid (\d+)/);
  doomed.child.kill("SIGKILL");
  process.kill(-Number(pid), "SIGKILL");
  first.program.child.kill("SIGKILL");
  await first.program.left;

  const port = new URL(first.info.api).port;
  const program = lastbeat(["dev", "--port", port, "--sweep", "1", "--data", folder]);
  await program.line(/listens on/);
  const second: Server = { program, info: first.info };
  try {
    const info = (await (await fetch(`${first.info.api}/dev/info`)).json()) as Server["info"];
    expect(info).toEqual(first.info); // an SDK's endpoints still hold
    expect(await steady.left).toBe(0);
    expect(await agent(second, idle, "true").left).toBe(0); // its ticket was signed before the kill
    const next = (await tickets(second, 1)).get("doomed") ?? "";
    expect(await agent(second, next, "true").left).toBe(0);
    expect(await record(second, "steady")).toMatchObject({ outcome: "succeeded", attempts: [{ attempt: 1 }] });
    expect(await record(second, "idle")).toMatchObject({ outcome: "succeeded", attempts: [{ attempt: 1 }] });
    expect(await recordWhen(second, "doomed", ({ state }) => state === "ended")).toMatchObject({
      outcome: "succeeded",
      attempts: [{ cause: "lost" }, { cause: "succeeded" }],
    });
  } finally {
    await stop(second);
  }
});

test("its queues are as in the cloud: a message that nobody can handle goes to the dead letters", async () => {
  const dev = await server();
  try {
    const sqs = queueOf(dev);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: dev.info.queueUrl, AttributeNames: ["All"] }),
    );
    expect(JSON.parse(Attributes?.["RedrivePolicy"] ?? "{}")).toMatchObject({ maxReceiveCount: 5 });
  } finally {
    await stop(dev);
  }
});

test.each([
  ["", "is empty"],
  ['{"dynamodbPort": 40', "cut short"],
  ["null", "was not written by lastbeat dev"],
  ['{"dynamodbPort": 40001, "sqsPort": 40002, "keys": "a:b"}', "contains keys that cannot be used"],
])("a lastbeat.json that holds %j is named, with what to do", async (text, error) => {
  writeFileSync(join(folder, "lastbeat.json"), text);
  const program = lastbeat(["dev", "--port", "0", "--data", folder]);
  expect(await program.left).toBe(1);
  expect(program.errors.join("\n")).toContain(join(folder, "lastbeat.json"));
  expect(program.errors.join("\n")).toContain(error);
});

test("--data on a file, and a broken database, are errors that name it", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const onFile = lastbeat(["dev", "--port", "0", "--data", file]);
  expect(await onFile.left).toBe(1);
  expect(onFile.errors.join("\n")).toContain(`${file} is a file`);

  const data = join(folder, "data");
  await stop(await server("--data", data));
  const manifest = readdirSync(join(data, "dynamodb")).find((name) => name.startsWith("MANIFEST")) ?? "";
  writeFileSync(join(data, "dynamodb", manifest), "not a manifest");
  const broken = lastbeat(["dev", "--port", "0", "--data", data]);
  expect(await broken.left).toBe(1);
  expect(broken.errors.join("\n")).toContain(`${join(data, "dynamodb")} cannot be opened`);
});

test("a port of the last time that another program has taken is replaced by a free one", async () => {
  await stop(await server("--data", folder));
  const { sqsPort } = JSON.parse(readFileSync(join(folder, "lastbeat.json"), "utf8")) as { sqsPort: number };
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(sqsPort, "127.0.0.1", resolve));
  try {
    const dev = await server("--data", folder);
    expect(dev.info.sqs).not.toContain(String(sqsPort));
    await register(dev, "here");
    await stop(dev);
  } finally {
    other.close();
  }
});

test("what the user has set for AWS stays out, and odd requests are refused, not failures", async () => {
  const program = lastbeat(["dev", "--port", "0"], {
    AWS_ENDPOINT_URL: "http://127.0.0.1:1",
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true",
    AWS_USE_FIPS_ENDPOINT: "true",
    AWS_PROFILE: "nobody",
    AWS_CONFIG_FILE: "/nowhere",
  });
  const [, url = ""] = await program.line(/listens on (http:\S+)/);
  try {
    const status = (path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const { hostname, port } = new URL(url);
        const sent = request({ hostname, port, path }, (response) => resolve(response.resume().statusCode));
        sent.once("error", reject).end();
      });
    expect([await status("//"), await status("//["), await status("*")]).toEqual([404, 404, 400]);
    const body = Buffer.from([0x7b, 0xff, 0x7d]);
    const answer = await fetch(`${url}/v1/runs/odd`, { method: "PUT", body });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("not UTF-8")]);
  } finally {
    program.child.kill("SIGTERM");
    expect(await program.left).toBe(0);
  }
});
