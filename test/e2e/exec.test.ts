import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agent, lastbeat, post, record, recordWhen, register, type Server, server, stop } from "./processes.ts";

let dev: Server;
beforeAll(async () => {
  dev = await server();
});
afterAll(() => stop(dev));

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
  test.each([
    ["0", "exit 0", 0, "succeeded", { exitCode: 0 }],
    ["3", "exit 3", 3, "failed", { exitCode: 3 }],
    ["128 + 9 when it was killed", "kill -9 $$", 137, "failed", { signal: "SIGKILL" }],
  ])("%s", async (name, script, code, outcome, report) => {
    const run = `exit-${code}`;
    expect(await agent(dev, await register(dev, run), "sh", "-c", script).left, name).toBe(code);
    expect(await record(dev, run)).toMatchObject({ outcome, attempts: [report] });
  });

  test("127 when there is no such command, 126 when it cannot be executed; both are crashes", async () => {
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
      attempts: [{ cause: "crashed", exitCode: 127 }],
    });
    expect(await record(dev, "not-executable")).toMatchObject({ outcome: "failed", attempts: [{ exitCode: 126 }] });
  });
});

test("the command knows its run, attempt and fence, and not the ticket", async () => {
  const ticket = await register(dev, "environment");
  const child = agent(dev, ticket, "env");
  expect(await child.left).toBe(0);
  const { fence } = await record(dev, "environment");
  expect(child.lines).toContain("LASTBEAT_RUN_ID=environment");
  expect(child.lines).toContain("LASTBEAT_ATTEMPT=1");
  expect(child.lines).toContain(`LASTBEAT_FENCE=${fence - 1}`); // it rose when the attempt ended
  expect([...child.lines, ...child.errors].join("\n")).not.toContain(ticket);
});

test("a SIGTERM reaches the whole group, and the attempt was interrupted", async () => {
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

test("a second agent with the same environment is refused, and its command never runs", async () => {
  const ticket = await register(dev, "twins");
  const first = agent(dev, ticket, "sh", "-c", "echo first; read wait < /dev/zero || sleep 600");
  await first.line(/first/);
  const second = agent(dev, ticket, "echo", "second");
  expect(await second.left).toBe(81);
  expect(second.lines).toEqual([]);
  first.child.kill("SIGTERM");
  await first.left;
});

test("a canceled run stops its command, with KILL when it does not heed the TERM", async () => {
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

test("an agent waits for a server that is not there yet, and a signal ends the wait", async () => {
  const ticket = await register(dev, "early");
  const waiting = lastbeat(["exec", "--url", "http://127.0.0.1:1", "--", "true"], { LASTBEAT_TICKET: ticket });
  await waiting.line(/claim: /);
  waiting.child.kill("SIGTERM");
  expect(await waiting.left).toBe(143);
});

test("a ticket that is none, or no ticket, or no command, is an error that says what to do", async () => {
  const without = lastbeat(["exec", "--", "true"], { LASTBEAT_TICKET: "" });
  expect(await without.left).toBe(2);
  expect(without.errors.join()).toContain("set LASTBEAT_TICKET");
  expect(await lastbeat(["exec", "--", "true"], { LASTBEAT_TICKET: "garbled" }).left).toBe(125);
  expect(await lastbeat(["exec", "true"], { LASTBEAT_TICKET: "x" }).left).toBe(2);
});

test("a run whose agent and command are killed is lost after its lease, and comes back", async () => {
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
