import type { Context, APIGatewayProxyEventV2 as HttpEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { contextFor } from "../../dev/http.ts";
import { handler as owner } from "../../lambdas/owner.ts";
import { handler as runner } from "../../lambdas/runner.ts";
import { ENVIRONMENT } from "../../lib/names.ts";
import { ROUTES } from "../../lib/wire/routes.ts";

/** Somebody has found a way past IAM at the front door, by a route that is open or one that was set up wrongly. */
let dev: Dev;
beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
  delete process.env[ENVIRONMENT.anonymousOwners];
});
afterAll(() => dev.stop());

const context: Context = contextFor(60_000);
const opts = { signal: new AbortController().signal };

const OF_OWNERS = Object.entries(ROUTES).filter(([, { caller }]) => caller === "owner");

/** Events without a caller of IAM, as front doors of both kinds make them, and as somebody may have bent them. */
const EVENTS: readonly (readonly [string, (method: string, path: string) => object])[] = [
  ["an HTTP API", (method, rawPath) => ({ rawPath, requestContext: { http: { method } } })],
  [
    "an HTTP API, by its open route",
    (method, rawPath) => ({ rawPath, routeKey: "GET /openapi.json", requestContext: { http: { method } } }),
  ],
  [
    "an HTTP API with a JWT",
    (method, rawPath) => ({ rawPath, requestContext: { http: { method }, authorizer: { jwt: { claims: {} } } } }),
  ],
  ["a REST API", (httpMethod, path) => ({ httpMethod, path, requestContext: { identity: { userArn: null } } })],
  ["a REST API that names nobody", (httpMethod, path) => ({ httpMethod, path, requestContext: {} })],
  [
    "an HTTP API, with the caller as a header",
    (method, rawPath) => ({
      rawPath,
      requestContext: { http: { method } },
      headers: { userArn: "arn:aws:iam::1:root" },
    }),
  ],
];

describe.each(EVENTS)("a caller of owners' calls by %s", (_, eventOf) => {
  test.each(OF_OWNERS)("is refused %s", async (_name, { method, path }) => {
    const event = { headers: {}, body: "{}", ...eventOf(method, path.replaceAll(/\{\w+\}/g, "etl")) };
    expect(await owner(event as HttpEvent, context, opts)).toMatchObject({ statusCode: 401 });
  });
});

test("the open routes are of a Lambda that knows no calls of owners", async () => {
  const open = Object.values(ROUTES).filter(({ caller }) => caller === "anyone");
  expect(open.map(({ service }) => service)).toEqual(open.map(() => "runner"));
  const event = { rawPath: "/v1/runs", requestContext: { http: { method: "GET" } }, headers: {} };
  expect(await runner(event as unknown as HttpEvent, context, opts)).toMatchObject({ statusCode: 404 });
});

test("only a deployment that says so, for an emulator that names no caller, answers them", async () => {
  process.env[ENVIRONMENT.anonymousOwners] = "true";
  const event = { rawPath: "/v1/runs", requestContext: { http: { method: "GET" } }, headers: {} };
  try {
    expect(await owner(event as unknown as HttpEvent, context, opts)).toMatchObject({ statusCode: 200 });
  } finally {
    delete process.env[ENVIRONMENT.anonymousOwners];
  }
});
