import { describe, expect, test } from "vitest";
import { openapi } from "../../lib/wire/openapi.ts";
import { PROBLEMS } from "../../lib/wire/problems.ts";
import { ROUTES } from "../../lib/wire/routes.ts";

type Json = { readonly [key: string]: unknown };

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null;

/** What stands at a path of keys; undefined when nothing does. */
const find = (from: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce<unknown>((value, key) => (isJson(value) && Object.hasOwn(value, key) ? value[key] : undefined), from);

/** The document as a client gets it. */
const document: unknown = JSON.parse(JSON.stringify(openapi()));

const everyPart = (value: unknown): readonly Json[] =>
  isJson(value) ? [value, ...Object.values(value).flatMap(everyPart)] : [];

const CALLS = Object.entries(ROUTES).map(([name, route]) => ({ name, ...route }));

const operation = (path: string, method: string): unknown => find(document, "paths", path, method.toLowerCase());

/** The names of the problems that a call may be refused with, per status. */
const refusals = (path: string, method: string): readonly string[] => {
  const responses = find(operation(path, method), "responses");
  return Object.entries(isJson(responses) ? responses : {}).flatMap(([status, response]) =>
    status.startsWith("2")
      ? []
      : String(find(response, "description"))
          .split(", ")
          .map((name) => `${status} ${name}`),
  );
};

describe("the OpenAPI document", () => {
  test("is of version 3.1 and has a title", () => {
    expect(document).toMatchObject({ openapi: "3.1.0", info: { title: "Lastbeat", version: "1" } });
  });

  test("has each call, and no other", () => {
    const paths = find(document, "paths");
    const found = Object.entries(isJson(paths) ? paths : {}).flatMap(([path, operations]) =>
      Object.entries(isJson(operations) ? operations : {}).map(
        ([method, of]) => `${find(of, "operationId")}: ${method.toUpperCase()} ${path}`,
      ),
    );
    expect(found.sort()).toEqual(CALLS.map(({ name, method, path }) => `${name}: ${method} ${path}`).sort());
  });

  test("has a reply for each call", () => {
    for (const { method, path } of CALLS)
      expect(Object.keys(find(operation(path, method), "responses") as object)).toContainEqual(
        expect.stringMatching(/^2\d\d$/),
      );
  });

  test("describes each parameter of a path", () => {
    for (const { method, path } of CALLS) {
      const parameters = find(operation(path, method), "parameters");
      const inPath = (Array.isArray(parameters) ? parameters : []).filter((one) => find(one, "in") === "path");
      expect(inPath.map((one) => `{${find(one, "name")}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
    }
  });

  test("describes the query of a list", () => {
    const parameters = find(operation("/v1/runs", "GET"), "parameters");
    expect((Array.isArray(parameters) ? parameters : []).map((one) => find(one, "name"))).toEqual([
      "state",
      "limit",
      "since",
      "cursor",
    ]);
  });

  test("says of each call who may make it", () => {
    for (const { method, path, caller } of CALLS)
      expect(find(operation(path, method), "security")).toEqual(caller === "anyone" ? undefined : [{ [caller]: [] }]);
  });

  test("has each security scheme that it names", () => {
    const schemes = find(document, "components", "securitySchemes");
    expect(Object.keys(isJson(schemes) ? schemes : {})).toEqual(["owner", "ticket", "token"]);
  });

  test("has what each of its references leads to", () => {
    const references = everyPart(document).flatMap(({ $ref }) => (typeof $ref === "string" ? [$ref] : []));
    expect(references).not.toEqual([]);
    for (const reference of references) {
      expect(reference).toMatch(/^#\//);
      expect(find(document, ...reference.slice(2).split("/"))).toBeDefined();
    }
  });

  test("has bodies for the calls that take one, and for no other", () => {
    const withBody = CALLS.filter(({ path, method }) => find(operation(path, method), "requestBody") !== undefined);
    expect(withBody.map(({ name }) => name)).toEqual([
      "register",
      "cancel",
      "requeue",
      "drain",
      "claim",
      "beat",
      "notice",
      "finish",
    ]);
  });

  test("refuses unknown fields of a spec, as the server does", () => {
    const body = find(operation("/v1/runs/{run}", "PUT"), "requestBody", "content", "application/json", "schema");
    expect(body).toMatchObject({
      type: "object",
      additionalProperties: false,
      properties: { leaseSeconds: { minimum: 5 } },
    });
  });

  test("names no state of the run that there is not", () => {
    const reply = find(operation("/v1/runs/{run}", "PUT"), "responses", "201", "content", "application/json", "schema");
    expect(find(reply, "properties", "state", "enum")).toEqual([
      "queued",
      "waiting",
      "running",
      "leaving",
      "canceling",
      "ended",
    ]);
  });

  test.each(["/v1/runs", "/v1/runs/{run}"])("says of %s that a freeze may be told", (path) => {
    const reply = find(operation(path, "GET"), "responses", "200", "content", "application/json", "schema");
    expect(find(reply, "properties", "freeze")).toMatchObject({
      type: "object",
      properties: {
        since: { type: "string", format: "date-time" },
        until: { type: "string", format: "date-time" },
        why: { type: "string", enum: ["canary", "silence", "sweeps", "witness"] },
      },
      required: ["since", "until", "why"],
    });
    expect(find(reply, "required")).not.toContain("freeze");
  });

  test("answers each refusal as a problem document", () => {
    for (const { method, path } of CALLS) {
      const responses = find(operation(path, method), "responses");
      for (const [status, response] of Object.entries(isJson(responses) ? responses : {}))
        if (!status.startsWith("2"))
          expect(find(response, "content", "application/problem+json", "schema")).toEqual({
            $ref: "#/components/schemas/Problem",
          });
    }
  });

  test("names no problem that there is not", () => {
    for (const { method, path } of CALLS)
      for (const refusal of refusals(path, method)) expect(Object.keys(PROBLEMS)).toContain(refusal.split(" ")[1]);
  });
});

describe("the refusals of a call, as documented,", () => {
  const ANY_RUNNER = [
    "400 malformed",
    "401 unauthorized",
    "403 wrong-run",
    "409 superseded",
    "410 ended",
    "422 invalid",
  ];

  test.each([
    ["PUT", "/v1/runs/{run}", ["400 malformed", "422 invalid", "409 run-exists", "413 too-large"]],
    ["GET", "/v1/runs/{run}", ["404 not-found"]],
    ["GET", "/v1/runs", ["400 malformed", "422 invalid"]],
    ["POST", "/v1/runs/{run}/cancel", ["404 not-found", "409 ended"]],
    ["POST", "/v1/runs/{run}/requeue", ["404 not-found", "409 ended", "409 superseded", "409 canceling"]],
    ["POST", "/v1/runs/{run}/claim", [...ANY_RUNNER, "409 held-by-another", "410 overran", "425 hold"]],
    ["POST", "/v1/runs/{run}/beat", [...ANY_RUNNER, "410 overran"]],
    ["POST", "/v1/runs/{run}/finish", [...ANY_RUNNER, "409 finished-otherwise"]],
  ])("%s %s, are those of the design", (method, path, expected) => {
    expect(refusals(path, method)).toEqual(expect.arrayContaining(expected));
  });
});
