import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { api } from "../../lib/cli/api.ts";

let server: Server | undefined;
afterEach(() => {
  server?.close();
});

/** A front door that gives these answers, one after the other; how many requests have come. */
async function doorThat(...answers: readonly (readonly [status: number, body: object])[]) {
  let asked = 0;
  server = createServer((_, response) => {
    const [status, body] = answers[Math.min(asked, answers.length - 1)] ?? [500, {}];
    asked += 1;
    response.writeHead(status, { "retry-after": "0.01" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return { api: api(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), asked: () => asked };
}

const THROTTLED = [429, { message: "Too Many Requests" }] as const;
const CONTENDED = [503, { type: "urn:lastbeat:problem:contended", title: "The run keeps changing" }] as const;
const GOOD = [200, { state: "canceling" }] as const;

describe("an owner's call", () => {
  test.each([
    ["throttled", [THROTTLED, THROTTLED, GOOD], 3],
    ["contended", [CONTENDED, GOOD], 2],
  ])("that is %s comes again as the answer asks", async (_, answers, times) => {
    const door = await doorThat(...answers);
    expect(await door.api.call("POST", "/v1/runs/etl/cancel", {})).toEqual({ state: "canceling" });
    expect(door.asked()).toBe(times);
  });

  test("that is throttled for long gives up after five tries, and says why", async () => {
    const door = await doorThat(THROTTLED);
    await expect(door.api.call("GET", "/v1/runs")).rejects.toThrow("429 (Too Many Requests)");
    expect(door.asked()).toBe(5);
  });

  test.each([400, 404, 409, 500, 502])("that is answered %i does not come again", async (status) => {
    const door = await doorThat([status, { title: "no" }]);
    await expect(door.api.call("GET", "/v1/runs")).rejects.toThrow("no");
    expect(door.asked()).toBe(1);
  });
});
