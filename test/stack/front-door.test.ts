import { afterEach, describe, expect, test } from "vitest";
import { frontDoor } from "../../lib/stack/doctor/front-door.ts";
import { type StubDoor, stubDoor } from "./aws.ts";

const DATE = "Sun, 22 Nov 2026 12:00:00 GMT";
/** The middle of the second that the header names. */
const MIDDLE = Date.parse(DATE) + 500;

let door: StubDoor;
afterEach(() => door.stop());

const answering = async (body: unknown, status = 200): Promise<void> => {
  door = await stubDoor(() => ({ status, body, headers: { date: DATE } }));
};

describe("the clock here", () => {
  test.each([
    [5_000, "ok", "the clock here is 5 s ahead of the front door's"],
    [5_001, "warning", "the clock here is 5 s ahead of the front door's: "],
    [60_000, "warning", "the clock here is 60 s ahead of the front door's: "],
    [60_001, "problem", "the clock here is 60 s ahead of the front door's: "],
    [-5_000, "ok", "the clock here is 5 s behind the front door's"],
    [-61_000, "problem", "the clock here is 61 s behind the front door's: "],
  ])("that is off by %i ms is %s", async (ahead, state, says) => {
    await answering({ ok: true });
    const [, clock] = await frontDoor(door.url, () => MIDDLE + ahead);
    expect(clock).toMatchObject({ check: "clock", state, says: expect.stringContaining(says) });
  });

  test("is compared with the middle of the question", async () => {
    await answering({ ok: true });
    const instants = [MIDDLE - 8_000, MIDDLE + 8_000];
    const [, clock] = await frontDoor(door.url, () => instants.shift() ?? 0);
    expect(clock?.says).toContain("is 0 s");
  });

  test("that is wrong says what refuses it, and what counts instead", async () => {
    await answering({ ok: true });
    const [, clock] = await frontDoor(door.url, () => MIDDLE + 90_000);
    expect(clock?.says).toContain("signatures that are 5 min off are refused, and leases count by the service's clock");
  });
});

describe("a front door", () => {
  test.each([
    ["null", null],
    ["a list", []],
    ["a health that is not good", { ok: false }],
    ["a page of somebody else's", "<html>sign in</html>"],
  ])("that answers 200 with %s is not ours", async (_, body) => {
    await answering(body);
    const [found] = await frontDoor(door.url, () => MIDDLE);
    expect(found).toMatchObject({
      state: "problem",
      says: expect.stringContaining("which is not an answer of Lastbeat"),
    });
  });

  test.each(["not an address", "ftp://door"])("at %s is no address", async (url) => {
    await answering({ ok: true });
    expect(await frontDoor(url, () => MIDDLE)).toMatchObject([
      { state: "problem", says: `"${url}" is not an address` },
    ]);
  });

  test("is asked for its health under its whole path", async () => {
    await answering({ ok: true });
    const [found] = await frontDoor(`${door.url}/prod/`, () => MIDDLE);
    expect(found).toMatchObject({ state: "ok", says: `${door.url}/prod answers in 0 ms` });
    expect(door.received.map(({ method, target }) => [method, target])).toEqual([["GET", "/prod/healthz"]]);
  });

  test.each([
    ["a login page", "<html>", 200],
    ["a stage that has no such path", { message: "Not Found" }, 404],
    ["somebody's other service", { ok: false }, 200],
  ])("that is %s is a problem", async (_, body, status) => {
    await answering(body, status);
    const [found] = await frontDoor(door.url, () => MIDDLE);
    expect(found).toMatchObject({ state: "problem", says: expect.stringContaining(`answered ${status}`) });
  });

  test("that nobody answers at, or that is no address, is a problem by itself", async () => {
    await answering({ ok: true });
    expect(await frontDoor("http://127.0.0.1:1", () => MIDDLE)).toMatchObject([
      { state: "problem", says: expect.stringContaining("nothing answers at http://127.0.0.1:1: ") },
    ]);
    expect(await frontDoor("door", () => MIDDLE)).toMatchObject([
      { state: "problem", says: '"door" is not an address' },
    ]);
  });
});
