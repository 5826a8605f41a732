import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from "aws-lambda";

/** The event of a front door: payload format 2.0 from an HTTP API or a function URL, 1.0 from a REST API. */
export type HttpEvent = APIGatewayProxyEvent | APIGatewayProxyEventV2;

/** A request, the same for every front door. */
export type Request = {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly authorization: string | undefined;
  readonly body: Buffer;
  /** The ARN of the caller, if the front door has asked IAM. */
  readonly caller: string | undefined;
};

/** What an HTTP API adds to an event after IAM has allowed the call. */
type IamAuthorizer = { readonly iam?: { readonly userArn?: string } };

const isV2 = (event: HttpEvent): event is APIGatewayProxyEventV2 => "rawPath" in event;

/** Behind a named stage of an HTTP API the path begins with the stage, as the called address does. */
function withoutStage(path: string, stage: string | undefined): string {
  const prefix = `/${stage}`;
  return stage !== undefined && stage !== "$default" && path.startsWith(`${prefix}/`)
    ? path.slice(prefix.length)
    : path;
}

/** An HTTP API passes header names in lower case, a REST API as they were sent. */
const header = (headers: Readonly<Record<string, string | undefined>> | null, name: string): string | undefined =>
  Object.entries(headers ?? {}).find(([given]) => given.toLowerCase() === name)?.[1];

const bytesOf = (body: string | null | undefined, isBase64Encoded: boolean | undefined): Buffer =>
  Buffer.from(body ?? "", isBase64Encoded === true ? "base64" : "utf8");

/** The request in an event. */
export function requestOf(event: HttpEvent): Request {
  const common = {
    query: event.queryStringParameters ?? {},
    authorization: header(event.headers, "authorization"),
    body: bytesOf(event.body, event.isBase64Encoded),
  };
  return isV2(event)
    ? {
        method: event.requestContext.http.method,
        path: withoutStage(event.rawPath, event.requestContext.stage),
        caller: (event.requestContext as { readonly authorizer?: IamAuthorizer }).authorizer?.iam?.userArn,
        ...common,
      }
    : {
        method: event.httpMethod,
        path: withoutStage(event.path, event.requestContext.stage),
        caller: event.requestContext.identity?.userArn ?? undefined,
        ...common,
      };
}
