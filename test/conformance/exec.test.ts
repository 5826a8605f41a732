import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test as every, expect } from "vitest";
import {
  agentBy,
  lastbeat as lastbeatBy,
  type Program,
  post,
  record,
  recordWhen,
  register,
  type Server,
} from "../e2e/processes.ts";
import { AGENTS } from "./agents.ts";
import { withServer } from "./embedded.ts";
import { claimsOnly, metadataOfReclaimed } from "./stand-ins.ts";
import { noted, runs, until } from "./table.ts";

describe.each(AGENTS)("the agent in $name", ({ name: agentName, program }) => {
  const test = noted(agentName);
  const agent = (of: Server, ticket: string, ...command: readonly string[]): Program =>
    agentBy(program, of, ticket, ...command);
  const lastbeat = (args: readonly string[], environment: Record<string, string> = {}): Program =>
    lastbeatBy(args, environment, program);
  let dev: Server;
  const folder = withServer("lastbeat-e2e-", (started) => {
    dev = started;
  });

  const isGone = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  };

  /** Looks again until the process is gone: its parent reaps it in its own time. */
  async function gone(pid: number): Promise<void> {
    while (!isGone(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  describe("the exit code is the command's own", () => {
    every.each([
      ["0", "exit 0", 0, "succeeded", { exitCode: 0 }],
      ["3", "exit 3", 3, "failed", { exitCode: 3 }],
      ["128 + 9 when it was killed", "kill -9 $$", 137, "failed", { signal: "SIGKILL" }],
    ])("%s", async (name, script, code, outcome, report) => {
      const run = `exit-${code}`;
      expect(await agent(dev, await register(dev, run), "sh", "-c", script).left, name).toBe(code);
      expect(await record(dev, run)).toMatchObject({ outcome, attempts: [report] });
    });

    test("127 when there is no such command, 126 when it cannot be executed; both are charged as crashes", async () => {
      expect(await agent(dev, await register(dev, "not-found"), "no-such-command-anywhere").left).toBe(127);
      expect(
        await agent(
          dev,
          await register(dev, "not-executable"),
          fileURLToPath(new URL("../../package.json", import.meta.url)),
        ).left,
      ).toBe(126);
      expect(await record(dev, "not-found")).toMatchObject({
        outcome: "failed",
        attempts: [{ cause: "unstartable", charged: "crashes", exitCode: 127 }],
      });
      expect(await record(dev, "not-executable")).toMatchObject({ outcome: "failed", attempts: [{ exitCode: 126 }] });
    });
  });

  test("the work knows its run, attempt and fence", async () => {
    const ticket = await register(dev, "environment");
    const child = agent(dev, ticket, "env");
    expect(await child.left).toBe(0);
    const { fence } = await record(dev, "environment");
    expect(child.lines).toContain("LASTBEAT_RUN_ID=environment");
    expect(child.lines).toContain("LASTBEAT_ATTEMPT=1");
    expect(child.lines).toContain(`LASTBEAT_FENCE=${fence - 1}`); // it rose when the attempt ended
    expect([...child.lines, ...child.errors].join("\n")).not.toContain(ticket);
  });

  test("a SIGTERM is an interruption, and leaves with 143", async () => {
    const child = agent(dev, await register(dev, "terminated"), "sh", "-c", 'sleep 600 & echo "grandchild $!"; wait');
    const [, grandchild] = await child.line(/grandchild (\d+)/);
    child.child.kill("SIGTERM");
    expect(await child.left).toBe(143);
    await gone(Number(grandchild));
    const { attempts, state } = await record(dev, "terminated");
    expect({ state, attempts }).toMatchObject({
      state: "queued",
      attempts: [{ cause: "interrupted", reason: "sigterm" }],
    });
  });

  test("of two with one ticket the second is refused, and does no work", async () => {
    const ticket = await register(dev, "twins");
    const first = agent(dev, ticket, "sh", "-c", "echo first; read wait < /dev/zero || sleep 600");
    await first.line(/first/);
    const second = agent(dev, ticket, "echo", "second");
    expect(await second.left).toBe(81);
    expect(second.lines).toEqual([]);
    first.child.kill("SIGTERM");
    await first.left;
  });

  test("work of a canceled run ends, also when it does not heed that", async () => {
    const child = agent(
      dev,
      await register(dev, "stubborn", { leaseSeconds: 5 }),
      "sh",
      "-c",
      'trap "" TERM; echo "pid $$"; while :; do sleep 0.1; done',
    );
    const [, pid] = await child.line(/pid (\d+)/);
    await post(dev, "/v1/runs/stubborn/cancel");
    expect(await child.left).toBe(81);
    await gone(Number(pid));
    expect(await recordWhen(dev, "stubborn", ({ state }) => state === "ended")).toMatchObject({ outcome: "canceled" });
  });

  test("it waits for a server that is not there yet, and a signal ends the wait", async () => {
    const ticket = await register(dev, "early");
    const waiting = lastbeat(["exec", "--url", "http://127.0.0.1:1", "--", "true"], { LASTBEAT_TICKET: ticket });
    await waiting.line(/claim: /);
    waiting.child.kill("SIGTERM");
    expect(await waiting.left).toBe(143);
  });

  test("a ticket that is none is an error that says what to do", async () => {
    const without = lastbeat(["exec", "--", "true"], { LASTBEAT_TICKET: "" });
    expect(await without.left).toBe(2);
    expect(without.errors.join()).toContain("set LASTBEAT_TICKET");
    expect(await lastbeat(["exec", "--", "true"], { LASTBEAT_TICKET: "garbled" }).left).toBe(125);
    expect(await lastbeat(["exec", "true"], { LASTBEAT_TICKET: "x" }).left).toBe(2);
  });

  test("a run whose agent and work are killed is lost after its lease, and comes back", async () => {
    const ticket = await register(dev, "vanished", { leaseSeconds: 5, backoff: { baseSeconds: 0 } });
    const child = agent(dev, ticket, "sh", "-c", 'echo "pid $$"; exec sleep 600');
    const [, pid] = await child.line(/pid (\d+)/);
    child.child.kill("SIGKILL");
    process.kill(-Number(pid), "SIGKILL");
    const lost = await recordWhen(dev, "vanished", ({ state }) => state === "queued");
    expect(lost).toMatchObject({ attempt: 2, attempts: [{ cause: "lost", charged: "losses" }] });
    const [first] = lost.attempts;
    const silence = Date.parse(first?.endedAt ?? "") - Date.parse(first?.lastBeatAt ?? "");
    expect(silence).toBeGreaterThanOrEqual(5000);
  });

  test("an agent that was frozen for longer than its lease kills its command at once on wake, and reports", async () => {
    const ticket = await register(dev, "frozen", { leaseSeconds: 5 });
    const log = join(folder, "frozen-termination-log");
    const child = lastbeat(
      ["exec", "--", "sh", "-c", 'trap "echo got TERM" TERM; echo "pid $$"; while :; do sleep 0.1; done'],
      { LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket, LASTBEAT_TERMINATION_LOG: log },
    );
    const [, pid] = await child.line(/pid (\d+)/);
    child.child.kill("SIGSTOP");
    await recordWhen(dev, "frozen", ({ state }) => state !== "running");
    // The watcher of the binary ends it in time. In Node it works on until the agent wakes.
    expect(runs(Number(pid))).toBe(agentName === "node");
    const woken = performance.now();
    child.child.kill("SIGCONT");
    await gone(Number(pid));
    expect(performance.now() - woken).toBeLessThan(4000);
    expect(await child.left).toBe(80);
    expect(child.lines).not.toContain("got TERM");
    expect(child.errors.join("\n")).toContain("the end came too late: superseded");
    expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({
      lastbeat: { run: "frozen", attempt: 1, outcome: "interrupted", reason: "self-fenced", exitCode: 80 },
    });
  });

  test("it delivers the reports that other agents have left", async () => {
    const ticket = await register(dev, "undelivered");
    const door = await claimsOnly(dev);
    const kept = () => readdirSync(folder).filter((name) => name.endsWith(".report.json"));
    // The agent is killed before it has tried the third; the next agent does.
    const LASTBEAT_URL = `http://127.0.0.1:${door.port},http://localhost:1,${dev.info.api}`;
    const first = lastbeat(["exec", "--", "sh", "-c", "exit 3"], { LASTBEAT_URL, LASTBEAT_TICKET: ticket });
    await first.line(/finish: .*status 502/);
    expect(await until(() => kept().length === 1)).toBe(true);
    first.child.kill("SIGKILL");
    await first.left;
    expect((await record(dev, "undelivered")).state).toBe("running");
    await agent(dev, await register(dev, "deliverer"), "sleep", "2").left;
    door.close();
    expect(await record(dev, "undelivered")).toMatchObject({ state: "ended", attempts: [{ exitCode: 3 }] });
    expect(kept()).toEqual([]);
  });

  test("a spot notice of the instance metadata is heeded at once", async () => {
    const metadata = await metadataOfReclaimed();
    const ticket = await register(dev, "reclaimed");
    const child = lastbeat(["exec", "--exit-map", "82=137", "--", "sleep", "600"], {
      LASTBEAT_URL: dev.info.api,
      LASTBEAT_TICKET: ticket,
      LASTBEAT_IMDS_URL: `http://127.0.0.1:${metadata.port}`,
    });
    expect(await child.left).toBe(137);
    metadata.close();
    expect(await record(dev, "reclaimed")).toMatchObject({
      attempts: [{ cause: "interrupted", reason: "spot-interruption", signal: "SIGTERM" }],
    });
  });

  every.each([
    [["--stall", "soon"], "--stall (LASTBEAT_STALL) takes a time"],
    [["--drain-seconds", "0"], "--drain-seconds (LASTBEAT_DRAIN_SECONDS) takes a time"],
    [["--exit-map", "80=x"], "--exit-map (LASTBEAT_EXIT_MAP) takes pairs of exit codes such as 80=137"],
    [["--imds", "on"], "--imds (LASTBEAT_IMDS) is auto or off"],
    [["--url", "nowhere"], '"nowhere" is not an address: write http:// or https:// before it'],
  ])("%j is refused, with what would be understood", async (flags, says) => {
    const refused = lastbeat(["exec", ...flags, "--", "true"], { LASTBEAT_TICKET: "x" });
    expect(await refused.left).toBe(2);
    expect(refused.errors.join()).toContain(says);
  });
});
