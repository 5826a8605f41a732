import { isUtf8 } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { problem } from "../lib/wire/problems.ts";
import { type HttpReply, refused } from "../lib/wire/replies.ts";
import { match, ROUTES, type Service } from "../lib/wire/routes.ts";
import { isForeign } from "./foreign.ts";

export type Lambda = (event: APIGatewayProxyEventV2, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

export type FrontDoor = {
  readonly services: Readonly<Record<Service, Lambda>>;
  /** The calls that the embedded server answers itself, by "METHOD path". */
  readonly own: Readonly<Record<string, (body: string) => HttpReply | Promise<HttpReply>>>;
};

/** The largest body of API Gateway. The Lambdas accept much less, and refuse more with a problem. */
const MOST_BYTES = 10 * 1024 * 1024;

/** The context of an invocation. The Lambdas use only its remaining time. */
export const contextFor = (milliseconds: number): Context => {
  const end = Date.now() + milliseconds;
  return { getRemainingTimeInMillis: () => end - Date.now() } as Context;
};

async function bytesOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** An HTTP API passes text unchanged, and everything else in base64. */
const isText = (type = ""): boolean => /^(text\/|application\/([\w.+-]*\+)?json)/i.test(type) || type === "";

/** The request in the form that an HTTP API passes to a Lambda (payload format 2.0). */
function eventOf(request: IncomingMessage, url: URL, body: Buffer): APIGatewayProxyEventV2 {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(",") : (value ?? ""),
    ]),
  );
  const asText = isText(headers["content-type"]);
  const method = request.method ?? "GET";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers,
    ...(url.search !== "" && { queryStringParameters: Object.fromEntries(url.searchParams) }),
    requestContext: { http: { method, path: url.pathname } } as APIGatewayProxyEventV2["requestContext"],
    ...(body.length > 0 && { body: body.toString(asText ? "utf8" : "base64") }),
    isBase64Encoded: body.length > 0 && !asText,
  };
}

/** The URL of a request. `//` begins a path here, not a host; a proxy sends a whole URL. */
const targetOf = (target: string): URL | null =>
  URL.parse(target.startsWith("/") ? `http://127.0.0.1${target}` : target);

async function answer(
  door: FrontDoor,
  request: IncomingMessage,
): Promise<HttpReply | APIGatewayProxyStructuredResultV2> {
  if (isForeign(request.headers))
    return refused(problem("foreign-origin", { detail: "the embedded server answers local requests only" }));
  const url = targetOf(request.url ?? "/");
  if (url === null) return refused(problem("malformed", { detail: "the request names no path" }));
  const method = request.method ?? "GET";
  const body = await bytesOf(request);
  if (body === undefined) return refused(problem("too-large", { detail: `at most ${MOST_BYTES} bytes are read` }));
  // All calls accept JSON. If other bytes were read as text, they would silently become a different text.
  if (!isUtf8(body)) return refused(problem("malformed", { detail: "the body is not UTF-8" }));
  const own = door.own[`${method} ${url.pathname}`];
  if (own !== undefined) return own(body.toString("utf8"));
  const found = match(method, url.pathname);
  const service: Service = found.kind === "route" ? ROUTES[found.name].service : "runner";
  return door.services[service](eventOf(request, url, body), contextFor(REQUEST_MS));
}

/** An HTTP API times out after 30 s. */
const REQUEST_MS = 30_000;

function send(response: ServerResponse, reply: HttpReply | APIGatewayProxyStructuredResultV2): void {
  const isOwn = "status" in reply;
  const headers = isOwn ? { "content-type": "application/json", ...reply.headers } : (reply.headers ?? {});
  response.writeHead(isOwn ? reply.status : (reply.statusCode ?? 200), headers as Record<string, string>);
  response.end(isOwn ? JSON.stringify(reply.body) : reply.body);
}

/** The front door: each request becomes an event, and the exported handler answers it. */
export function frontDoor(door: FrontDoor): Server {
  return createServer((request, response) => {
    answer(door, request).then(
      (reply) => send(response, reply),
      (error: unknown) => {
        console.error(error);
        if (!response.headersSent) send(response, { status: 500, body: { message: "Internal Server Error" } });
      },
    );
  });
}
