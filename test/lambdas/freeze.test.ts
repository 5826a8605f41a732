import type { SQSEvent } from "aws-lambda";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { contextFor } from "../../dev/http.ts";
import { theApp } from "../../lambdas/connect.ts";
import { handler as sweep } from "../../lambdas/sweep.ts";
import { instant } from "../../lib/core/time.ts";
import { ENVIRONMENT } from "../../lib/names.ts";

type Json = Record<string, unknown>;

let dev: Dev;
beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
  for (const [run, leaseSeconds] of [
    ["long", 120],
    ["short", 60],
  ] as const)
    await call("PUT", `/${run}`, { leaseSeconds });
  await call("PUT", "/over", {});
  await call("POST", "/over/cancel", {});
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => dev.stop());

async function call(method: string, path: string, body?: unknown): Promise<Json> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return (await (await fetch(`${dev.info.api}/v1/runs${path}`, { method, ...sent })).json()) as Json;
}

/** The freeze that an owner reads, where he reads it. */
const told = async (path: string): Promise<unknown> => (await call("GET", path))["freeze"];

/** A quarter of an hour beyond the time to start: nobody has claimed these runs. */
const latestVerdictOn = async (path: string): Promise<string> =>
  iso(Date.parse(String((await call("GET", path))["startBy"])) + 15 * 60_000);

async function swept(): Promise<void> {
  const event = { Records: [{ body: JSON.stringify({ at: new Date() }) }] } as SQSEvent;
  process.env[ENVIRONMENT.sweepSeconds] = "0.001"; // so that the server's own first sweep does not count as just now
  expect(await sweep(event, contextFor(60_000), { signal: new AbortController().signal })).toBeDefined();
  process.env[ENVIRONMENT.sweepSeconds] = "60";
}

const iso = (at: number): string => new Date(at).toISOString();

describe("verdicts by the clock", () => {
  test("are not said to be frozen as long as they are not", async () => {
    await swept();
    expect(await call("GET", "/long")).not.toHaveProperty("freeze");
    expect(await call("GET", "?state=live")).not.toHaveProperty("freeze");
  });

  test("are frozen once the canary has failed, as the list of live runs and the record of each says", async () => {
    const from = Date.now();
    await theApp().control.canaryFailed(instant(from));
    await swept();
    const since = (await theApp().control.frontDoor()).freeze?.since ?? 0;
    expect(since).toBeGreaterThanOrEqual(from);
    const freeze = { since: iso(since), until: await latestVerdictOn("/long"), why: "canary" }; // the first that is due
    expect(await told("")).toEqual(freeze);
    expect(await told("?state=live&limit=1")).toEqual(freeze);
    expect(await told("/long")).toEqual(freeze);
    expect(await told("/short")).toEqual({ ...freeze, until: await latestVerdictOn("/short") });
    expect(await call("GET", "/over")).not.toHaveProperty("freeze");
    expect(await call("GET", "?state=ended")).not.toHaveProperty("freeze");
  });

  test("of one class of leases are frozen for the runs with such a lease", async () => {
    const now = instant(Date.now());
    await theApp().control.rememberFreeze({ since: now, lastBad: now, why: "silence", floors: { 5: now } });
    const freeze = { since: iso(now), until: iso(now + 15 * 60_000), why: "silence" };
    expect(await told("")).toEqual(freeze);
    expect(await told("/short")).toEqual({ ...freeze, until: await latestVerdictOn("/short") });
    expect(await call("GET", "/long")).not.toHaveProperty("freeze");
  });

  test("are frozen no more a minute after a sweep has last found it so, and on a run for a lease after that", async () => {
    const now = instant(Date.now());
    await theApp().control.rememberFreeze({ since: now, lastBad: now, why: "canary", floor: now });
    const clock = vi.spyOn(Date, "now").mockReturnValue(now + 59_999);
    expect(await told("/short")).toMatchObject({ why: "canary" });
    expect(await told("")).toMatchObject({ why: "canary" });
    clock.mockReturnValue(now + 60_000);
    expect(await call("GET", "/short")).not.toHaveProperty("freeze");
    expect(await call("GET", "")).not.toHaveProperty("freeze");
    expect(await told("/long")).toEqual({ since: iso(now), until: iso(now + 120_000), why: "canary" });
  });
});
