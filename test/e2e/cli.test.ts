import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agent, BIN, lastbeat, post, recordWhen, register, type Server, server, stop } from "./processes.ts";

let dev: Server;
beforeAll(async () => {
  dev = await server();
});
afterAll(() => stop(dev));

/** What a command printed, and how it left. */
async function said(...args: string[]): Promise<{ code: number | string; text: string; errors: string }> {
  const program = lastbeat(args, { LASTBEAT_URL: dev.info.api });
  const code = await program.left;
  return { code, text: program.lines.join("\n"), errors: program.errors.join("\n") };
}

test("a run is registered, run, listed and shown from the command line, in 80 columns", async () => {
  const { text: ticket } = await said("register", "etl-1", "--ticket", "--label", "team=ml", "--crashes", "1");
  await agent(dev, ticket, "sh", "-c", "exit 3").left;
  const { text } = await said("show", "etl-1");
  expect(text).toContain("crashed, charged to crashes (exit code 3)");
  expect(text).toContain("labels team=ml");
  expect(text).toContain("crashes 1/1");
  const { text: listed } = await said("runs");
  expect(listed).toMatch(/^RUN +STATE +TRY +BEAT +HOST +WHAT$/m);
  expect(listed).toContain("etl-1");
  for (const line of [...listed.split("\n"), ...text.split("\n")]) expect(line.length).toBeLessThanOrEqual(80);
});

test("--json gives what the API gave", async () => {
  await register(dev, "as-json");
  const { text } = await said("show", "as-json", "--json");
  expect(JSON.parse(text)).toMatchObject({ run: "as-json", state: "queued", attempt: 1 });
});

test("a run is canceled and found among the ended ones", async () => {
  await register(dev, "unwanted");
  expect(await said("cancel", "unwanted", "--reason", "wrong day")).toMatchObject({
    code: 0,
    text: "unwanted is canceled",
  });
  expect((await said("runs", "--ended")).text).toMatch(/unwanted +ended +1 +canceled/);
});

test("a requeue of an attempt that has passed is refused with what is current", async () => {
  await register(dev, "again");
  await post(dev, "/v1/runs/again/requeue");
  const { code, errors } = await said("requeue", "again", "--attempt", "7");
  expect(code).toBe(1);
  expect(errors).toContain("attempt 1");
});

test.each([
  [["show", "nobody"], 1, "there is no run nobody"],
  [["show"], 2, "RUN is missing: lastbeat show RUN"],
  [["show", "a", "b"], 2, "one word too many"],
  [["constructor"], 2, 'no command "constructor"'],
  [["help", "__proto__"], 2, 'no command "__proto__"'],
  [["help", "nosuch"], 2, 'no command "nosuch"'],
  [["runs", "--limit", "0"], 2, "--limit takes a whole number"],
  [["runs", "--url", "nowhere"], 2, "is not an address: write http:// or https:// before it"],
  [["drill", "fire", "i-0123456789abcdef0"], 2, "spot, rebalance, terminated"],
  [["drill", "spot", "a-node"], 2, "lastbeat drain"],
  [["completion", "cmd"], 2, "bash, zsh, fish"],
  [["nonsense"], 2, 'no command "nonsense"'],
  [["register", "x", "--lease", "long"], 2, "--lease takes a time such as 60, 60s, 5m or 2h"],
  [["register", "x", "--leese", "60"], 2, "there is no option --leese; did you mean --lease?"],
  [["shwo", "x"], 2, 'there is no command "shwo"; did you mean show?'],
  [["help", "sohw"], 2, 'there is no command "sohw"; did you mean show?'],
  [["drain"], 2, "lastbeat drain --help describes it"],
  [["quux"], 2, 'there is no command "quux"\nlastbeat --help lists the commands.'],
  [["register", "x", "--lease", "1"], 1, "--lease: must be at least 5"],
  [["register", "x", "--label", "team"], 2, "KEY=VALUE"],
  [["register", "x", "--colour", "red"], 2, "--colour"],
  [["runs", "--url", "http://127.0.0.1:1"], 1, "lastbeat dev"],
  [["dev", "--port", "eight"], 2, "--port takes a whole number"],
])("%j is refused with what to do", async (args, code, error) => {
  const answer = await said(...args);
  expect(answer.code).toBe(code);
  expect(answer.errors).toContain(error);
  expect(answer.errors).not.toContain("    at "); // no stack
});

test("every command has its help, in 90 columns", async () => {
  for (const command of [
    "exec",
    "register",
    "runs",
    "show",
    "watch",
    "cancel",
    "requeue",
    "drain",
    "drill",
    "dev",
    "completion",
  ]) {
    const { code, text } = await said(command, "--help");
    expect(code).toBe(0);
    expect(text).toContain(`lastbeat ${command}`);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(90);
  }
});

test("flags go before what a file says, labels and budgets one by one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-spec-"));
  const file = join(folder, "spec.json");
  writeFileSync(file, '{"leaseSeconds": 60, "labels": {"a": "1", "b": "2"}, "budgets": {"attempts": 3}}');
  await said("register", "merged", "--spec", file, "--lease", "30", "--label", "b=3", "--crashes", "1");
  rmSync(folder, { recursive: true });
  const { spec } = JSON.parse((await said("show", "merged", "--json")).text) as { spec: unknown };
  expect(spec).toMatchObject({ leaseSeconds: 30, labels: { a: "1", b: "3" }, budgets: { crashes: 1 } });
});

