import { lookup } from "node:dns/promises";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { agentBy, lastbeat, type Program, post, record, recordWhen, register, type Server } from "../e2e/processes.ts";
import { AGENTS } from "./agents.ts";
import { withServer } from "./embedded.ts";
import { frontDoor } from "./stand-ins.ts";
import { behaviour as behaviourOf, runs, until } from "./table.ts";

describe.runIf(process.platform === "linux").each(AGENTS)("the agent in $name", ({ name, program }) => {
  let dev: Server;
  withServer("lastbeat-storms-", (started) => {
    dev = started;
  });
  const behaviour = (title: string, act: () => Promise<boolean>, ...except: readonly string[]): void =>
    behaviourOf(name, title, act, ...except);
  const agent = (ticket: string, ...command: readonly string[]): Program => agentBy(program, dev, ticket, ...command);
  const through = (url: string, ticket: string, ...command: readonly string[]): Program =>
    lastbeat(["exec", "--", ...command], { LASTBEAT_URL: url, LASTBEAT_TICKET: ticket }, program);

  behaviour("a storm of 429, 5xx and answers that are not ours costs no attempt", async () => {
    const kinds = [
      { status: 429, body: '{"message":"Too Many Requests"}' },
      { status: 503 },
      { status: 502, body: "<html>bad gateway</html>" },
      { status: 403, body: '{"message":"Forbidden"}' },
      { status: 200, body: "not ours" },
    ] as const;
    // Two of three requests fail.
    const door = await frontDoor(dev, (_, index) => (index % 3 === 2 ? undefined : kinds[index % kinds.length]));
    const ticket = await register(dev, "storm", { leaseSeconds: 12 });
    const child = through(`http://127.0.0.1:${door.port}`, ticket, "sleep", "14");
    const code = await child.left;
    door.close();
    const { outcome, attempts } = await record(dev, "storm");
    return code === 0 && outcome === "succeeded" && attempts.length === 1;
  });

  behaviour("a front door that has only an IPv6 address is reached, also by a name that has both", async () => {
    const door = await frontDoor(dev, () => undefined, "::1");
    const hasBoth = (await lookup("localhost", { all: true })).some(({ family }) => family === 6);
    const urls = ["[::1]", ...(hasBoth ? ["localhost"] : [])].map((host) => `http://${host}:${door.port}`);
    const codes = await Promise.all(
      urls.map(async (url, index) => through(url, await register(dev, `six-${index}`), "true").left),
    );
    door.close();
    return codes.every((code) => code === 0);
  });

  behaviour("a command that closes all its descriptors works on, and its end is told", async () => {
    const script = 'for fd in 0 1 2 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done; sleep 1; exit 6';
    const code = await agent(await register(dev, "closed"), "bash", "-c", script).left;
    return code === 6 && (await record(dev, "closed")).attempts[0]?.exitCode === 6;
  });

  behaviour("a command that is stopped keeps its lease, and dies of a cancel all the same", async () => {
    const child = agent(
      await register(dev, "stopped", { leaseSeconds: 5 }),
      "sh",
      "-c",
      'echo "pid $$"; exec sleep 600',
    );
    const [, pid = ""] = await child.line(/pid (\d+)/);
    process.kill(Number(pid), "SIGSTOP");
    const { leaseUntil: first } = await record(dev, "stopped");
    const { state } = await recordWhen(dev, "stopped", ({ leaseUntil }) => leaseUntil !== first);
    await post(dev, "/v1/runs/stopped/cancel");
    return state === "running" && (await child.left) === 81 && !runs(Number(pid));
  });

  behaviour("agent and work that were frozen for longer than the lease end at once on wake", async () => {
    const child = agent(await register(dev, "both", { leaseSeconds: 5 }), "sh", "-c", 'echo "pid $$"; exec sleep 600');
    const [, pid = ""] = await child.line(/pid (\d+)/);
    process.kill(Number(pid), "SIGSTOP");
    child.child.kill("SIGSTOP");
    await recordWhen(dev, "both", ({ state }) => state !== "running");
    child.child.kill("SIGCONT");
    const isGone = await until(() => !runs(Number(pid)), 3);
    return isGone && (await child.left) === 80;
  });

  // A Node process takes 0.3 s; a few of them show a leak as well.
  const count = name === "node" ? 20 : 1000;
  behaviour("attempts one after another, 1,000 of them, leave no process and no file behind", async () => {
    const own = mkdtempSync(join(tmpdir(), "lastbeat-series-"));
    for (let index = 0; index < count; index += 1) {
      const ticket = await register(dev, `series-${index}`);
      const environment = { LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket, LASTBEAT_STATE_DIR: own };
      if ((await lastbeat(["exec", "--quiet", "--", "true"], environment, program).left) !== 0) return false;
    }
    const files = readdirSync(own);
    // Its watcher has another environment, and is the same program.
    const isLeft = (pid: string): boolean =>
      environmentOf(pid).includes(own) || (name !== "node" && programOf(pid) === program[0]);
    const processes = (): readonly string[] => readdirSync("/proc").filter(isLeft);
    const isAlone = await until(() => processes().length === 0, 5);
    rmSync(own, { recursive: true });
    if (!isAlone || files.length > 0) console.error("left behind", files, processes().map(commandOf));
    return isAlone && files.length === 0;
  });
});

const looked = (look: () => string): string => {
  try {
    return look();
  } catch {
    return ""; // no process, gone meanwhile, or a kernel thread
  }
};
const environmentOf = (pid: string): string => looked(() => readFileSync(`/proc/${pid}/environ`, "utf8"));
const commandOf = (pid: string): string => looked(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
const programOf = (pid: string): string => looked(() => readlinkSync(`/proc/${pid}/exe`));
