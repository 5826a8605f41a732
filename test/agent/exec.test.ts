import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { httpDoor } from "../../lib/agent/client.ts";
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

const folder = mkdtempSync(join(tmpdir(), "lastbeat-exec-"));
afterAll(() => rmSync(folder, { recursive: true }));

const said: string[] = [];
const settings = (command: readonly [string, ...string[]], more: Partial<ExecSettings> = {}): ExecSettings => ({
  url: door.url,
  ticket: TICKET,
  command,
  holder: { host: "i-0abc" },
  environment: process.env,
  say: (line) => said.push(line),
  stateFolder: folder,
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

const BROKEN = [
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
] satisfies [string, Behaviour][];

describe("a front door that is broken never stops the child before its own deadline", () => {
  test.each(BROKEN)("one that %s", async (_, behaviour) => {
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

test.each([
  ["an empty name", "", 127],
  ["a way through a file", "/proc/version/tool", 126],
  ["a name that is too long", "x".repeat(5000), 126],
])("a command that cannot be started at all (%s) is reported, not thrown", async (_, program, code) => {
  door = await gateway(usual);
  expect(await exec(settings([program]))).toBe(code);
  expect(door.calls.at(-1)).toMatchObject({ name: "finish", body: { outcome: "failed", exitCode: code } });
});

test("a ticket that is none is an error of the agent, and nobody is asked", async () => {
  door = await gateway(usual);
  expect(await exec(settings(["true"], { ticket: "no.ticket" }))).toBe(125);
  expect(door.calls).toEqual([]);
});

test("an answer that takes longer than the timeout is dropped", async () => {
  door = await gateway(() => "hang");
  const answer = await httpDoor(door.url, { run: RUN, timeout: milliseconds(50) }).beat("the-token");
  expect(answer).toMatchObject({ kind: "unclear" });
});

test("a server that is not there is an unclear answer that says why", async () => {
  door = await gateway(usual);
  const answer = await httpDoor("http://127.0.0.1:1", { run: RUN, timeout: seconds(1) }).claim(TICKET, {});
  expect(answer).toMatchObject({ kind: "unclear", detail: expect.stringMatching(/fetch failed|bad port/) });
});

/** The front door and the run of one agent; several may run side by side. */
async function cutOff(
  behaviour: Behaviour,
  script: string,
  claimed = CLAIMED,
): Promise<{ code: number; lived: number; report: unknown }> {
  const own = await gateway((name) => (name === "beat" ? behaviour : name === "claim" ? claimed : usual(name)));
  try {
    const left = exec({ ...settings(sh(script)), url: own.url });
    await own.called("claim");
    const start = performance.now();
    await own.called("finish");
    const lived = performance.now() - start;
    return { code: await left, lived, report: own.calls.at(-1)?.body };
  } finally {
    await own.stop();
  }
}

// Side by side, because each takes most of a lease; eight doors and two, because a process has ten listeners to a signal.
describe.concurrent("a child that is cut off", () => {
  const forEver = BROKEN.filter(([name]) => !/^(answers 200|leads elsewhere)/.test(name));

  test("is stopped at our own deadline, however the front door is broken: TERM at 3.75 s of a lease of 5 s", async () => {
    const all = await Promise.all(forEver.map(([, behaviour]) => cutOff(behaviour, "exec sleep 600")));
    expect(all.length).toBe(8);
    for (const { code, lived, report } of all) {
      expect([code, report]).toEqual([80, { outcome: "interrupted", reason: "self-fenced" }]);
      expect(lived).toBeGreaterThan(3500);
      expect(lived).toBeLessThan(5000);
    }
  });

  test("and ignores the TERM is killed a margin before the lease is over, with what it has started", async () => {
    const { code, lived } = await cutOff("reset", 'trap "" TERM; sleep 600 & while :; do sleep 0.05; done');
    expect(code).toBe(80);
    expect(lived).toBeGreaterThan(4300);
    expect(lived).toBeLessThan(5000);
  });

  test("goes on where its owner has chosen so", async () => {
    const goingOn = json({ ...JSON.parse((CLAIMED as { body: string }).body), onCutOff: "continue" });
    const { code, report } = await cutOff("reset", "sleep 4.2; exit 7", goingOn);
    expect([code, report]).toEqual([7, { outcome: "failed", exitCode: 7 }]);
  });
});

test("what a child leaves in its group is gone before its end is reported", async () => {
  door = await gateway(usual);
  const file = join(folder, "left-behind");
  expect(await exec(settings(sh(`sleep 600 & echo $! > ${file}`)))).toBe(0);
  const pid = readFileSync(file, "utf8").trim();
  const state = (() => {
    try {
      return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
    } catch {
      return "gone";
    }
  })();
  expect(["gone", "Z", "X"]).toContain(state);
});

describe("a drain", () => {
  const DRAIN = json({ directive: "drain", reason: "spot-interruption", leaseSeconds: 5, nextBeatSeconds: 0.05 });

  test("lets what the child has started finish its work under beats", async () => {
    door = await gateway((name) => (name === "beat" ? DRAIN : usual(name)));
    const file = join(folder, "checkpoint");
    const worker = `sh -c 'trap "sleep 0.4; echo saved > ${file}; exit 0" TERM; while :; do sleep 0.05; done'`;
    expect(await exec(settings(sh(`${worker}; exit 5`)))).toBe(82);
    expect(readFileSync(file, "utf8")).toBe("saved\n");
    expect(door.calls.filter(({ name }) => name === "beat").length).toBeGreaterThan(3);
    expect(door.calls.at(-1)?.body).toEqual({
      outcome: "interrupted",
      reason: "spot-interruption",
      signal: "SIGTERM",
    });
  });

  test("ends with KILL when the time to drain is over; its exit code can be mapped", async () => {
    door = await gateway((name) => (name === "beat" ? DRAIN : usual(name)));
    const left = exec(
      settings(sh('trap "" TERM; while :; do sleep 0.05; done'), {
        drain: seconds(0.3),
        exitMap: new Map([[82, 137]]),
      }),
    );
    expect(await left).toBe(137);
    expect(door.calls.at(-1)?.body).toMatchObject({ outcome: "interrupted", signal: "SIGKILL" });
  });
});

test("of several front doors the next is tried when one fails", async () => {
  const broken = await gateway(() => json({ message: "Forbidden" }, 403));
  door = await gateway(usual);
  const left = exec(settings(sh("sleep 0.3"), { url: `${broken.url}, ${door.url}` }));
  await door.called("beat", 2);
  expect(await left).toBe(0);
  expect(broken.calls.map(({ name }) => name)).toEqual(["claim"]);
  await broken.stop();
});

test("the token of the cluster goes with every call, as it is by then", async () => {
  door = await gateway(usual);
  let asked = 0;
  const identity = () => {
    asked += 1;
    return `token-${asked}`;
  };
  const left = exec(settings(sh("sleep 0.2"), { identity }));
  expect(await left).toBe(0);
  expect(door.calls.length).toBeGreaterThan(2);
  expect(door.calls.map(({ identity: shown }) => shown)).toEqual(door.calls.map((_, n) => `Bearer token-${n + 1}`));
});

describe("a beat address that the reply to the claim names", () => {
  const naming = (url: string) => (name: string) => {
    if (name !== "claim") return usual(name);
    const { body } = usual(name) as { readonly body: string };
    return json({ ...(JSON.parse(body) as object), beatUrl: url });
  };

  test("gets the beats, and the front door everything else", async () => {
    const beats = await gateway(usual);
    door = await gateway(naming(beats.url));
    const left = exec(settings(sh("sleep 0.3"), { url: door.url }));
    await beats.called("beat", 2);
    expect(await left).toBe(0);
    expect(new Set(beats.calls.map(({ name }) => name))).toEqual(new Set(["beat"]));
    expect(door.calls.map(({ name }) => name)).toEqual(["claim", "finish"]);
    await beats.stop();
  });

  test("is left for the front door when it fails", async () => {
    const broken = await gateway(() => json({ message: "Forbidden" }, 403));
    door = await gateway(naming(broken.url));
    const left = exec(settings(sh("sleep 600"), { url: door.url }));
    await door.called("beat", 2);
    process.kill(process.pid, "SIGTERM");
    expect(await left).toBe(143);
    expect(broken.calls.length).toBeGreaterThan(0);
    await broken.stop();
  });
});

test("progress goes out with the beats, and the file is gone at the end", async () => {
  door = await gateway(usual);
  const script = 'echo \'{"value": 82, "of": 100, "note": "epoch 3"}\' > $LASTBEAT_PROGRESS_FILE; exec sleep 600';
  const left = exec(settings(sh(script), { stall: seconds(1.2) }));
  expect(await left).toBe(143);
  const beats = door.calls.filter(({ name }) => name === "beat").map(({ body }) => body);
  expect(beats.filter((body) => Object.keys(body as object).length > 0)).toEqual([
    { progress: { value: 82, of: 100, note: "epoch 3" } },
  ]);
  expect(door.calls.at(-1)?.body).toEqual({ outcome: "failed", reason: "stalled", signal: "SIGTERM" });
  expect(readdirSync(folder).filter((name) => name.endsWith(".progress"))).toEqual([]);
});

describe("a report", () => {
  const kept = () => readdirSync(folder).filter((name) => name.includes(".report.json"));

  test("is kept on disk, for us alone, before it is sent, and removed when it was answered", async () => {
    let seen: unknown[] = [];
    door = await gateway((name, before) => {
      if (name !== "finish" || before > 0) return usual(name);
      seen = kept().map((file) => {
        const path = join(folder, file);
        return [statSync(path).mode & 0o777, JSON.parse(readFileSync(path, "utf8"))];
      });
      return "reset";
    });
    expect(await exec(settings(sh("exit 3")))).toBe(3);
    const report = { outcome: "failed", exitCode: 3 };
    expect(seen).toEqual([[0o600, { url: door.url, run: RUN, token: "the-token", report }]]);
    expect(kept()).toEqual([]);
  });

  test("that an agent before left behind is delivered by the next one", async () => {
    door = await gateway(usual);
    const report = { outcome: "succeeded", exitCode: 0 };
    const token = `older.1.1.0.120000.k1.${"h".repeat(43)}`;
    const left = { url: door.url, run: "older", token, report };
    writeFileSync(join(folder, "older.report.json"), JSON.stringify(left));
    writeFileSync(join(folder, "garbled.report.json"), "{");
    const first = exec(settings(sh("exec sleep 600"), { stall: seconds(5) }));
    await door.called("finish");
    expect(door.calls.find(({ name }) => name === "finish")).toMatchObject({
      credential: `Bearer ${token}`,
      body: report,
    });
    // The agent that delivers has work of its own, which goes on; a drain ends it here.
    await door.called("beat", 2);
    process.emit("SIGTERM", "SIGTERM");
    expect(await first).toBe(143);
    expect(kept()).toEqual([]);
  });

  test("of an agent without a usable folder goes out all the same", async () => {
    door = await gateway(usual);
    const file = join(folder, "not-a-folder");
    writeFileSync(file, "");
    said.length = 0;
    expect(await exec(settings(sh('echo 1 > "$LASTBEAT_PROGRESS_FILE"'), { stateFolder: join(file, "x") }))).toBe(0);
    expect(said.join("\n")).toContain("cannot be used, so nothing is kept there");
  });
});

test("a SIGTERM is passed on and told to the service, once", async () => {
  door = await gateway((name) => (name === "notice" ? json({}, 202) : usual(name)));
  const left = exec(settings(sh('trap "sleep 0.2; exit 143" TERM; while :; do sleep 0.02; done')));
  await door.called("beat");
  process.emit("SIGTERM", "SIGTERM");
  await door.called("notice");
  process.emit("SIGTERM", "SIGTERM");
  expect(await left).toBe(143);
  expect(door.calls.filter(({ name }) => name === "notice")).toMatchObject([
    { credential: "Bearer the-token", body: { kind: "sigterm", at: expect.stringMatching(/^20.*Z$/) } },
  ]);
});

test("the end goes to the termination log too", async () => {
  door = await gateway((name) => (name === "finish" ? json({ state: "queued" }) : usual(name)));
  const terminationLog = join(folder, "termination-log");
  await exec(settings(sh("exit 3"), { terminationLog, exitMap: new Map([[3, 30]]) }));
  expect(readFileSync(terminationLog, "utf8")).toBe(
    '{"lastbeat":{"run":"etl","attempt":1,"fence":1795305600,"outcome":"failed","exitCode":30}}\n',
  );
  await exec(settings(["true"], { terminationLog: join(folder, "no", "such", "folder") }));
});
