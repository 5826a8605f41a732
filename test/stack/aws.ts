import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Settings } from "../../lib/stack/settings.ts";

export const CREDENTIALS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI",
  sessionToken: "a+session/token",
};
export const REGION = "eu-central-1";
export const ACCOUNT = "123456789012";

/** An answer that is an error of the service. */
export class Refusal {
  readonly code: string;
  readonly message: string;
  readonly status: number;

  constructor(code: string, message = "no", status = 400) {
    this.code = code;
    this.message = message;
    this.status = status;
  }
}

/** As most services word it. */
export const denied = (action: string): Refusal =>
  new Refusal("AccessDeniedException", `User: arn:aws:iam::${ACCOUNT}:user/me is not authorized to perform: ${action}`);

type Input = Readonly<Record<string, unknown>>;

/** What an operation answers: the same always, or by what it was asked and how often before. */
export type Answers = Readonly<Record<string, Input | Refusal | ((input: Input, before: number) => Input | Refusal)>>;

export type Asked = { readonly operation: string; readonly input: Input };

export type Received = {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

async function received(request: IncomingMessage): Promise<Received> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return { method: request.method ?? "", target: request.url ?? "", headers: request.headers, body };
}

/** The signature that AWS would find for a request as it came, by its own headers; whether it is the one that came. */
export async function isSigned({ method, target, headers, body }: Received): Promise<boolean> {
  const [, region = "", service = "", names = ""] =
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/([\w-]+)\/([\w-]+)\/aws4_request, SignedHeaders=([\w;-]+), /.exec(
      headers.authorization ?? "",
    ) ?? [];
  const hash = createHash("sha256").update(body).digest("hex");
  if (region === "" || headers["x-amz-content-sha256"] !== hash) return false;
  const { pathname, search } = new URL(`http://stub${target}`);
  // A plus is a plus to a signature, and not the space that forms make of it.
  const query = search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => pair.split("=").map(decodeURIComponent));
  const signing = new SignatureV4({ credentials: CREDENTIALS, region, service, sha256: Sha256 });
  const date = String(headers["x-amz-date"]).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  const expected = await signing.sign(
    {
      method,
      protocol: "http:",
      hostname: "stub",
      path: pathname,
      query: Object.fromEntries(query),
      headers: Object.fromEntries(names.split(";").map((name) => [name, String(headers[name])])),
      body,
    },
    { signingDate: new Date(date) },
  );
  return expected.headers["authorization"] === headers.authorization;
}

function xml(value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => `<member>${xml(each)}</member>`).join("");
  if (typeof value !== "object" || value === null)
    return String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return Object.entries(value)
    .map(([name, each]) => `<${name}>${xml(each)}</${name}>`)
    .join("");
}

/** What was asked, in the three protocols that the services speak. */
function askedOf({ target, headers, body }: Received): Asked & { readonly isXml: boolean } {
  const json = headers["x-amz-target"];
  if (typeof json === "string") return { operation: json.split(".")[1] ?? "", input: JSON.parse(body), isXml: false };
  if (target.endsWith("/account-settings/") || target.endsWith("/account-settings"))
    return { operation: "GetAccountSettings", input: {}, isXml: false };
  const { Action = "", ...input } = Object.fromEntries(new URLSearchParams(body));
  return { operation: Action, input, isXml: true };
}

export type StubAws = {
  readonly url: string;
  /** For a client that is to find it. */
  readonly settings: Settings;
  readonly asked: Asked[];
  /** What has come without a good signature. */
  readonly unsigned: string[];
  stop(): Promise<void>;
};

/** All of AWS on loopback: each operation answers as told, and one that nobody told of is an error of the service. */
export async function stubAws(answers: Answers): Promise<StubAws> {
  const asked: Asked[] = [];
  const unsigned: string[] = [];
  const server = createServer(async (request, response) => {
    const came = await received(request);
    const { operation, input, isXml } = askedOf(came);
    const before = asked.filter((each) => each.operation === operation).length;
    asked.push({ operation, input });
    if (!(await isSigned(came))) unsigned.push(operation);
    const told = answers[operation] ?? new Refusal("UnknownOperation", `nobody told what ${operation} answers`);
    const answer = typeof told === "function" ? told(input, before) : told;
    if (answer instanceof Refusal) {
      const { code, message, status } = answer;
      const error = `<ErrorResponse><Error><Type>Sender</Type>${xml({ Code: code, Message: message })}</Error></ErrorResponse>`;
      response.writeHead(status, { "x-amzn-errortype": code });
      response.end(isXml ? error : JSON.stringify({ __type: code, message }));
      return;
    }
    const result = `<${operation}Response><${operation}Result>${xml(answer)}</${operation}Result></${operation}Response>`;
    response.end(isXml ? result : JSON.stringify(answer));
  });
  const url = await listening(server);
  return {
    url,
    settings: { endpoint: url, region: REGION, credentials: async () => CREDENTIALS },
    asked,
    unsigned,
    stop: () => stopped(server),
  };
}

/** Its address, when it listens. */
async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stopped(server: ReturnType<typeof createServer>): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

export type Said = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type StubDoor = { readonly url: string; readonly received: Received[]; stop(): Promise<void> };

/** A front door that answers as told, and keeps what came. */
export async function stubDoor(answer: (request: Received) => Said | Promise<Said>): Promise<StubDoor> {
  const kept: Received[] = [];
  const server = createServer(async (request, response) => {
    const came = await received(request);
    kept.push(came);
    const { status, body, headers } = await answer(came);
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  });
  const url = await listening(server);
  return { url, received: kept, stop: () => stopped(server) };
}

/** The outputs of a stack whose front door and queues are at `url`. */
export const outputsAt = (url: string): Record<string, string> => ({
  Url: url,
  Table: "lastbeat-table",
  RequeueQueueUrl: `${url}/${ACCOUNT}/requeue`,
  RequeueDeadLettersUrl: `${url}/${ACCOUNT}/requeue-dead`,
  NoticeQueueUrl: `${url}/${ACCOUNT}/notice`,
  NoticeDeadLettersUrl: `${url}/${ACCOUNT}/notice-dead`,
  KeysArn: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:keys`,
  RulePrefix: "lastbeat-",
  Version: "1.2.3",
});

/** The outputs of a stack that also starts attempts itself. */
export const outputsWithTargets = (url: string): Record<string, string> => ({
  ...outputsAt(url),
  DispatchQueueUrl: `${url}/${ACCOUNT}/dispatch`,
  DispatchDeadLettersUrl: `${url}/${ACCOUNT}/dispatch-dead`,
});

export const STACK_ID = `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/prod/11111111-2222`;

/** What DescribeStacks answers for a stack named prod. */
export const described = (
  outputs: Readonly<Record<string, string>>,
  status = "UPDATE_COMPLETE",
  more: Input = {},
): Input => ({
  Stacks: [
    {
      StackName: "prod",
      StackId: STACK_ID,
      StackStatus: status,
      ...more,
      Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
    },
  ],
});

/** What CloudFormation answers for a name that it does not know. */
export const unknownStack = new Refusal("ValidationError", "Stack with id prod does not exist");
