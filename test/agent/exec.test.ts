import { afterEach, describe, expect, test } from "vitest";
import { httpDoor } from "../../lib/agent/door.ts";
import { type ExecSettings, exec } from "../../lib/agent/exec.ts";
import { milliseconds, seconds } from "../../lib/core/time.ts";
import { type Behaviour, type Gateway, gateway, json } from "./gateway.ts";

const RUN = "etl";
/** A lease of 5 s, so an interval of 1.25 s; whoever answers may set a shorter one. */
const TICKET = `${RUN}.1.1795305600.0.5000.k1.${"x".repeat(43)}`;

const CLAIMED = json({
  attempt: 1,
  fence: 1795305600,
  token: "the-token",
  leaseSeconds: 5,
  nextBeatSeconds: 0.05,
  directive: "continue",
});
const RENEWED = json({ directive: "continue", leaseSeconds: 5, nextBeatSeconds: 0.05 });
const FINISHED = json({ state: "ended", outcome: "succeeded" });
const problem = (name: string, status: number): Behaviour =>
  json({ type: `urn:lastbeat:problem:${name}`, title: name, status }, status);

let door: Gateway;
afterEach(() => door.stop());

const usual = (name: string): Behaviour => (name === "claim" ? CLAIMED : name === "beat" ? RENEWED : FINISHED);

const said: string[] = [];
const settings = (command: readonly [string, ...string[]], more: Partial<ExecSettings> = {}): ExecSettings => ({
  url: door.url,
  ticket: TICKET,
  command,
  holder: { host: "i-0abc" },
  environment: process.env,
  say: (line) => said.push(line),
  ...more,
});

const sh = (script: string): readonly [string, ...string[]] => ["sh", "-c", script];

test("an attempt is claimed by a holder made for this process, kept up by beats, and reported", async () => {
  door = await gateway(usual);
  const first = exec(settings(sh("sleep 0.3")));
  await door.called("beat", 2);
  expect(await first).toBe(0);
  const [claim, beat] = door.calls;
  expect(claim).toMatchObject({ name: "claim", credential: `Bearer ${TICKET}` });
  expect(claim?.body).toEqual({ holder: { id: expect.stringMatching(/^[0-9a-f]{32}$/), host: "i-0abc" } });
  expect(beat).toMatchObject({ name: "beat", credential: "Bearer the-token", body: {} });
  expect(door.calls.at(-1)).toMatchObject({ name: "finish", body: { outcome: "succeeded", exitCode: 0 } });
  await exec(settings(["true"]));
  const ids = door.calls
    .filter(({ name }) => name === "claim")
    .map(({ body }) => (body as { holder: { id: string } }).holder.id);
  expect(new Set(ids).size).toBe(2);
});

test("a token that comes with a beat is used from then on", async () => {
  door = await gateway((name, before) =>
    name === "beat" && before === 0
      ? json({ directive: "continue", nextBeatSeconds: 0.05, token: "a-newer-token" })
      : usual(name),
  );
  const left = exec(settings(sh("sleep 0.3")));
  await door.called("beat", 2);
  expect(await left).toBe(0);
  expect(door.calls.at(-1)?.credential).toBe("Bearer a-newer-token");
});

describe("a front door that is broken never stops the child", () => {
  test.each([
    ["answers 403 as a gateway does", json({ message: "Forbidden" }, 403)],
    ["answers 500", json({ message: "Internal Server Error" }, 500)],
    ["answers 404 with a page", { status: 404, body: "<html>not here</html>" }],
    ["answers 429", json({ message: "Too Many Requests" }, 429)],
    ["answers 200 with somebody else's JSON", json({ ok: true })],
    ["answers 200 with no body", { status: 200, body: "" }],
    ["leads elsewhere", { status: 307, body: "", headers: { location: "http://127.0.0.1:1/" } }],
    ["cuts the connection", "reset"],
    ["never answers", "hang"],
    ["answers 401 in our own words", problem("unauthorized", 401)],
    ["answers 500 in our own words", problem("internal", 500)],
  ] satisfies [string, Behaviour][])("one that %s", async (_, behaviour) => {
    door = await gateway((name) => (name === "beat" ? behaviour : usual(name)));
    const left = exec(settings(sh("sleep 0.4; exit 7")));
    await door.called("beat");
    expect(await left).toBe(7);
    expect(door.calls.at(-1)).toMatchObject({ name: "finish", body: { outcome: "failed", exitCode: 7 } });
  });

  test("a claim and a report are repeated until they are answered", async () => {
    door = await gateway((name, before) => (name !== "beat" && before === 0 ? "reset" : usual(name)));
    expect(await exec(settings(["true"]))).toBe(0);
    expect(door.calls.filter(({ name }) => name !== "beat").map(({ name }) => name)).toEqual([
      "claim",
      "claim",
      "finish",
      "finish",
    ]);
  });
});

describe("a problem of ours stops the child", () => {
  test.each([
    ["superseded", 409, 81],
    ["ended", 410, 81],
    ["overran", 410, 143],
  ])("%s", async (name, status, code) => {
    door = await gateway((call) => (call === "beat" ? problem(name, status) : usual(call)));
    expect(await exec(settings(sh("exec sleep 600")))).toBe(code);
  });

  test("and so does the directive stop: TERM to the whole group, KILL to what ignores it", async () => {
    door = await gateway((name) =>
      name === "beat" ? json({ directive: "stop", nextBeatSeconds: 0.05, reason: "canceled" }) : usual(name),
    );
    expect(await exec(settings(sh('trap "" TERM; sleep 600 & while :; do sleep 0.05; done')))).toBe(81);
    expect(door.calls.at(-1)).toMatchObject({ name: "finish", body: { outcome: "interrupted", reason: "canceled" } });
  });
});

test("a ticket that is none is an error of the agent, and nobody is asked", async () => {
  door = await gateway(usual);
  expect(await exec(settings(["true"], { ticket: "no.ticket" }))).toBe(125);
  expect(door.calls).toEqual([]);
});

test("an answer that takes longer than the timeout is dropped", async () => {
  door = await gateway(() => "hang");
  const answer = await httpDoor(door.url, RUN, milliseconds(50)).beat("the-token");
  expect(answer).toMatchObject({ kind: "unclear" });
});

test("a server that is not there is an unclear answer that says why", async () => {
  door = await gateway(usual);
  const answer = await httpDoor("http://127.0.0.1:1", RUN, seconds(1)).claim(TICKET, {});
  expect(answer).toMatchObject({ kind: "unclear", detail: expect.stringMatching(/fetch failed|bad port/) });
});
