import { nameOf } from "./ids.ts";

/** Who may call, and by what they are known: by AWS IAM, by the ticket of an attempt, by its token, or by nothing. */
export type Caller = "owner" | "ticket" | "token" | "anyone";

/**
 * The Lambda that serves a call. Owners' calls may read and list. Runners' calls touch the run that they name; a notice
 * about their host also touches the other attempts there. A beat touches only its run item.
 */
export type Service = "owner" | "runner" | "beat";

export type Route = {
  readonly method: string;
  readonly path: string;
  readonly caller: Caller;
  readonly service: Service;
};

/**
 * The header in which a runner shows the token of its cluster, beside ticket or token, if the front door asks for one.
 */
export const IDENTITY_HEADER = "x-lastbeat-identity";

/** Every call of the HTTP API. The Lambdas, the embedded server and the OpenAPI document are driven by this table. */
export const ROUTES = {
  register: { method: "PUT", path: "/v1/runs/{run}", caller: "owner", service: "owner" },
  inspect: {
    method: "GET",
    path: "/v1/runs/{run}",
    caller: "owner",
    service: "owner",
  },
  ticket: { method: "POST", path: "/v1/runs/{run}/ticket", caller: "owner", service: "owner" },
  list: { method: "GET", path: "/v1/runs", caller: "owner", service: "owner" },
  cancel: { method: "POST", path: "/v1/runs/{run}/cancel", caller: "owner", service: "owner" },
  requeue: {
    method: "POST",
    path: "/v1/runs/{run}/requeue",
    caller: "owner",
    service: "owner",
  },
  drain: {
    method: "POST",
    path: "/v1/hosts/{host}/drain",
    caller: "owner",
    service: "owner",
  },
  claim: {
    method: "POST",
    path: "/v1/runs/{run}/claim",
    caller: "ticket",
    service: "runner",
  },
  beat: {
    method: "POST",
    path: "/v1/runs/{run}/beat",
    caller: "token",
    service: "beat",
  },
  notice: {
    method: "POST",
    path: "/v1/runs/{run}/notice",
    caller: "token",
    service: "runner",
  },
  finish: {
    method: "POST",
    path: "/v1/runs/{run}/finish",
    caller: "token",
    service: "runner",
  },
  health: {
    method: "GET",
    path: "/healthz",
    caller: "anyone",
    service: "runner",
  },
  openapi: { method: "GET", path: "/openapi.json", caller: "anyone", service: "runner" },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;

export type Match =
  | { readonly kind: "route"; readonly name: RouteName; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: "wrong-method"; readonly allowed: readonly string[] }
  | { readonly kind: "unknown-path" };

/**
 * The parameters of a path; undefined if the path does not fit the pattern. Segments are compared before they are
 * decoded.
 */
function paramsOf(pattern: string, path: string): Record<string, string> | undefined {
  const expected = pattern.split("/");
  const given = path.split("/");
  if (expected.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of expected.entries()) {
    const segment = given[index] ?? "";
    if (part.startsWith("{")) params[part.slice(1, -1)] = nameOf(segment);
    else if (part !== segment) return undefined;
  }
  return params;
}

/**
 * The route of a request. A path is split into segments before they are decoded, because an encoded slash is part of an
 * id.
 */
export function match(method: string, path: string): Match {
  const allowed: string[] = [];
  for (const [name, route] of Object.entries(ROUTES)) {
    const params = paramsOf(route.path, path);
    if (params === undefined) continue;
    if (route.method === method) return { kind: "route", name: name as RouteName, params };
    allowed.push(route.method);
  }
  return allowed.length > 0 ? { kind: "wrong-method", allowed } : { kind: "unknown-path" };
}
