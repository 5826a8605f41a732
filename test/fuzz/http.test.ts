import type { Context } from "aws-lambda";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Calls, httpHandler } from "../../lambdas/http.ts";
import type { HttpEvent } from "../../lambdas/request.ts";
import type { App } from "../../lib/app/app.ts";
import { sign } from "../../lib/app/credentials.ts";
import { read } from "../../lib/wire/read.ts";
import { refused } from "../../lib/wire/replies.ts";
import { ROUTES, type RouteName } from "../../lib/wire/routes.ts";
import * as schemas from "../../lib/wire/schemas.ts";
import { service, tokenOf } from "../app/service.ts";
import { LONG, RUNS } from "./runs.ts";
import { text } from "./texts.ts";

const BODIES = [
  schemas.spec,
  schemas.claim,
  schemas.beat,
  schemas.finish,
  schemas.requeue,
  schemas.cancel,
  schemas.drain,
  schemas.notice,
];

const app = service();
const claims = await tokenOf(app, "etl");
const credentials = [await sign(app, "token", claims), await sign(app, "ticket", claims)];

/** Every call reads its body as each of our calls would, and does nothing. */
const calls: Calls<App> = Object.fromEntries(
  Object.keys(ROUTES).map((name) => [
    name as RouteName,
    async (_: App, { body }: { body: string }) => {
      const found = BODIES.map((schema) => read<unknown>(schema, body));
      const wrong = found.find(({ ok }) => !ok);
      return found.some(({ ok }) => ok) || wrong === undefined || wrong.ok
        ? { status: 200, body: {}, headers: {} }
        : refused(wrong.problem);
    },
  ]),
);
const handler = httpHandler(() => app, calls);

const segment = fc.oneof(
  { weight: 3, arbitrary: fc.constant("etl") },
  fc.constantFrom("i-0abc", "..", "%2e%2e", "%00", "__proto__", ""),
  text,
);
const verb = fc.oneof(fc.constantFrom("GET", "PUT", "POST", "DELETE", "PATCH", "get"), text);
/** A call of ours, most of the time. */
const call = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.values(ROUTES)), segment)
      .map(([{ method, path }, name]) => ({ method: String(method), path: path.replaceAll(/\{\w+\}/g, name) })),
  },
  fc.record({
    method: verb,
    path: fc.oneof(
      fc.constantFrom(...Object.values(ROUTES).map(({ path }) => path)),
      text.map((any) => `/${any}`),
    ),
  }),
);
const field = fc.constantFrom(
  "progress",
  "holder",
  "outcome",
  "leaseSeconds",
  "labels",
  "__proto__",
  "constructor",
  "at",
);
const body = fc.oneof(
  text,
  fc.json({ depthSize: "medium" }),
  fc.dictionary(fc.oneof(field, text), fc.jsonValue()).map((any) => JSON.stringify(any)),
);
const credential = fc.oneof(
  text,
  fc.constantFrom(...credentials).map((good) => `Bearer ${good}`),
  fc.constant(undefined),
);

const events: fc.Arbitrary<HttpEvent> = fc
  .record({
    call,
    body: fc.option(body),
    credential,
    isBase64Encoded: fc.boolean(),
    isV2: fc.boolean(),
    query: fc.dictionary(text, text),
  })
  .map(({ call: { method, path: asked }, body: sent, credential: shown, isBase64Encoded, isV2, query }) => {
    const common = {
      headers: { ...(shown !== undefined && { authorization: shown }) },
      queryStringParameters: query,
      body: sent,
      isBase64Encoded,
    };
    return (isV2
      ? { ...common, version: "2.0", rawPath: asked, requestContext: { stage: "$default", http: { method } } }
      : { ...common, httpMethod: method, path: asked, requestContext: { stage: "prod" } }) as unknown as HttpEvent;
  });

test("a request of any kind gets an answer of ours in JSON, and never an error of ours", LONG, async () => {
  const seen = new Set<number | undefined>();
  await fc.assert(
    fc.asyncProperty(events, async (event) => {
      const reply = await handler(event, {} as Context);
      seen.add(reply.statusCode);
      expect(reply.statusCode).toBeGreaterThanOrEqual(200);
      expect(reply.statusCode).toBeLessThan(500);
      expect(typeof JSON.parse(reply.body ?? "")).toBe("object");
    }),
    RUNS,
  );
  // Or the inputs would all end at the same gate.
  expect([...seen]).toEqual(expect.arrayContaining([200, 400, 401, 404, 405]));
});
