import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from "aws-lambda";
import { describe, expect, test } from "vitest";
import { requestOf } from "../../lambdas/request.ts";

/** As an HTTP API or a function URL says it. */
const v2 = (own: object = {}, stage = "$default", method = "POST"): APIGatewayProxyEventV2 =>
  ({
    version: "2.0",
    rawPath: "/v1/runs/etl/beat",
    headers: { authorization: "Bearer t" },
    isBase64Encoded: false,
    requestContext: { stage, http: { method } },
    ...own,
  }) as unknown as APIGatewayProxyEventV2;

/** As a REST API says it: nothing is null there, and what would be empty is. */
const v1 = (own: object = {}): APIGatewayProxyEvent =>
  ({
    httpMethod: "POST",
    path: "/v1/runs/etl/beat",
    headers: { Authorization: "Bearer t" },
    queryStringParameters: null,
    body: null,
    isBase64Encoded: false,
    requestContext: { stage: "prod", path: "/prod/v1/runs/etl/beat" },
    ...own,
  }) as unknown as APIGatewayProxyEvent;

const beat = {
  method: "POST",
  path: "/v1/runs/etl/beat",
  query: {},
  authorization: "Bearer t",
  body: Buffer.alloc(0),
};

describe("a request is the same", () => {
  test.each([
    ["through an HTTP API or a function URL", v2()],
    ["through an HTTP API with a named stage", v2({ rawPath: "/prod/v1/runs/etl/beat" }, "prod")],
    ["through a REST API", v1()],
    ["with a header in other letters", v1({ headers: { AUTHORIZATION: "Bearer t" } })],
    ["without headers that matter", v2({ headers: { "x-other": "1", authorization: "Bearer t" } })],
  ])("%s", (_, event) => {
    expect(requestOf(event)).toEqual(beat);
  });

  test.each([
    ["2.0", v2({ body: "eyJhIjoxfQ==", isBase64Encoded: true })],
    ["1.0", v1({ body: '{"a":1}' })],
  ])("with a body in payload format %s", (_, event) => {
    expect(requestOf(event).body.toString()).toBe('{"a":1}');
  });

  test.each([
    ["2.0", v2({ queryStringParameters: { state: "live" } })],
    ["1.0", v1({ queryStringParameters: { state: "live" } })],
  ])("with a query in payload format %s", (_, event) => {
    expect(requestOf(event).query).toEqual({ state: "live" });
  });
});

test("a run that is called as the stage keeps its name", () => {
  expect(requestOf(v2({ rawPath: "/production/v1/runs" }, "prod")).path).toBe("/production/v1/runs");
});
