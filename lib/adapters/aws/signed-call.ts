import { type Credentials, signed } from "./signature.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** An AWS service that speaks JSON over POST. */
export type JsonService = {
  /** Its name in its host name and in signatures. */
  readonly name: string;
  /** The beginning of X-Amz-Target. */
  readonly target: string;
  readonly contentType: string;
  /** The end of the SDK's environment variable for its endpoint. */
  readonly variable: string;
};

export const DYNAMODB: JsonService = {
  name: "dynamodb",
  target: "DynamoDB_20120810",
  contentType: "application/x-amz-json-1.0",
  variable: "DYNAMODB",
};
export const SECRETS_MANAGER: JsonService = {
  name: "secretsmanager",
  target: "secretsmanager",
  contentType: "application/x-amz-json-1.1",
  variable: "SECRETS_MANAGER",
};

export type Limits = {
  readonly attempts: number;
  /** For one attempt, from its connection to the end of its answer. */
  readonly timeoutMs: number;
};

/** AWS refused the call. */
export class Refused extends Error {
  /** The name that AWS gives it, such as ConditionalCheckFailedException. */
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(kind: string, body: Readonly<Record<string, unknown>>) {
    super(`${kind}: ${String(body["message"] ?? body["Message"] ?? "")}`);
    this.kind = kind;
    this.body = body;
  }
}

export type SignedCall = (operation: string, input: object) => Promise<Readonly<Record<string, unknown>>>;

/** The errors that pass, besides 5xx and 429: the throttles of these two services, as the SDK knows them. */
const PASSES =
  /^((Throttl(ing|ed)|RequestThrottled|TooManyRequests|ProvisionedThroughputExceeded)(Exception)?|RequestLimitExceeded)$/;

/** A refusal that is not the service's own, such as that of a proxy. Another try would get the same. */
class Strange extends Error {}

/**
 * The longest wait before the second attempt. It doubles with each attempt, and is multiplied by a random number. 100
 * ms is the SDK's base.
 */
const PAUSE_MS = 100;

/**
 * Node's client for a scheme. It is not imported, because an import makes everything that node:http exports. That
 * includes WebSocket, and with it all of undici, which is a third of a cold start (docs/performance.md).
 */
const clientOf = (protocol: string): Pick<typeof import("node:https"), "Agent" | "request"> =>
  process.getBuiltinModule(protocol === "https:" ? "node:https" : "node:http") as typeof import("node:https");

type Answer = { readonly status: number; readonly text: string };

/**
 * Calls AWS without the SDK, for the one Lambda that is called all the time. It takes a fraction of the SDK's code and
 * of its processor time (docs/performance.md). It reads what the SDK would read from a Lambda's environment: region,
 * credentials, endpoint. Throws Refused if AWS refuses the call, and any other error if the call did not get through.
 */
export function signedCall(
  service: JsonService,
  environment: Environment,
  { attempts, timeoutMs }: Limits,
): SignedCall {
  const region = environment["AWS_REGION"] ?? "";
  if (region === "") throw new Error("the environment variable AWS_REGION is not set");
  const url = endpointOf(service, region, environment);
  const { Agent, request } = clientOf(url.protocol);
  const agent = new Agent({ keepAlive: true });
  const app = environment["AWS_SDK_UA_APP_ID"];

  const once = (operation: string, body: string, credentials: Credentials): Promise<Answer> => {
    const headers = signed(
      {
        host: url.host,
        "content-type": service.contentType,
        "x-amz-target": `${service.target}.${operation}`,
        "user-agent": `lastbeat${app === undefined ? "" : ` app/${app}`}`,
      },
      body,
      credentials,
      { region, service: service.name },
      new Date(),
    );
    return new Promise((resolve, reject) => {
      const { hostname, port } = url;
      const options = { agent, hostname, port, method: "POST", path: "/" };
      const outgoing = request({ ...options, headers: { ...headers, "content-length": Buffer.byteLength(body) } });
      // Neither an AbortSignal nor a loop over the stream is used: both take a tenth of the processor time of a warm
      // beat.
      const late = setTimeout(() => outgoing.destroy(new Error(`no answer in ${timeoutMs} ms: timeout`)), timeoutMs);
      const failed = (error: Error): void => {
        clearTimeout(late);
        reject(error);
      };
      outgoing.on("error", failed).on("response", (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          text += chunk;
        });
        incoming.on("error", failed).on("end", () => {
          clearTimeout(late);
          resolve({ status: incoming.statusCode ?? 0, text });
        });
      });
      outgoing.end(body);
    });
  };

  return async (operation, input) => {
    const body = JSON.stringify(input);
    const credentials = credentialsOf(environment);
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt === attempts;
      try {
        return resultOf(await once(operation, body, credentials));
      } catch (error) {
        const isFinal = error instanceof Refused ? !PASSES.test(error.kind) : error instanceof Strange;
        if (isLast || isFinal) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS * 2 ** (attempt - 1)));
    }
  };
}

/** The suffixes of endpoint names in special partitions, by the beginning of the region. */
const SUFFIXES: readonly (readonly [region: string, suffix: string])[] = [
  ["cn-", "amazonaws.com.cn"],
  ["eusc-", "amazonaws.eu"],
  ["us-iso-", "c2s.ic.gov"],
  ["us-isob-", "sc2s.sgov.gov"],
];

/** The service's address: the one that is configured, or its own in that region. */
export function endpointOf({ name, variable }: JsonService, region: string, environment: Environment): URL {
  const given = environment[`AWS_ENDPOINT_URL_${variable}`] ?? environment["AWS_ENDPOINT_URL"];
  if (given !== undefined) return new URL(given);
  for (const wish of ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
    if (environment[wish] === "true") throw new Error(`${wish} is not supported: set AWS_ENDPOINT_URL_${variable}`);
  const [, suffix = "amazonaws.com"] = SUFFIXES.find(([beginning]) => region.startsWith(beginning)) ?? [];
  return new URL(`https://${name}.${region}.${suffix}`);
}

function credentialsOf(environment: Environment): Credentials {
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"];
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error("the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  return { accessKeyId, secretAccessKey, sessionToken: environment["AWS_SESSION_TOKEN"] };
}

/** Errors come as `{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", ...}`. */
function resultOf({ status, text }: Answer): Readonly<Record<string, unknown>> {
  const body = parsed(text);
  if (status === 200 && body !== undefined) return body;
  const said = `AWS answered ${status}: ${text.slice(0, 200)}`;
  const kind = /^(?:.*#)?([A-Za-z]\w*)(?::.*)?$/.exec(String(body?.["__type"] ?? ""))?.[1];
  if (status === 200 || status === 429 || status >= 500) throw new Error(said);
  if (kind === undefined) throw new Strange(said);
  throw new Refused(kind, body ?? {});
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && !Array.isArray(body)
      ? (body as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
