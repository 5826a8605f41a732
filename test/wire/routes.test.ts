import { describe, expect, test } from "vitest";
import { ID, ID_SEGMENT, segmentOf } from "../../lib/wire/ids.ts";
import { match, ROUTES } from "../../lib/wire/routes.ts";

describe("a request", () => {
  test.each([
    ["PUT", "/v1/runs/etl", "register", { run: "etl" }],
    ["GET", "/v1/runs/etl", "inspect", { run: "etl" }],
    ["GET", "/v1/runs", "list", {}],
    ["POST", "/v1/runs/etl/cancel", "cancel", { run: "etl" }],
    ["POST", "/v1/runs/etl/requeue", "requeue", { run: "etl" }],
    ["POST", "/v1/hosts/i-0abc/drain", "drain", { host: "i-0abc" }],
    ["POST", "/v1/hosts/fargate%2Fabc/drain", "drain", { host: "fargate/abc" }],
    ["POST", "/v1/runs/etl/notice", "notice", { run: "etl" }],
    ["POST", "/v1/runs/etl/claim", "claim", { run: "etl" }],
    ["POST", "/v1/runs/etl/beat", "beat", { run: "etl" }],
    ["POST", "/v1/runs/etl/finish", "finish", { run: "etl" }],
    ["GET", "/healthz", "health", {}],
    ["GET", "/openapi.json", "openapi", {}],
  ])("%s %s is the call %s", (method, path, name, params) => {
    expect(match(method, path)).toEqual({ kind: "route", name, params });
  });

  test.each([
    "/",
    "",
    "/v1",
    "/v2/runs",
    "/v1/runs/etl/claims",
    "/v1/runs/etl/claim/",
    "/v1/runs/a/b/beat",
    "//healthz",
  ])("of %j is for an unknown path", (path) => {
    expect(match("GET", path)).toEqual({ kind: "unknown-path" });
  });

  test("with a wrong method names the ones that are allowed", () => {
    expect(match("DELETE", "/v1/runs/etl")).toEqual({ kind: "wrong-method", allowed: ["PUT", "GET"] });
  });

  test("with a method in small letters is a wrong one", () => {
    expect(match("get", "/healthz")).toEqual({ kind: "wrong-method", allowed: ["GET"] });
  });

  test.each(["manual__2026-11-27T00:00:00+00:00", "model.shop.orders", "shop/deploy/17", "etl-1"])(
    "has the run %s as one segment, with escapes and without",
    (run) => {
      const segment = segmentOf(run);
      expect(segment).not.toMatch(/%2F|\//);
      expect(match("POST", `/v1/runs/${segment}/beat`)).toMatchObject({ name: "beat", params: { run } });
      expect(match("POST", `/v1/runs/${decodeURIComponent(segment)}/beat`)).toMatchObject({ params: { run } });
      expect(ID.test(run) && ID_SEGMENT.test(decodeURIComponent(segment))).toBe(true);
    },
  );

  test.each([
    "",
    ".",
    "..",
    "a/../b",
    "a//b",
    "/a",
    "a/",
    "-a",
    "a/-b",
    "a b",
    "a#b",
    "a~b",
    "a\n",
    `${"a/".repeat(64)}b`,
  ])("does not take %j for an id", (run) => {
    expect(ID.test(run)).toBe(false);
  });

  test.each(["a%20b", "etl%23cancel", "%65tl", "%E0%A4"])(
    "with an encoded run, %s, keeps it, to be refused as an id",
    (run) => {
      expect(match("GET", `/v1/runs/${run}`)).toMatchObject({ name: "inspect", params: { run } });
    },
  );

  test.each(["arn:aws:ecs:eu-west-1:1:task/a/b", "i-0abc", "a.b_c:d-e", "a/b/", "a//b"])(
    "has the host %s as one segment that no front door changes",
    (host) => {
      const segment = segmentOf(host);
      expect(segment).not.toMatch(/%2F|\//);
      expect(match("POST", `/v1/hosts/${segment}/drain`)).toMatchObject({ params: { host } });
      expect(match("POST", `/v1/hosts/${decodeURIComponent(segment)}/drain`)).toMatchObject({ params: { host } });
    },
  );

  test.each(["%70rod-1", "a%25b", "a%2Eb"])(
    "with an escape that no host needs, %s, keeps it, to be refused as a host",
    (host) => {
      expect(match("POST", `/v1/hosts/${host}/drain`)).toMatchObject({ name: "drain", params: { host } });
    },
  );

  test("with a host in a broken encoding keeps it, to be refused as a host", () => {
    expect(match("POST", "/v1/hosts/%E0%A4/drain")).toMatchObject({ name: "drain", params: { host: "%E0%A4" } });
  });
});

describe("the table of calls", () => {
  test("leads each call back to itself", () => {
    for (const [name, { method, path }] of Object.entries(ROUTES))
      expect(match(method, path.replace(/\{(run|host)\}/, "etl"))).toMatchObject({ kind: "route", name });
  });

  test("gives runners no more than the run that they name", () => {
    const runners = Object.values(ROUTES).filter(({ caller }) => caller === "ticket" || caller === "token");
    expect(runners.map(({ service, path }) => service !== "owner" && path.startsWith("/v1/runs/{run}/"))).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
});
