import { chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { post, record, recordWhen, register, type Server, server, stop } from "../e2e/processes.ts";
import { type Container, imageOfTheAgent, imageOfTheUser, kill, start, whyNoContainers } from "./container.ts";
import { type Pod, startPod } from "./pod.ts";
import { behaviour as behaviourOf, until } from "./table.ts";

const why = whyNoContainers();
test.runIf(why !== undefined)(`containers are left out: ${why}`, () => {});

const IN_CONTAINER = fileURLToPath(new URL("in-container.ts", import.meta.url));

/** A user that no image knows, as OpenShift gives each project one. */
const ARBITRARY_USER = 1_000_650_000;

describe.runIf(why === undefined)("the binary in a container", () => {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-containers-"));
  const shared = join(folder, "shared");
  let dev: Server;
  let [scratch, image] = ["", ""];
  let running: Container[] = [];
  beforeAll(async () => {
    dev = await server();
    [scratch, image] = [imageOfTheAgent(folder), imageOfTheUser(folder)];
    mkdirSync(shared);
    chmodSync(folder, 0o755);
    chmodSync(shared, 0o777); // as an emptyDir is
  });
  afterEach(async () => {
    for (const each of running) {
      each.runc("kill", "KILL");
      each.runc("delete");
    }
    running = [];
  });
  afterAll(async () => {
    await stop(dev);
    rmSync(folder, { recursive: true, force: true });
  });

  const behaviour = (title: string, act: () => Promise<boolean>): void => behaviourOf("container", title, act);
  const run = (...[root, settings]: Parameters<typeof start>): Container => {
    const started = start(root, settings);
    running.push(started);
    return started;
  };
  const installed = async (): Promise<string> => {
    const init = run(scratch, {
      args: ["/lastbeat", "install", "--to", shared],
      user: ARBITRARY_USER,
      folders: [shared],
    });
    if ((await init.left) !== 0) throw new Error(init.errors.join("\n"));
    return join(shared, "lastbeat");
  };

  /** A user's container with the agent in front of its command. */
  async function agent(
    name: string,
    script: string,
    more: Partial<Parameters<typeof start>[1]> & { lease?: number } = {},
  ): Promise<Container> {
    const { lease = 60, ...settings } = more;
    const ticket = await register(dev, name, { leaseSeconds: lease, budgets: { crashes: 5 } });
    return run(image, {
      args: [await installed(), "exec", "--", "sh", "-c", script],
      environment: { LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket, LASTBEAT_HOST: "i-0e2e" },
      folders: [shared],
      ...settings,
    });
  }

  /** Ends of the lines of a container. */
  const says = (of: Container, word: string): Promise<boolean> =>
    until(() => of.lines.some((line) => line.includes(word)));

  behaviour("its image is one file, which runs as any user with nothing else there", async () => {
    const version = run(scratch, { args: ["/lastbeat", "version"], user: ARBITRARY_USER });
    const code = await version.left;
    return code === 0 && version.lines[0]?.endsWith("(binary)") === true;
  });

  behaviour("an init container puts it where the main container finds it", async () => {
    const file = await installed();
    return existsSync(file) && (statSync(file).mode & 0o555) === 0o555 && readdirSync(shared).length === 1;
  });

  behaviour(
    "a read-only root, an arbitrary user, no capabilities, seccomp: the command runs, and its end is told",
    async () => {
      const of = await agent("bare", "exit 3", { user: ARBITRARY_USER });
      const code = await of.left;
      const { attempts } = await record(dev, "bare");
      return code === 3 && attempts[0]?.exitCode === 3;
    },
  );

  behaviour("when the agent alone is killed, its command dies with it, and all it has started", async () => {
    // A process beside the agent keeps the container: the agent is not process 1.
    const ticket = await register(dev, "alone", { leaseSeconds: 60 });
    const file = await installed();
    const of = run(image, {
      args: [
        "sh",
        "-c",
        `${file} exec -- sh -c 'setsid sleep 601 & sleep 602; true' & echo "agent $!"; while :; do sleep 0.1; done`,
      ],
      environment: { LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket },
      folders: [shared],
    });
    await says(of, "agent");
    const isThere = (): boolean[] => {
      const words = of.exec("sh", "-c", "cat /proc/[0-9]*/cmdline").split("\0");
      return ["601", "602"].map((seconds) => words.includes(seconds));
    };
    if (!(await until(() => isThere().every(Boolean)))) return false;
    const [, pid = ""] = /agent (\d+)/.exec(of.lines.join("\n")) ?? [];
    of.exec("kill", "-9", pid);
    return until(() => !isThere().some(Boolean), 10);
  });

  behaviour("as process 1, a SIGKILL of it ends the container", async () => {
    const of = await agent("process-1", "echo up; sleep 600");
    await says(of, "up");
    of.runc("kill", "KILL");
    return (await of.left) === 137;
  });

  behaviour("a command that runs out of memory is told apart from a crash, with the limit", async () => {
    const of = await agent("memory", "tail /dev/zero", { memoryBytes: 64 << 20 });
    const code = await of.left;
    const { attempts } = await record(dev, "memory");
    const [first] = attempts;
    const said = of.errors.some((line) => line.includes("ran out of memory: its limit is 64 MiB"));
    return code === 137 && said && first?.cause === "out-of-memory" && first.memoryLimitBytes === 64 << 20;
  });

  behaviour("so is one whose worker alone ran out of memory", async () => {
    const of = await agent("worker", "(tail /dev/zero); exit 4", { memoryBytes: 64 << 20 });
    const code = await of.left;
    const { attempts } = await record(dev, "worker");
    return code === 4 && attempts[0]?.cause === "out-of-memory";
  });

  behaviour("a flood of orphans leaves no zombies", async () => {
    const script = `for i in $(seq 1000); do (sleep 0.01 &) ; done; sleep 2; echo "zombies $(cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z ')"`;
    const of = await agent("zombies", script, { pids: 1100 });
    await of.left;
    return of.lines.includes("zombies 0");
  });

  behaviour("a container that is full of processes does not take its beats, and dies of a cancel", async () => {
    // The command itself starts one process and then none: a shell that cannot start one ends.
    const full = "(while :; do sleep 600 & done) & exec sleep 600";
    const of = await agent("bomb", `echo up; ${full}`, { pids: 100, lease: 5 });
    await until(() => of.errors.some((line) => line.includes("can't fork")));
    const { leaseUntil: first } = await record(dev, "bomb");
    await recordWhen(dev, "bomb", ({ leaseUntil }) => leaseUntil !== first);
    await post(dev, "/v1/runs/bomb/cancel");
    const code = await of.left;
    return code === 81 && (await record(dev, "bomb")).outcome === "canceled";
  });

  behaviour("a log on a full disk does not end it", async () => {
    const of = await agent("full", "sleep 1; exit 5", { stderr: openSync("/dev/full", "w") });
    const code = await of.left;
    return code === 5 && (await record(dev, "full")).attempts[0]?.exitCode === 5;
  });

  /** A sidecar in a container of its own, beside a main container that is a process of this machine. */
  const pod = (ticket: string, script: string): Promise<Pod> =>
    startPod({
      program: (sees) => [process.execPath, IN_CONTAINER, scratch, sees],
      environment: { LASTBEAT_URL: dev.info.api, LASTBEAT_TICKET: ticket, LASTBEAT_HOST: "i-0e2e" },
      main: ["sh", "-c", script],
    });

  behaviour("its image is a sidecar, without a shell or anything else", async () => {
    const of = await pod(await register(dev, "sidecar"), "sleep 1; exit 6");
    const { attempts } = await recordWhen(dev, "sidecar", ({ state }) => state === "ended");
    await of.close();
    return attempts[0]?.exitCode === 6;
  });

  behaviour("a sidecar that is killed alone comes back as the same holder", async () => {
    const of = await pod(await register(dev, "comes-back", { leaseSeconds: 30 }), "sleep 4");
    await until(() => of.main() !== undefined);
    const first = of.sidecar();
    const [, id = ""] = await first.line(/^container (\S+)$/);
    kill(id);
    await first.left;
    const { attempts, outcome } = await recordWhen(dev, "comes-back", ({ state }) => state === "ended");
    const isAnother = of.sidecar() !== first;
    await of.close();
    return isAnother && outcome === "succeeded" && attempts.length === 1;
  });

  behaviour("a container that was frozen for longer than its lease stops its command at once", async () => {
    const of = await agent("frozen", "echo up; trap '' TERM; while :; do sleep 0.1; done", { lease: 5 });
    await says(of, "up");
    of.runc("pause");
    await recordWhen(dev, "frozen", ({ state }) => state !== "running");
    of.runc("resume");
    const thawed = Date.now();
    return (await of.left) === 80 && Date.now() - thawed < 3000;
  });
});
