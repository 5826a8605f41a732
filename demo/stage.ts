import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { DevInfo } from "../dev/dev.ts";
import type { RequeueEvent } from "../lib/wire/requeue.ts";
import type { RecordView } from "../lib/wire/run-view.ts";
import type { SpecBody } from "../lib/wire/schemas.ts";
import { type Wire, wireTo } from "./proxy.ts";
import type { Timeline } from "./timeline.ts";

const BIN = fileURLToPath(new URL("../bin.mjs", import.meta.url));

/** One `lastbeat exec` with its command, as a pod or a machine would run it. */
export type Pod = {
  readonly run: string;
  readonly attempt: number;
  readonly agent: ChildProcess;
  /** What the command printed, line by line. */
  readonly printed: string[];
  /** When it printed each line, in seconds of the timeline. */
  readonly printedAt: number[];
  /** The EC2 instance that it stands on, in name. */
  readonly host: string;
  /** Resolves to the agent's exit code; null when it was killed. */
  readonly left: Promise<number | null>;
};

/** The embedded server, and everything a user would have around it. */
export type Stage = {
  readonly info: DevInfo;
  readonly pods: readonly Pod[];
  register(run: string, spec: SpecBody): Promise<{ ticket: string }>;
  record(run: string): Promise<RecordView>;
  /** `url`: another way to the front door. */
  startPod(run: string, attempt: number, ticket: string, command: readonly string[], url?: string): Pod;
  /** What AWS would say. */
  tell(event: object): Promise<void>;
  /** A wire to the front door that can be cut. */
  wire(): Promise<Wire>;
  stop(): Promise<void>;
};

/** What the consumer does with a message, once it has started the next attempt: usually deletes it. */
export type OnMessage = (
  event: RequeueEvent,
  receives: number,
) => { readonly command: readonly string[]; readonly isKept: boolean; readonly isKnown: boolean };

/** Starts the embedded server as a process of its own and waits for the line that says where it listens. */
async function startServer(): Promise<{ server: ChildProcess; info: DevInfo }> {
  const server = spawn(process.execPath, [BIN, "dev", "--port", "0", "--sweep", "1"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  server.stderr?.on("data", (text) => {
    errors += String(text);
  });
  for await (const line of createInterface({ input: server.stdout ?? process.stdin })) {
    const url = /listens on (http:\S+)/.exec(line)?.[1];
    if (url !== undefined) {
      server.stdout?.resume();
      return { server, info: (await (await fetch(`${url}/dev/info`)).json()) as DevInfo };
    }
  }
  throw new Error(`the embedded server did not start: ${errors}`);
}

/** Reads the requeue queue as any consumer does, with the AWS SDK, and starts the next attempt of each message. */
function consume(
  info: DevInfo,
  start: (event: RequeueEvent, command: readonly string[]) => void,
  on: OnMessage,
): () => Promise<void> {
  const client = new SQSClient({
    endpoint: info.sqs,
    region: "us-east-1",
    credentials: { accessKeyId: "demo", secretAccessKey: "demo" },
  });
  const QueueUrl = info.queueUrl;
  const stopping = new AbortController();
  const handle = async ({ Body = "", ReceiptHandle, Attributes }: Message): Promise<void> => {
    const event = JSON.parse(Body) as RequeueEvent;
    const { command, isKept, isKnown } = on(event, Number(Attributes?.ApproximateReceiveCount ?? 1));
    if (!isKnown) start(event, command);
    if (isKept)
      await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    else await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  };
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const asked = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 20,
        MessageSystemAttributeNames: ["ApproximateReceiveCount"],
      });
      const { Messages = [] } = await client.send(asked, { abortSignal: stopping.signal });
      for (const message of Messages) await handle(message);
    }
  };
  const done = loop().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  return async () => {
    stopping.abort();
    await done;
  };
}

export async function openStage(timeline: Timeline, on: OnMessage): Promise<Stage> {
  const { server, info } = await startServer();
  const pods: Pod[] = [];
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${info.api}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };

  const wires: Wire[] = [];
  const startPod: Stage["startPod"] = (run, attempt, ticket, command, url = info.api) => {
    const host = `i-${(pods.length + 1).toString(16).padStart(17, "0")}`;
    const agent = spawn(process.execPath, [BIN, "exec", "--", ...command], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        LASTBEAT_URL: url,
        LASTBEAT_TICKET: ticket,
        LASTBEAT_HOST: host,
        LASTBEAT_IMDS: "off",
      },
    });
    const pod: Pod = {
      run,
      attempt,
      agent,
      host,
      printed: [],
      printedAt: [],
      left: new Promise((resolve) => agent.once("close", (code) => resolve(code))),
    };
    pods.push(pod);
    createInterface({ input: agent.stdout ?? process.stdin }).on("line", (line) => {
      pod.printedAt.push(timeline.now());
      pod.printed.push(line);
      timeline.say(run, `attempt ${attempt}, the command: ${line}`);
    });
    createInterface({ input: agent.stderr ?? process.stdin }).on("line", (line) => {
      if (line.includes("not started"))
        timeline.say(run, `attempt ${attempt}, an agent: ${line.replace("lastbeat: ", "")}`);
    });
    return pod;
  };

  const stopConsuming = consume(
    info,
    ({ data }, command) => {
      timeline.say(
        data.run,
        data.next.held
          ? `message: attempt ${data.next.attempt}, to be held until attempt ${data.next.attempt - 1} is gone`
          : `message: attempt ${data.next.attempt}, because attempt ${data.next.attempt - 1} was ${data.cause}`,
      );
      startPod(data.run, data.next.attempt, data.next.ticket, command);
    },
    on,
  );
  return {
    info,
    pods,
    register: (run, spec) => ask("PUT", `/v1/runs/${run}`, spec),
    record: (run) => ask("GET", `/v1/runs/${run}`),
    startPod,
    tell: async (event) => {
      await ask("POST", "/dev/events", event);
    },
    wire: async () => {
      const wire = await wireTo(info.api);
      wires.push(wire);
      return wire;
    },
    stop: async () => {
      await stopConsuming();
      await Promise.all(wires.map((wire) => wire.stop()));
      for (const { agent } of pods) agent.kill("SIGTERM");
      server.kill("SIGTERM");
      if (server.exitCode === null) await new Promise((resolve) => server.once("exit", resolve));
    },
  };
}
