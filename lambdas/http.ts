import middy, { type MiddlewareObj, type MiddyfiedHandler } from "@middy/core";
import type { APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import type { App } from "../lib/app/app.ts";
import { Contended } from "../lib/app/change.ts";
import { verify } from "../lib/app/credentials.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Log, LogLine } from "../lib/ports/runtime.ts";
import type { Claims } from "../lib/wire/credentials.ts";
import { HOST, ID } from "../lib/wire/ids.ts";
import { type Problem, problem } from "../lib/wire/problems.ts";
import { type HttpReply, refused } from "../lib/wire/replies.ts";
import { match, ROUTES, type RouteName } from "../lib/wire/routes.ts";
import { type HttpEvent, requestOf } from "./request.ts";

/** A request whose path, ids and credential have been checked. */
export type HttpRequest = {
  readonly run: string;
  readonly host: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly credential?: { readonly claims: Claims; readonly isCurrent: boolean };
  /** The owner, by the ARN that IAM knows. */
  readonly caller?: string;
};

/** `A`: the parts of the app that the calls of this Lambda need. */
export type Call<A> = (app: A, request: HttpRequest) => Promise<HttpReply>;

export type Calls<A> = Partial<Record<RouteName, Call<A>>>;

/** Our largest body, a spec with 20 labels, is far smaller. API Gateway itself accepts 10 MB. */
const BODY_BYTES = 64 * 1024;

/** Answers a request, or refuses it with a problem before any state is read. */
async function answer<A extends Pick<App, "keys" | "clock">>(
  connect: () => A,
  calls: Calls<A>,
  event: HttpEvent,
): Promise<HttpReply> {
  const { method, path, query, authorization, body, caller } = requestOf(event);
  const found = match(method, path);
  if (found.kind === "wrong-method") {
    const allow = found.allowed.join(", ");
    return refused(problem("method-not-allowed", { detail: `${path} allows only ${allow}` }), { allow });
  }
  const call = found.kind === "route" ? calls[found.name] : undefined;
  if (found.kind === "unknown-path" || call === undefined)
    return refused(problem("not-found", { detail: `the API has no path ${path.slice(0, 200)}` }));
  const wrong = wrongName(found.params);
  if (wrong !== undefined) return refused(wrong);
  const { run = "", host = "" } = found.params;
  if (body.length > BODY_BYTES)
    return refused(
      problem("too-large", { detail: `the body has ${body.length} bytes; at most ${BODY_BYTES} are read` }),
    );
  const { caller: by } = ROUTES[found.name];
  const request = { run, host, query, body: body.toString("utf8"), ...(caller !== undefined && { caller }) };
  if (by === "owner" && caller === undefined && process.env[ENVIRONMENT.anonymousOwners] !== "true")
    return refuse("unauthorized", "sign the call with AWS credentials");
  const app = connect();
  if (by !== "ticket" && by !== "token") return call(app, request);
  const verified = await verify(app, by, authorization, run);
  if (verified.ok) return call(app, { ...request, credential: verified });
  const { why } = verified;
  // The attempt of an expired ticket had to start a day ago. The attempt of an expired token may go on, so its agent
  // tries again.
  if (why === "expired" && by === "ticket")
    return refused(problem("superseded", { detail: "the ticket has expired: its attempt had to start earlier" }));
  if (why === "expired") return refuse("unauthorized", "the token has expired");
  return refuse(
    why,
    why === "wrong-run" ? `the ${by} is for another run` : `send a ${by} of this deployment as Authorization: Bearer`,
  );
}

/** Writes a log line without the app, because a beat has no full app. */
let write = (line: LogLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** For the embedded server, which prints for people. Call it before the first request. */
export function printLinesTo(log: Log): void {
  write = (line) => log.write(line);
}

let refusals = 0;
let toldMinute = 0;

/** Refuses a caller. The log gets at most one line a minute, with the number of refusals since the last line. */
function refuse(why: "unauthorized" | "wrong-run", detail: string): HttpReply {
  refusals += 1;
  const minute = Math.floor(Date.now() / 60_000);
  if (minute !== toldMinute) {
    write({ level: "WARN", decision: "refused", counts: { refusals } });
    toldMinute = minute;
    refusals = 0;
  }
  return refused(problem(why, { detail }), why === "unauthorized" ? { "www-authenticate": "Bearer" } : {});
}

/** The formats of the names in a path. */
const NAMES: Readonly<Record<string, { readonly pattern: RegExp; readonly detail: string }>> = {
  run: {
    pattern: ID,
    detail: "an id is 1 to 128 letters, digits and - _ . : + /, and each part begins with a letter or digit",
  },
  host: {
    pattern: HOST,
    detail: "a host is 1 to 128 letters, digits and - _ . : /, and begins with a letter or digit",
  },
};

function wrongName(params: Readonly<Record<string, string>>): Problem | undefined {
  for (const [field, value] of Object.entries(params)) {
    const name = NAMES[field];
    if (name === undefined || name.pattern.test(value)) continue;
    return problem("malformed", { detail: `${field}: ${name.detail}`, errors: [{ field, detail: name.detail }] });
  }
  return undefined;
}

const toEvent = ({ status, body, headers }: HttpReply): APIGatewayProxyStructuredResultV2 => ({
  statusCode: status,
  headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  body: JSON.stringify(body),
});

/** An error of a use case becomes a problem. The caller may try again, and the log has the reason. */
const problems: MiddlewareObj<HttpEvent, APIGatewayProxyStructuredResultV2> = {
  onError: (request) => {
    const { error } = request;
    if (error instanceof Contended) {
      request.response = toEvent(refused(problem("contended", { detail: error.message }), { "retry-after": "1" }));
      return;
    }
    write({ level: "ERROR", decision: "failed", error: error?.stack ?? String(error) });
    request.response = toEvent(
      refused(problem("internal", { detail: "as far as known, nothing has changed; try again" })),
    );
  },
};

export type HttpHandler = MiddyfiedHandler<HttpEvent, APIGatewayProxyStructuredResultV2, Error, Context>;

/** The credential of a runner's call. The router has verified it, so a missing one is a bug. */
export function claimsOf({ credential }: HttpRequest): Claims {
  if (credential === undefined) throw new Error("a runner's call without a credential");
  return credential.claims;
}

/** The handler that serves these calls behind any front door. The first request calls `connect`. */
export const httpHandler = <A extends Pick<App, "keys" | "clock">>(connect: () => A, calls: Calls<A>): HttpHandler =>
  middy<HttpEvent, APIGatewayProxyStructuredResultV2>()
    .use(problems)
    .handler(async (event: HttpEvent) => toEvent(await answer(connect, calls, event)));
