import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { GO, PYTHON } from "../test/conformance/agents.ts";
import { certificateOf } from "../test/conformance/stand-ins.ts";
import { BIN } from "../test/e2e/processes.ts";

/**
 * `npm run bench:agents`: what an agent costs the pod that it is in. The agents are measured one after the other, over TLS, beside `tini`,
 * which does nothing but pass on signals and reap. The front door answers each beat at once and asks for the next one 50 ms later; so
 * the processor time of a beat is measured over some hundreds of them. It needs Linux, and `npm run agents` before.
 */
const STARTS = 21;
const BEATING_MS = 15_000;
/** Long enough that nobody is cut off here. The beats come as often as the reply says. */
const LEASE_MS = 120_000;

type Subject = {
  readonly name: string;
  /** What has to be there, and its size in bytes. */
  readonly files: readonly string[];
  /** What starts it and does nothing. */
  readonly version: readonly string[];
  /** What starts it, with work of so many seconds. */
  readonly command: (seconds: string) => readonly string[];
  readonly beats: boolean;
};

const TICKET = `bench.1.1795348800.0.${LEASE_MS}.1.${"a".repeat(43)}`;

function tini(): string | undefined {
  const folder = join(process.cwd(), "node_modules/.cache/lastbeat/tini");
  const file = join(folder, "usr/bin/tini-static");
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  spawnSync("sh", ["-c", "apt-get download tini && dpkg -x tini_*.deb ."], { cwd: folder });
  return existsSync(file) ? file : undefined;
}

/** A front door over TLS that lets everybody in. */
async function door(
  folder: string,
): Promise<{ server: Server; beats: () => number; environment: Record<string, string> }> {
  const made = await certificateOf("door");
  const certificate = join(folder, "ca.pem");
  writeFileSync(certificate, made.cert);
  let beats = 0;
  const server = createServer({ key: made.private, cert: made.cert }, async (request, response) => {
    for await (const _ of request);
    const call = request.url?.split("/").at(-1);
    if (call === "beat") beats += 1;
    const pace = { leaseSeconds: LEASE_MS / 1000, nextBeatSeconds: 0.05, directive: "continue" };
    const body =
      call === "claim"
        ? { ...pace, attempt: 1, fence: 1_795_348_800, token: TICKET }
        : call === "beat"
          ? pace
          : { state: "ended", outcome: "succeeded" };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    server,
    beats: () => beats,
    environment: {
      LASTBEAT_URL: url,
      LASTBEAT_TICKET: TICKET,
      LASTBEAT_STATE_DIR: join(folder, "state"),
      LASTBEAT_QUIET: "1",
      LASTBEAT_BINARY: "off",
      PYTHONPATH: PACKAGE,
      SSL_CERT_FILE: certificate,
      NODE_EXTRA_CA_CERTS: certificate,
    },
  };
}

/** User and system time in milliseconds; Linux counts a hundred ticks a second. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** What a process holds in memory, in bytes: all that is resident, and what is its own alone. */
function memoryOf(pid: number): { resident: number; own: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { resident: kb("Rss"), own: kb("Private_Clean") + kb("Private_Dirty") };
}

/** Other processes of the agent itself, as its watcher; its command is `sleep`. */
const helpersOf = (pid: number): readonly number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => {
      try {
        const stat = readFileSync(`/proc/${other}/stat`, "utf8");
        return !stat.includes("(sleep)") && stat.replace(/^.*\) /s, "").split(" ")[1] === String(pid);
      } catch {
        return false;
      }
    });

/** How long a program takes, in milliseconds: the median of so many runs. */
async function median(runs: number, [file = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const took: number[] = [];
  for (let index = 0; index < runs; index += 1) {
    const from = performance.now();
    const child = spawn(file, args, { env, stdio: "ignore" });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    if (code !== 0) throw new Error(`${file} left with ${code}`);
    took.push(performance.now() - from);
  }
  return took.sort((one, other) => one - other)[runs >> 1] ?? 0;
}

async function measured({ files, version, command, beats: hasBeats }: Subject): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-bench-"));
  const { server, beats, environment } = await door(folder);
  const env = { ...process.env, ...environment };
  try {
    const start = await median(STARTS, version, env);
    const whole = await median(STARTS, command("0"), env);
    const [file = "", ...args] = command(String(BEATING_MS / 1000 + 10));
    const child: ChildProcess = spawn(file, args, { env, stdio: "ignore" });
    const pid = child.pid ?? 0;
    await pause(3000);
    const [cpu, count] = [cpuOf(pid), beats()];
    await pause(BEATING_MS);
    const took = cpuOf(pid) - cpu;
    const beaten = beats() - count;
    const { resident } = memoryOf(pid);
    const helpers = helpersOf(pid).reduce((sum, each) => sum + memoryOf(each).own, 0);
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
    const size = files.reduce((sum, each) => sum + statSync(each).size, 0);
    return {
      "size MB": (size / 1e6).toFixed(2),
      "start ms": start.toFixed(1),
      "whole attempt ms": whole.toFixed(1),
      "resident MB": (resident / 1e6).toFixed(1),
      "helper's own MB": (helpers / 1e6).toFixed(1),
      "CPU µs per beat": hasBeats && beaten > 0 ? ((took * 1000) / beaten).toFixed(0) : "-",
      beats: String(beaten),
    };
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

const PACKAGE = fileURLToPath(new URL("../agents/python/src", import.meta.url));
const SLEEPS = "import sys, time; time.sleep(float(sys.argv[1]))";
const BEATS = "import sys, time, lastbeat\nwith lastbeat.Attempt(): time.sleep(float(sys.argv[1]))";
const reaper = tini();
const all: readonly Subject[] = [
  { name: "sleep alone", files: [], version: ["sleep", "0"], command: (seconds) => ["sleep", seconds], beats: false },
  {
    name: "tini",
    files: [reaper ?? ""],
    version: [reaper ?? "", "--version"],
    command: (seconds) => [reaper ?? "", "-s", "--", "sleep", seconds],
    beats: false,
  },
  {
    name: "the binary",
    files: [GO],
    version: [GO, "version"],
    command: (seconds) => [GO, "exec", "--", "sleep", seconds],
    beats: true,
  },
  {
    name: "Node",
    files: [process.execPath],
    version: [process.execPath, BIN, "exec", "--help"],
    command: (seconds) => [process.execPath, BIN, "exec", "--", "sleep", seconds],
    beats: true,
  },
  {
    name: "a Python process alone",
    files: [PYTHON],
    version: [PYTHON, "-c", "pass"],
    command: (seconds) => [PYTHON, "-c", SLEEPS, seconds],
    beats: false,
  },
  {
    name: "the same with an Attempt",
    files: [PYTHON],
    version: [PYTHON, "-c", "import lastbeat"],
    command: (seconds) => [PYTHON, "-c", BEATS, seconds],
    beats: true,
  },
];
const subjects = all.filter(({ name, files }) => {
  const isHere = files.every(existsSync);
  if (!isHere) console.log(`${name} is left out: it is not here`);
  return isHere;
});
const rows: Record<string, Record<string, string>> = {};
for (const subject of subjects) rows[subject.name] = await measured(subject);
console.log(`${execFileSync("uname", ["-srm"], { encoding: "utf8" }).trim()}, Node ${process.versions.node}`);
console.table(rows);
