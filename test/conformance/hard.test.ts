import { spawn, spawnSync } from "node:child_process";
import { existsSync, openSync, readFileSync } from "node:fs";
import { describe } from "vitest";
import {
  agentBy,
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
import { AGENTS } from "./agents.ts";
import { withServer } from "./embedded.ts";
import { behaviour as behaviourOf, runs, until } from "./table.ts";

const linux = process.platform === "linux";

describe.runIf(linux).each(AGENTS)("the agent in $name", ({ name, program }) => {
  let dev: Server;
  const folder = withServer("lastbeat-conformance-", (started) => {
    dev = started;
  });
  const agent = (ticket: string, ...command: readonly string[]): Program => agentBy(program, dev, ticket, ...command);

  const behaviour = (title: string, act: () => Promise<boolean>, ...except: readonly string[]): void =>
    behaviourOf(name, title, act, ...except);

  behaviour(
    "its command dies with it when the agent alone is killed",
    async () => {
      const child = agent(await register(dev, "alone"), "sh", "-c", 'sleep 600 & echo "pids $$ $!"; wait');
      const [, command = "", started = ""] = await child.line(/pids (\d+) (\d+)/);
      child.child.kill("SIGKILL"); // its output is closed when the command is gone, too
      const isOver = await until(() => !runs(Number(command)) && !runs(Number(started)), 5);
      if (!isOver) process.kill(-Number(command), "SIGKILL");
      await child.left;
      return isOver;
    },
    "node",
  );

  behaviour(
    "a process in a session of its own ends with the command, by a TERM first",
    async () => {
      const script = `setsid sh -c 'trap "echo told; exit" TERM; echo "far $$"; while :; do sleep 0.05; done' & sleep 0.5`;
      const child = agent(await register(dev, "far"), "sh", "-c", script);
      const [, far = ""] = await child.line(/far (\d+)/);
      const left = await Promise.race([
        child.left,
        new Promise((resolve) => setTimeout(() => resolve("late"), 25_000)),
      ]);
      const isGone = await until(() => !runs(Number(far)), 2);
      if (!isGone) process.kill(Number(far), "SIGKILL");
      await child.left;
      return left === 0 && isGone && child.lines.includes("told");
    },
    "node",
  );

  behaviour("what the command leaves in its group gets a TERM first", async () => {
    const script = `sh -c 'trap "echo told; exit" TERM; echo ready; while :; do sleep 0.05; done' & sleep 0.5`;
    const child = agent(await register(dev, "left-behind"), "sh", "-c", script);
    return (await child.left) === 0 && child.lines.includes("told");
  });

  behaviour("a log on a full disk, or one that nobody reads, does not end it", async () => {
    const ticket = await register(dev, "full-log");
    const environment = { ...process.env, LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket };
    const [file, ...before] = program;
    const script = 'echo nonsense > "$LASTBEAT_PROGRESS_FILE"; sleep 1; exit 5';
    const full = spawn(file, [...before, "exec", "--", "sh", "-c", script], {
      env: environment,
      stdio: ["ignore", "ignore", openSync("/dev/full", "w")],
    });
    const code = await new Promise((resolve) => full.on("close", resolve));
    return code === 5 && (await record(dev, "full-log")).outcome === "failed";
  });

  behaviour("a pipe that nobody reads does not stop its beats", async () => {
    // Longer than the lease, which is long enough for a machine that is busy with other tests.
    const ticket = await register(dev, "full-pipe", { leaseSeconds: 12 });
    const script = "head -c 200000 /dev/zero >&2 & sleep 16; kill $!; exit 0";
    const environment = { ...process.env, LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket };
    const [file, ...before] = program;
    const child = spawn(file, [...before, "exec", "--", "sh", "-c", script], {
      env: environment,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const code = await new Promise((resolve) => child.on("exit", resolve));
    child.stderr?.destroy();
    const { attempt, outcome } = await record(dev, "full-pipe");
    return code === 0 && attempt === 1 && outcome === "succeeded";
  });

  for (const signal of ["SIGXCPU", "SIGALRM", "SIGVTALRM", "SIGUSR1"] as const)
    behaviour(`${signal} is passed on`, async () => {
      const script = `trap "echo got; exit 0" ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
      const child = agent(await register(dev, `passed-${signal}`), "bash", "-c", script);
      await child.line(/ready/);
      child.child.kill(signal);
      const code = await child.left;
      return code === 0 && child.lines.includes("got");
    });

  behaviour("a suspended agent stops its command, which goes on with it", async () => {
    // One process: a shell that waits for a stopped child to begin is not stopped itself, but in the state D.
    const child = agent(await register(dev, "suspended"), "sh", "-c", 'echo "pid $$"; exec sleep 600');
    const [, pid = ""] = await child.line(/pid (\d+)/);
    const stateOf = (of = pid): string => readFileSync(`/proc/${of}/stat`, "utf8").replace(/^.*\) /, "")[0] ?? "";
    child.child.kill("SIGTSTP");
    // The command first, and then the agent: what would continue it before it has stopped would be lost.
    const isStopped = await until(() => stateOf() === "T" && stateOf(String(child.pid)) === "T");
    child.child.kill("SIGCONT");
    const goesOn = await until(() => stateOf() !== "T");
    child.child.kill("SIGTERM");
    await child.left;
    return isStopped && goesOn;
  });

  behaviour("it says why it stops the work", async () => {
    const child = agent(await register(dev, "why", { leaseSeconds: 5 }), "sleep", "600");
    await child.line(/is ours/);
    await post(dev, "/v1/runs/why/cancel", { reason: "a mistake" });
    await child.left;
    return child.errors.some((line) => line.includes("the run is stopped (a mistake): SIGTERM to the command"));
  });

  behaviour("it says that a command could not be started", async () => {
    const child = agent(await register(dev, "typo"), "trian.sh");
    return (
      (await child.left) === 127 &&
      child.errors.includes("lastbeat: the command could not be started: trian.sh: not found")
    );
  });

  behaviour("an end that cannot be reported is given up after a cut-off, and delivered by the next agent", async () => {
    const own = await server();
    const ticket = await register(own, "cut-off", { leaseSeconds: 5 });
    const child = lastbeat(
      ["exec", "--report-seconds", "1", "--", "sleep", "600"],
      { LASTBEAT_URL: own.info.api, LASTBEAT_TICKET: ticket },
      program,
    );
    await child.line(/is ours/);
    own.program.child.kill("SIGSTOP");
    const code = await child.left;
    own.program.child.kill("SIGCONT");
    await lastbeat(
      ["exec", "--", "sleep", "1"],
      { LASTBEAT_URL: own.info.api, LASTBEAT_TICKET: await register(own, "next") },
      program,
    ).left;
    const { attempts } = await recordWhen(own, "cut-off", ({ attempts: all }) => all[0]?.endedAt !== undefined);
    await stop(own);
    return code === 80 && attempts[0]?.reason === "self-fenced";
  });

  behaviour("--quiet says nothing, --log json says objects", async () => {
    const environment = async (run: string) => ({
      LASTBEAT_URL: dev.info.api,
      LASTBEAT_TICKET: await register(dev, run),
    });
    const quiet = lastbeat(["exec", "--quiet", "--", "true"], await environment("quiet"), program);
    const json = lastbeat(["exec", "--log", "json", "--", "true"], await environment("json"), program);
    await Promise.all([quiet.left, json.left]);
    const said = json.errors.map((line) => JSON.parse(line) as { run: string; attempt: number; message: string });
    return (
      quiet.errors.length === 0 &&
      said[0]?.run === "json" &&
      said[0].attempt === 1 &&
      said[0].message.includes("is ours")
    );
  });

  behaviour(
    "descriptors that were open reach the command",
    async () => {
      const ticket = await register(dev, "descriptors");
      const [file, ...before] = program;
      const line = [file, ...before, "exec", "--", "sh", "-c", "echo yes >&9"].map((word) => `'${word}'`).join(" ");
      const child = spawn("bash", ["-c", `exec 9>${folder}/nine; ${line}`], {
        env: { ...process.env, LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket },
        stdio: "ignore",
      });
      const code = await new Promise((resolve) => child.on("close", resolve));
      return code === 0 && existsSync(`${folder}/nine`) && readFileSync(`${folder}/nine`, "utf8") === "yes\n";
    },
    "node",
  );

  behaviour(
    "an ignored SIGHUP stays ignored",
    async () => {
      const ticket = await register(dev, "nohup");
      const [file, ...before] = program;
      const line = [file, ...before, "exec", "--", "sh", "-c", "echo up; sleep 1"].map((word) => `'${word}'`).join(" ");
      const child = spawn("bash", ["-c", `trap "" HUP; exec ${line}`], {
        env: { ...process.env, LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket },
        stdio: ["ignore", "pipe", "ignore"],
      });
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      child.kill("SIGHUP");
      const code = await new Promise((resolve) => child.on("close", resolve));
      return code === 0;
    },
    "node",
  );

  if (existsSync("/usr/bin/script"))
    behaviour(
      "a command on a terminal has it, and Ctrl-C there is an interruption",
      async () => {
        const ticket = await register(dev, "terminal");
        const line = [...program, "exec", "--", "sh", "-c", ": < /dev/tty && echo has it && exec sleep 600"];
        const quoted = line.map((word) => `'${word}'`).join(" ");
        const terminal = spawn(
          "/usr/bin/script",
          ["--quiet", "--flush", "--return", "--command", quoted, "/dev/null"],
          {
            env: { ...process.env, LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket },
            stdio: ["pipe", "pipe", "ignore"],
          },
        );
        const left = new Promise((resolve) => terminal.on("close", resolve));
        let said = "";
        terminal.stdout?.on("data", (text) => {
          said += String(text);
        });
        const hasIt = await until(() => said.includes("has it"), 5);
        if (hasIt) terminal.stdin?.write("\u0003");
        const code = await left;
        const { attempts } = await record(dev, "terminal");
        return hasIt && code === 130 && attempts[0]?.cause === "interrupted" && attempts[0].reason === "sigint";
      },
      "node",
    );

  if (spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0)
    behaviour(
      "as process 1 it reaps the orphans of its command",
      async () => {
        const script = `for i in $(seq 50); do sh -c 'sleep 0.1 & exit 0'; done; sleep 1
          echo "zombies $(cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z ')"`;
        const unshare = ["unshare", "--pid", "--fork", "--mount-proc"] as const;
        const child = agentBy([...unshare, ...program], dev, await register(dev, "process-1"), "sh", "-c", script);
        const [, zombies] = await child.line(/zombies (\d+)/);
        await child.left;
        return zombies === "0";
      },
      "node",
    );
});
