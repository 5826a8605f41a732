import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";

/** Somebody holds one valid ticket or token, and would like to have another. */
let dev: Dev;
let ticket: string;
let token: string;
let stranger: string;
beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
  ticket = await registered("victim");
  token = await claimed("victim", ticket, "a");
  stranger = await claimed("stranger", await registered("stranger"), "b");
});
afterAll(() => dev.stop());

const call = async (method: string, path: string, body: unknown, authorization?: string): Promise<Response> =>
  fetch(`${dev.info.api}/v1/runs/${path}`, {
    method,
    body: JSON.stringify(body),
    ...(authorization !== undefined && { headers: { authorization } }),
  });

async function registered(run: string): Promise<string> {
  return ((await (await call("PUT", run, {})).json()) as { ticket: string }).ticket;
}

const holder = (letter: string) => ({ holder: { id: letter.repeat(32) } });

async function claimed(run: string, with_: string, letter: string): Promise<string> {
  const answer = await call("POST", `${run}/claim`, holder(letter), `Bearer ${with_}`);
  return ((await answer.json()) as { token: string }).token;
}

const BODIES = {
  claim: holder("c"),
  beat: {},
  notice: { kind: "sigterm", at: "2026-11-22T12:00:00Z" },
  finish: { outcome: "succeeded" },
};
type Call = keyof typeof BODIES;

const partsOf = (credential: string): string[] => credential.split(".");
/** `run`, `attempt`, `fence`, `shard`, `lease`, `keyId`, `hmac`: with one of them changed. */
const changed = (credential: string, part: number, to: string): string => partsOf(credential).with(part, to).join(".");

/** Each is made of the victim's token; none may be taken for it. */
const FORGERIES: readonly (readonly [string, (of: string) => string | undefined])[] = [
  ["none", () => undefined],
  ["an empty one", () => "Bearer "],
  ["another scheme", (of) => `Basic ${of}`],
  ["two in one", (of) => `Bearer ${of}, Bearer ${of}`],
  ["a later end", (of) => `Bearer ${of.replace(/-[0-9a-z]{4}\./, "-zzzz.")}`],
  ["no end", (of) => `Bearer ${of.replace(/-[0-9a-z]{4}\./, ".")}`],
  ["another end behind its own", (of) => `Bearer ${of.replace(/(-[0-9a-z]{4})\./, "$1-zzzz.")}`],
  ["a later attempt", (of) => `Bearer ${changed(of, 1, "2")}`],
  ["attempt 0", (of) => `Bearer ${changed(of, 1, "0")}`],
  ["an attempt with a zero before it", (of) => `Bearer ${changed(of, 1, "01")}`],
  ["an attempt with a sign", (of) => `Bearer ${changed(of, 1, "+1")}`],
  ["an attempt as an exponent", (of) => `Bearer ${changed(of, 1, "1e0")}`],
  ["a higher fence", (of) => `Bearer ${changed(of, 2, String(Number(partsOf(of)[2]) + 1))}`],
  ["a lower fence", (of) => `Bearer ${changed(of, 2, "1")}`],
  ["a fence beyond twelve digits", (of) => `Bearer ${changed(of, 2, "9".repeat(13))}`],
  ["another shard", (of) => `Bearer ${changed(of, 3, "9")}`],
  ["a longer lease", (of) => `Bearer ${changed(of, 4, "3600000")}`],
  ["a key that every object has", (of) => `Bearer ${changed(of, 5, "constructor")}`],
  ["a key by the prototype", (of) => `Bearer ${changed(of, 5, "__proto__")}`],
  ["a key by a number", (of) => `Bearer ${changed(of, 5, "0")}`],
  ["no key", (of) => `Bearer ${changed(of, 5, "")}`],
  ["a key name of 33 letters", (of) => `Bearer ${changed(of, 5, "k".repeat(33))}`],
  ["another signature", (of) => `Bearer ${changed(of, 6, "A".repeat(43))}`],
  ["no signature", (of) => `Bearer ${partsOf(of).slice(0, 6).join(".")}.`],
  ["a signature without its last letter", (of) => `Bearer ${of.slice(0, -1)}`],
  ["a signature with padding", (of) => `Bearer ${of}=`],
  [
    "a signature by an empty key",
    (of) => {
      const signed = partsOf(of).slice(0, 6).join(".");
      return `Bearer ${signed}.${createHmac("sha256", "").update(signed).digest("base64url")}`;
    },
  ],
  ["a part more", (of) => `Bearer ${of}.x`],
  ["an encoded line after it", (of) => `Bearer ${encodeURIComponent(`${of}\r\nx: y`)}`],
];

describe.each(Object.keys(BODIES) as Call[])("at %s,", (name) => {
  test.each(FORGERIES)("%s is not let in", async (_, forge) => {
    const authorization = forge(name === "claim" ? ticket : token);
    expect((await call("POST", `victim/${name}`, BODIES[name], authorization)).status).toBe(401);
  });

  test("the other kind of credential is not let in", async () => {
    const other = name === "claim" ? token : ticket;
    expect((await call("POST", `victim/${name}`, BODIES[name], `Bearer ${other}`)).status).toBe(401);
  });

  test("that of another run is not let in", async () => {
    expect((await call("POST", `victim/${name}`, BODIES[name], `Bearer ${stranger}`)).status).toBeOneOf([401, 403]);
  });
});

test("a second holder of the ticket does not get the attempt", async () => {
  expect((await call("POST", "victim/claim", holder("d"), `Bearer ${ticket}`)).status).toBe(409);
});

test("the victim's attempt has gone on all the while", async () => {
  expect(await (await call("POST", "victim/beat", {}, `Bearer ${token}`)).json()).toMatchObject({
    directive: "continue",
  });
});

test("credentials of a former life of the run do nothing in the next one", async () => {
  const first = await registered("again");
  const old = await claimed("again", first, "e");
  await call("POST", "again/cancel", {});
  await call("POST", "again/finish", { outcome: "failed", exitCode: 1 }, `Bearer ${old}`);
  for (const name of ["beat", "notice"] as const)
    expect((await call("POST", `again/${name}`, BODIES[name], `Bearer ${old}`)).status).toBeOneOf([409, 410]);
  expect((await call("POST", "again/claim", holder("f"), `Bearer ${first}`)).status).toBeOneOf([409, 410]);
});