test("nothing that a run says reaches the terminal as a command", async () => {
  await register(dev, "hostile", { labels: { title: "\u001b]0;owned\u0007\u009b2J" } });
  for (const args of [
    ["show", "hostile"],
    ["show", "hostile", "--json"],
  ]) {
    const { text } = await said(...args);
    expect(text).toContain("owned");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  }
});

test("a list says that there is more, and goes on at its cursor; a long id is printed whole", async () => {
  const long = `long-${"x".repeat(100)}`;
  await register(dev, long);
  await register(dev, "another");
  expect((await said("runs", "--limit", "1")).text).toContain("and more: --limit N");
  const { cursor } = JSON.parse((await said("runs", "--limit", "1", "--json")).text) as { cursor: string };
  expect((await said("runs", "--cursor", cursor)).code).toBe(0);
  expect((await said("runs")).text).toContain(long);
});

test("a reader that has seen enough is no failure, and a repeated cancel neither", async () => {
  const command = `"${process.execPath}" bin.mjs runs --json --url ${dev.info.api}`;
  const script = `set -o pipefail; ${command} | head -c 1 2>&1; echo " $?"`;
  expect(execFileSync("bash", ["-c", script], { encoding: "utf8" }).trim()).toBe("{ 0");
  await register(dev, "twice");
  await said("cancel", "twice");
  expect(await said("cancel", "twice")).toMatchObject({ code: 0 });
  expect(await said("register", "twice", "--ticket")).toMatchObject({
    code: 1,
    errors: expect.not.stringContaining("--help"),
  });
});

test("a drill of a spot reclaim drains the attempt, and the timeline says that it was one", async () => {
  const host = "i-0123456789abcdef0";
  const ticket = await register(dev, "drilled");
  const runner = lastbeat(["exec", "--", "sh", "-c", "trap 'exit 143' TERM; echo up; sleep 60 & wait"], {
    LASTBEAT_URL: dev.info.api,
    LASTBEAT_TICKET: ticket,
    LASTBEAT_HOST: host,
  });
  await runner.line(/up/);
  expect((await said("drill", "spot", host)).text).toContain("on it: drilled");
  await recordWhen(dev, "drilled", ({ state }) => state === "leaving" || state === "queued");
  runner.child.kill("SIGTERM");
  await runner.left;
  await recordWhen(dev, "drilled", ({ state }) => state === "queued");
  const { text } = await said("show", "drilled");
  expect(text).toContain("spot-interruption, says lastbeat.drill: a drill");
  expect(text).toContain("charged to interruptions");
  expect(await said("drain", "a-node", "--deadline", "60", "--reason", "patches")).toMatchObject({
    code: 0,
    text: expect.stringContaining("no attempt is there now, and new claims there wait until then"),
  });
});

test("a watch goes on while nobody answers, and ends cleanly when it is told to", async () => {
  const own = await server();
  const watching = lastbeat(["watch", "--interval", "0.1", "--url", own.info.api]);
  await watching.line(/0 live runs/);
  await stop(own);
  await watching.line(/no answer for/);
  watching.child.kill("SIGINT");
  expect(await watching.left).toBe(0);
});

/** util-linux's `script` gives a command a terminal; another one takes other arguments. */
const hasTerminal = String(spawnSync("script", ["--version"]).stdout ?? "").includes("util-linux");

test.skipIf(!hasTerminal)("watch draws its table in place on a terminal, and gives the terminal back", async () => {
  await register(dev, "watched");
  const command = `LASTBEAT_URL=${dev.info.api} ${process.execPath} ${BIN} watch --interval 1`;
  const terminal = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "ignore"] });
  let seen = "";
  await new Promise<void>((resolve, reject) => {
    terminal.once("error", reject);
    terminal.once("exit", () => reject(new Error(`watch ended with ${seen}`)));
    terminal.stdout.on("data", (text) => {
      seen += String(text);
      if (seen.includes("watched")) resolve();
    });
  });
  terminal.removeAllListeners("exit");
  const left = once(terminal, "close");
  terminal.stdin.write("\u0003"); // Ctrl-C, as the terminal passes it on
  await left;
  expect(seen).toContain("\u001b[?1049h"); // the alternate screen, and back
  expect(seen.endsWith("\u001b[?1049l")).toBe(true);
});

test("a shell completes the options and values that the help lists", async () => {
  const { text } = await said("completion", "bash");
  const script = `${text}
COMP_WORDS=(lastbeat register --start d); COMP_CWORD=3; _lastbeat; echo "\${COMPREPLY[@]}"
COMP_WORDS=(lastbeat drill s); COMP_CWORD=2; _lastbeat; echo "\${COMPREPLY[@]}"`;
  expect(execFileSync("bash", ["-c", script], { encoding: "utf8" })).toBe("dispatch\nspot\n");
  for (const shell of ["zsh", "fish"]) expect((await said("completion", shell)).text).toContain("interruptions");
});
