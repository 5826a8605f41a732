import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dev, startDev } from "../../dev/dev.ts";
import { freePort } from "../free-port.ts";
import { lastbeat } from "./processes.ts";

/** What a reader of the README pastes, with the port of this test in the place of the usual one. */
const ROOT = join(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const FILE = join(ROOT, `consumer-${process.pid}.mjs`);

const blockOf = (language: string): string =>
  new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(README.slice(README.indexOf("## Use it")))?.[1] ?? "";

let dev: Dev;
beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 1, log: { write: () => {} } });
});
afterAll(async () => {
  await dev.stop();
  rmSync(FILE, { force: true });
});

test("the consumer of the README starts the next attempt of a run whose agent was killed", async () => {
  const source = blockOf("js");
  expect(source.trim().split("\n").length).toBeLessThanOrEqual(14);
  writeFileSync(FILE, source.replace("http://127.0.0.1:8787", dev.info.api));
  const environment = { ...process.env, LASTBEAT_URL: dev.info.api, LASTBEAT_IMDS: "off" };
  const consumer = spawn(process.execPath, [FILE], { cwd: ROOT, env: environment, stdio: "ignore" });
  try {
    const ask = (...args: readonly string[]) => lastbeat([...args, "--url", dev.info.api]);
    const registered = ask("register", "readme", "--lease", "5", "--ticket");
    expect(await registered.left).toBe(0);
    const agent = lastbeat(["exec", "--url", dev.info.api, "--", "sh", "-c", "echo up $$; exec sleep 600"], {
      LASTBEAT_TICKET: String(registered.lines.at(-1)),
      LASTBEAT_IMDS: "off",
    });
    const [, child] = await agent.line(/^up (\d+)$/);
    for (const pid of [agent.pid, Number(child)]) process.kill(pid, "SIGKILL");
    const until = Date.now() + 60_000;
    for (;;) {
      const shown = ask("show", "readme", "--json");
      await shown.left;
      const { state, outcome, attempt } = JSON.parse(shown.lines.join("\n")) as Readonly<Record<string, unknown>>;
      if (state === "ended") {
        expect([outcome, attempt]).toEqual(["succeeded", 2]);
        return;
      }
      if (Date.now() > until) throw new Error(`the run is ${state} after a minute`);
    }
  } finally {
    consumer.kill();
  }
}, 90_000);

test("the commands of the README work as they are pasted, in one go", async () => {
  const port = await freePort();
  const lines = blockOf("sh").trim().split("\n");
  expect(lines).toHaveLength(5);
  const here = `http://127.0.0.1:${port}`;
  const script = [
    `export LASTBEAT_URL=${here} LASTBEAT_IMDS=off`,
    ...lines.map((line) => line.replace("./bin.mjs dev &", `./bin.mjs dev --port ${port} & server=$!`)),
    "kill $server",
  ].join("\n");
  const bash = spawn("bash", ["-eu", "-c", script], { cwd: ROOT });
  let said = "";
  bash.stdout.on("data", (text) => (said += String(text)));
  bash.stderr.on("data", (text) => (said += String(text)));
  const code = await new Promise((resolve) => bash.on("close", resolve));
  expect([code, said]).toEqual([0, expect.stringContaining("etl-1  ended: attempt 1, succeeded")]);
}, 60_000);
