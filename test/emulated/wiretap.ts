import type { Agent, IncomingMessage, ServerResponse } from "node:http";
import { handOn, relay } from "./relay.ts";

/** A call that a Lambda made of AWS. */
export type Heard = {
  /** As AWS_SDK_UA_APP_ID of the Lambda says: `lastbeat-beat`. */
  readonly by: string;
  /** As IAM calls it: `dynamodb:UpdateItem`. */
  readonly action: string;
  /** The name, URL or ARN of what it was about; empty where the call names nothing. */
  readonly resource: string;
  /** The partition of the table that it was about; empty where it names none. */
  readonly partition: string;
  readonly status: number;
};

/** What happens to calls instead of being handed on. */
export type Fault = { readonly by: string; readonly service: string; readonly status: number; readonly error: string };

/** Between the Lambdas and AWS: hears all, hands on all, and fails what it is told to fail. */
export type Wiretap = {
  readonly url: string;
  readonly heard: readonly Heard[];
  /** Where calls go from now on; those of our Lambdas by another way, if there is one. */
  leadTo(endpoint: string, lambdasTo?: string): void;
  /** What the path of our front door stands for: a name for it that is known before it is there. */
  frontDoorIs(path: string): void;
  /** That action is answered here from now on, because the emulator does not know it. */
  play(action: string, answer: (input: unknown) => Promise<object>): void;
  /** All calls of that Lambda to that service fail from now on, until `undefined` is said. */
  fail(fault: Fault | undefined): void;
  stop(): Promise<void>;
};

/** Services by what their calls begin with, and actions that IAM calls otherwise. */
const SERVICES: Readonly<Record<string, string>> = {
  DynamoDB_20120810: "dynamodb",
  AmazonSQS: "sqs",
  secretsmanager: "secretsmanager",
};
const RENAMED: Readonly<Record<string, string>> = { SendMessageBatch: "SendMessage" };

function actionOf({ headers }: IncomingMessage): string {
  const [prefix = "", name = ""] = String(headers["x-amz-target"] ?? "").split(".");
  return `${SERVICES[prefix] ?? prefix}:${RENAMED[name] ?? name}`;
}

/** The action of a call in the form of EC2: its name is in the body, and its service in what is signed. */
function formActionOf({ headers }: IncomingMessage, body: string): string | undefined {
  const service = /Credential=[^/]+\/\d+\/[\w-]+\/([\w-]+)\//.exec(String(headers.authorization ?? ""))?.[1];
  const name = new URLSearchParams(body).get("Action");
  return service === undefined || name === null ? undefined : `${service}:${name}`;
}

/** The path under which the wiretap leads to the front door. */
export const FRONT_DOOR = "/front-door";

/** Somebody without a name of ours: the CDK, the command line, the tests. */
export const NOBODY = "nobody";

const callerOf = ({ headers }: IncomingMessage): string =>
  / app\/([\w-]+)/.exec(` ${headers["user-agent"] ?? ""} ${headers["x-amz-user-agent"] ?? ""}`)?.[1] ?? NOBODY;

type Asked = {
  readonly TableName?: string;
  readonly QueueUrl?: string;
  readonly SecretId?: string;
  readonly Key?: Readonly<Record<string, { readonly S?: string }>>;
  readonly Item?: Asked["Key"];
  readonly ExpressionAttributeValues?: Asked["Key"];
};

function aboutWhat(body: string): Pick<Heard, "resource" | "partition"> {
  try {
    const { TableName, QueueUrl, SecretId, Key, Item, ExpressionAttributeValues } = JSON.parse(body) as Asked;
    const partition = (Key ?? Item)?.["p"]?.S ?? ExpressionAttributeValues?.[":p"]?.S ?? "";
    return { resource: TableName ?? QueueUrl ?? SecretId ?? "", partition };
  } catch {
    return { resource: "", partition: "" };
  }
}

type Player = (input: unknown) => Promise<object>;

async function played(incoming: IncomingMessage, player: Player): Promise<{ status: number; body: object }> {
  let text = "";
  for await (const chunk of incoming) text += String(chunk);
  try {
    return { status: 200, body: await player(JSON.parse(text)) };
  } catch (error) {
    return { status: 400, body: { __type: "InvalidParameterValue", message: String(error) } };
  }
}

/** One that has no upstream yet answers 503. */
export async function startWiretap(): Promise<Wiretap> {
  const heard: Heard[] = [];
  const players = new Map<string, Player>();
  let upstream: { readonly all: URL; readonly lambdas: URL } | undefined;
  let fault: Fault | undefined;
  let frontDoor = "";
  const handle = (incoming: IncomingMessage, response: ServerResponse, agent: Agent): void => {
    if (incoming.url?.startsWith(FRONT_DOOR)) incoming.url = frontDoor + incoming.url.slice(FRONT_DOOR.length);
    const by = callerOf(incoming);
    const action = actionOf(incoming);
    const chunks: Buffer[] = [];
    if (by !== NOBODY) incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    const note = (status: number): void => {
      const body = Buffer.concat(chunks).toString("utf8");
      const called = incoming.headers["x-amz-target"] === undefined ? formActionOf(incoming, body) : undefined;
      heard.push({ by, action: called ?? action, ...aboutWhat(body), status });
    };
    if (upstream === undefined || (fault?.by === by && action.startsWith(`${fault.service}:`))) {
      const { status = 503, error = "ServiceUnavailable" } = fault ?? {};
      incoming.resume().once("end", () => note(status));
      response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify({ __type: error, message: "the wire was told so" }));
      return;
    }
    const player = players.get(action);
    if (player !== undefined) {
      void played(incoming, player).then(({ status, body }) => response.writeHead(status).end(JSON.stringify(body)));
      return;
    }
    // The headers go on as they are: the signature covers the host that the caller has named.
    handOn(incoming, response, { to: by === NOBODY ? upstream.all : upstream.lambdas, agent }, note);
  };
  const { url, stop } = await relay(handle);
  return {
    url,
    stop,
    heard,
    leadTo: (endpoint, lambdasTo = endpoint) => {
      upstream = { all: new URL(endpoint), lambdas: new URL(lambdasTo) };
    },
    frontDoorIs: (path) => {
      frontDoor = path;
    },
    play: (action, player) => {
      players.set(action, player);
    },
    fail: (next) => {
      fault = next;
    },
  };
}
