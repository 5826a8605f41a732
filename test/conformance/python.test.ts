import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test as every, expect } from "vitest";
import {
  BIN,
  lastbeat,
  type Program,
  post,
  record,
  recordWhen,
  register,
  type Server,
  server,
  stop,
} from "../e2e/processes.ts";
import { hasPython, PYTHON } from "./agents.ts";
import { claimsOnly, metadataOfReclaimed } from "./stand-ins.ts";
import { noted, until } from "./table.ts";

const SOURCE = fileURLToPath(new URL("../../agents/python/src", import.meta.url));
const WORK = fileURLToPath(new URL("work.py", import.meta.url));

const why = hasPython ? "" : " (skipped: npm run agents makes its environment)";

const test = noted("python");

/** What `lastbeat exec` does for a command, work in a Python process does for itself. */
describe.skipIf(!hasPython)(`the agent in Python${why}`, () => {
  let dev: Server;
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-python-"));
  const started: Program[] = [];
  beforeAll(async () => {
    dev = await server();
  });
  afterAll(async () => {
    for (const { child } of started) child.kill("SIGKILL");
    await stop(dev);
    rmSync(folder, { recursive: true });
  });

  /** The state folder of a test whose reports are counted. */
  const ownFolder = (name: string): string => join(folder, name);
  const workAt = (url: string, ticket: string, args: readonly string[], more: Record<string, string> = {}): Program => {
    const where = { LASTBEAT_STATE_DIR: folder, LASTBEAT_HOST: "i-0e2e", PYTHONPATH: SOURCE };
    const around = { ...where, LASTBEAT_URL: url, LASTBEAT_TICKET: ticket, ...more };
    const program = lastbeat(args, around, [PYTHON, WORK]);
    started.push(program);
    return program;
  };
  const work = (ticket: string, ...args: readonly string[]): Program => workAt(dev.info.api, ticket, args);
  const keptIn = (state: string): readonly string[] =>
    existsSync(state) ? readdirSync(state).filter((name) => name.endsWith(".report.json")) : [];

  every.each([
    ["a block that ends", ["end"], 0, "succeeded", { exitCode: 0 }],
    ["an exit with 0", ["exit", "0"], 0, "succeeded", { exitCode: 0 }],
    ["an exit with 3", ["exit", "3"], 3, "failed", { exitCode: 3 }],
    ["an exception", ["raise"], 1, "failed", { message: expect.stringMatching(/ValueError: the input is no number$/) }],
  ])("%s is its outcome", async (name, args, code, outcome, report) => {
    const run = name.replaceAll(" ", "-");
    expect(await work(await register(dev, run), ...args).left).toBe(code);
    expect(await record(dev, run)).toMatchObject({ outcome, attempts: [report] });
  });

  test("the work knows its run, attempt and fence", async () => {
    const ticket = await register(dev, "facts");
    const program = work(ticket, "end");
    expect(await program.left).toBe(0);
    const { fence } = await record(dev, "facts");
    expect(program.lines).toContain(`works ${program.pid} facts 1 ${fence - 1}`); // it rose when the attempt ended
    expect([...program.lines, ...program.errors].join("\n")).not.toContain(ticket);
  });

  test("a SIGTERM is an interruption, and leaves with 143", async () => {
    const program = work(await register(dev, "terminated"), "heed");
    await program.line(/works/);
    program.child.kill("SIGTERM");
    expect(await program.left).toBe(143);
    expect(await record(dev, "terminated")).toMatchObject({
      state: "queued",
      attempts: [{ cause: "interrupted", reason: "sigterm" }],
    });
  });

  test("of two with one ticket the second is refused, and does no work", async () => {
    const ticket = await register(dev, "twins");
    const first = work(ticket, "heed");
    await first.line(/works/);
    const second = work(ticket, "end");
    expect(await second.left).toBe(1);
    expect(second.lines).toEqual([]);
    expect(second.errors.at(-1)).toContain("NotOurs: not started: held-by-another");
    first.child.kill("SIGTERM");
    await first.left;
  });

  test("work of a canceled run ends, also when it does not heed that", async () => {
    const program = work(await register(dev, "stubborn", { leaseSeconds: 5 }), "deaf");
    await program.line(/works/);
    await post(dev, "/v1/runs/stubborn/cancel");
    expect(await program.left).toBe(81);
    expect(await recordWhen(dev, "stubborn", ({ state }) => state === "ended")).toMatchObject({ outcome: "canceled" });
  });

  test("it waits for a server that is not there yet, and a signal ends the wait", async () => {
    const program = workAt("http://127.0.0.1:1", await register(dev, "early"), ["end"]);
    await program.line(/claim: /);
    program.child.kill("SIGTERM");
    expect(await program.left).toBe(143);
    expect(program.lines).toEqual([]);
  });

  test("a run whose agent and work are killed is lost after its lease, and comes back", async () => {
    const ticket = await register(dev, "vanished", { leaseSeconds: 5, backoff: { baseSeconds: 0 } });
    const program = work(ticket, "deaf");
    await program.line(/works/);
    program.child.kill("SIGKILL");
    const lost = await recordWhen(dev, "vanished", ({ state }) => state === "queued");
    expect(lost).toMatchObject({ attempt: 2, attempts: [{ cause: "lost", charged: "losses" }] });
  });

  test("agent and work that were frozen for longer than the lease end at once on wake", async () => {
    const program = work(await register(dev, "frozen", { leaseSeconds: 5 }), "deaf");
    await program.line(/works/);
    program.child.kill("SIGSTOP");
    await recordWhen(dev, "frozen", ({ state }) => state !== "running");
    const woken = performance.now();
    program.child.kill("SIGCONT");
    // By the heart, or by the watchdog of CPython, which is awake at the same moment.
    expect([80, 1]).toContain(await program.left);
    expect(performance.now() - woken).toBeLessThan(4000);
  });

  test("a cut-off process ends before its lease, and the agent in Node delivers its report", async () => {
    const own = await server();
    const LASTBEAT_STATE_DIR = ownFolder("cut-off");
    const ticket = await register(own, "cut-off", { leaseSeconds: 5 });
    const program = workAt(own.info.api, ticket, ["deaf"], { LASTBEAT_STATE_DIR });
    await program.line(/works/);
    own.program.child.kill("SIGSTOP");
    const stopped = performance.now();
    expect(await program.left).toBe(80);
    expect(performance.now() - stopped).toBeLessThan(5000);
    expect(keptIn(LASTBEAT_STATE_DIR)).toHaveLength(1);
    own.program.child.kill("SIGCONT");
    const next = lastbeat(
      ["exec", "--", "sleep", "1"],
      { LASTBEAT_STATE_DIR, LASTBEAT_URL: own.info.api, LASTBEAT_TICKET: await register(own, "next") },
      [process.execPath, BIN],
    );
    await next.left;
    expect(keptIn(LASTBEAT_STATE_DIR)).toEqual([]);
    const { attempts } = await recordWhen(own, "cut-off", ({ attempts: all }) => all[0]?.endedAt !== undefined);
    expect(attempts).toMatchObject([{ reason: "self-fenced" }]);
    await stop(own);
  });

  test("it delivers the reports that other agents have left", async () => {
    const ticket = await register(dev, "undelivered");
    const door = await claimsOnly(dev);
    const LASTBEAT_URL = `http://127.0.0.1:${door.port},http://localhost:1,${dev.info.api}`;
    const LASTBEAT_STATE_DIR = ownFolder("undelivered");
    const first = lastbeat(["exec", "--", "sh", "-c", "exit 3"], {
      LASTBEAT_STATE_DIR,
      LASTBEAT_URL,
      LASTBEAT_TICKET: ticket,
    });
    await first.line(/finish: .*status 502/);
    expect(await until(() => keptIn(LASTBEAT_STATE_DIR).length === 1)).toBe(true);
    first.child.kill("SIGKILL");
    await first.left;
    await workAt(dev.info.api, await register(dev, "deliverer"), ["sleep", "2"], { LASTBEAT_STATE_DIR }).left;
    door.close();
    expect(await record(dev, "undelivered")).toMatchObject({ state: "ended", attempts: [{ exitCode: 3 }] });
    expect(keptIn(LASTBEAT_STATE_DIR)).toEqual([]);
  });

  test("a spot notice of the instance metadata is heeded at once", async () => {
    const metadata = await metadataOfReclaimed();
    const program = workAt(dev.info.api, await register(dev, "reclaimed"), ["heed"], {
      LASTBEAT_IMDS_URL: `http://127.0.0.1:${metadata.port}`,
    });
    expect(await program.left).toBe(82);
    metadata.close();
    expect(await record(dev, "reclaimed")).toMatchObject({
      attempts: [{ cause: "interrupted", reason: "spot-interruption" }],
    });
  });

  test("a ticket that is none is an error that says what to do", async () => {
    const program = workAt(dev.info.api, "garbled", ["end"]);
    expect(await program.left).toBe(1);
    expect(program.errors.at(-1)).toContain("take it from the registration or from the requeue message");
  });
});
