import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { arch, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pythonPrograms } from "../test/python-programs.ts";

/**
 * `npm run peers`: how many heartbeats a second a server answers, and how much processor time each takes. It compares
 * the embedded server with an API server of Airflow 3, which takes the heartbeats of its tasks, and with a server of
 * Prefect 3. They run one after the other, with the same client, for 15 s each. A heartbeat is a call over a kept
 * connection to a run that lives. It needs Python, and about four minutes for the installation.
 */
const SECONDS = 15;
const AT_ONCE = 8;

/**
 * User and system time of a process and its live children, in milliseconds. It is for Linux, whose clock ticks 100
 * times a second.
 */
function cpuOf(pid: number): number {
  const stats = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const fields = readFileSync(`/proc/${name}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return [{ pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
      } catch {
        return []; // it has ended meanwhile
      }
    });
  const family = new Set([pid]);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const one of stats) if (family.has(one.parent)) family.add(one.pid);
  }
  return stats.filter((one) => family.has(one.pid)).reduce((all, { ticks }) => all + ticks * 10, 0);
}

type Beat = {
  readonly url: string;
  readonly method: string;
  readonly token?: string;
  /** A new body for each heartbeat, because some servers count a repeated one only once. */
  readonly body: () => object;
};

function once({ url, method, token, body }: Beat, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body());
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
    };
    const asked = request(url, { method, agent, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () =>
        (answer.statusCode ?? 500) < 300
          ? resolve()
          : reject(new Error(`${url} answers ${answer.statusCode}: ${Buffer.concat(parts).toString()}`)),
      );
    });
    asked.on("error", reject);
    asked.end(text);
  });
}

type Measured = { readonly name: string; readonly perSecond: number; readonly cpuMs: number };

async function measured(name: string, pid: number, beat: Beat): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const during = async (seconds: number): Promise<number> => {
    const until = performance.now() + seconds * 1000;
    let count = 0;
    const worker = async (): Promise<void> => {
      for (; performance.now() < until; count += 1) await once(beat, agent);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return count;
  };
  await during(3); // until it is warm
  const [before, started] = [cpuOf(pid), performance.now()];
  const count = await during(SECONDS);
  const [took, cpu] = [performance.now() - started, cpuOf(pid) - before];
  agent.destroy();
  return { name, perSecond: (1000 * count) / took, cpuMs: cpu / count };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const until = Date.now() + 180_000;
  while (Date.now() < until) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    await pause(500);
  }
  throw new Error(`${what} took more than three minutes`);
}

const json = async (url: string, init?: RequestInit): Promise<Record<string, unknown>> => {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
};

async function lastbeat(): Promise<Measured> {
  const port = await freePort();
  const bin = fileURLToPath(new URL("../bin.mjs", import.meta.url));
  const server = spawn(process.execPath, [bin, "dev", "--port", String(port)], { stdio: "ignore" });
  try {
    const base = `http://127.0.0.1:${port}/v1/runs/nap`;
    const { ticket } = await eventually("the embedded server", () => json(base, { method: "PUT", body: "{}" }));
    const { token } = await json(`${base}/claim`, {
      method: "POST",
      headers: { authorization: `Bearer ${ticket}` },
      body: JSON.stringify({ holder: { id: "a".repeat(32) } }),
    });
    const beat = { url: `${base}/beat`, method: "POST", token: String(token), body: () => ({}) };
    return await measured("lastbeat dev, with its emulator of DynamoDB", server.pid ?? 0, beat);
  } finally {
    server.kill();
  }
}

function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-(pid ?? Number.NaN), signal);
  } catch {
    // All its processes have ended.
  }
}

async function airflow(): Promise<Measured> {
  const here = new URL("airflow/", import.meta.url);
  const programs = pythonPrograms({ name: "airflow", requirements: new URL("requirements.txt", here) });
  const home = mkdtempSync(join(tmpdir(), "lastbeat-airflow-"));
  cpSync(fileURLToPath(new URL("dags", here)), join(home, "dags"), { recursive: true });
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const env = {
    PATH: `${programs}:${process.env["PATH"]}`,
    HOME: home,
    AIRFLOW_HOME: home,
    AIRFLOW__CORE__LOAD_EXAMPLES: "False",
    AIRFLOW__CORE__EXECUTOR: "LocalExecutor",
    AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${base}/execution/`,
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: "True",
    AIRFLOW__API__HOST: "127.0.0.1",
    AIRFLOW__API__PORT: String(port),
    AIRFLOW__API__WORKERS: "1",
    AIRFLOW__API_AUTH__JWT_SECRET: "measured-on-this-machine-alone-0123456789",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED: "False",
  };
  const run = (...args: readonly string[]): ChildProcess =>
    spawn(join(programs, "airflow"), args, { env, stdio: "ignore", detached: true }); // a group of its own, with all that it starts
  execFileSync(join(programs, "airflow"), ["db", "migrate"], { env, stdio: "ignore" });
  const server = run("api-server");
  const others = [run("dag-processor"), run("scheduler")];
  try {
    await eventually("Airflow's API server", () => json(`${base}/api/v2/version`));
    const { access_token: token } = await json(`${base}/auth/token`);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const dag = `${base}/api/v2/dags/nap`;
    const start = { method: "POST", headers, body: JSON.stringify({ dag_run_id: "one", logical_date: null }) };
    await eventually("the DAG", () =>
      json(dag, { method: "PATCH", headers, body: JSON.stringify({ is_paused: false }) }),
    );
    await eventually("the run", () => json(`${dag}/dagRuns`, start));
    await eventually("the task", async () => {
      const { state } = await json(`${dag}/dagRuns/one/taskInstances/rest`, { headers });
      return state === "running" ? state : undefined;
    });
    const told = execFileSync(join(programs, "python"), [fileURLToPath(new URL("running_task.py", here))], {
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const task = JSON.parse(told.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
    const beat = {
      url: `${base}/execution/task-instances/${task["id"]}/heartbeat`,
      method: "PUT",
      token: String(task["token"]),
      body: () => ({ hostname: task["hostname"], pid: task["pid"] }),
    };
    return await measured("Airflow 3.3.2, an API server with one worker, on SQLite", server.pid ?? 0, beat);
  } finally {
    for (const each of [...others, server]) endGroup(each, "SIGTERM");
    await pause(3000);
    for (const each of [...others, server]) endGroup(each, "SIGKILL");
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
}

/** Prefect takes heartbeats of flow runs as events, from anybody. It has no lease that a heartbeat would renew. */
async function prefect(): Promise<Measured> {
  const requirements = new URL("prefect/requirements.txt", import.meta.url);
  const programs = pythonPrograms({ name: "prefect", requirements });
  const home = mkdtempSync(join(tmpdir(), "lastbeat-prefect-"));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/api`;
  const env = {
    PATH: `${programs}:${process.env["PATH"]}`,
    HOME: home,
    PREFECT_HOME: home,
    PREFECT_SERVER_ANALYTICS_ENABLED: "false",
    DO_NOT_TRACK: "1",
  };
  const args = ["server", "start", "--host", "127.0.0.1", "--port", String(port), "--no-ui"];
  const server = spawn(join(programs, "prefect"), args, { env, stdio: "ignore", detached: true });
  try {
    await eventually("Prefect's server", async () => ((await fetch(`${base}/health`)).ok ? true : undefined));
    const resource = { "prefect.resource.id": `prefect.flow-run.${randomUUID()}` };
    const heartbeat = { event: "prefect.flow-run.heartbeat", resource, related: [], payload: {} };
    const body = (): object => [{ ...heartbeat, id: randomUUID(), occurred: new Date().toISOString() }];
    return await measured("Prefect 3.9.1, a server with one worker, on SQLite", server.pid ?? 0, {
      url: `${base}/events`,
      method: "POST",
      body,
    });
  } finally {
    endGroup(server, "SIGTERM");
    await pause(3000);
    endGroup(server, "SIGKILL");
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
}

const figures = [await lastbeat(), await airflow(), await prefect()];
console.log(
  `Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model} (${arch()}), ${AT_ONCE} calls at once\n`,
);
console.log("| server | heartbeats a second | processor a heartbeat |\n| --- | ---: | ---: |");
for (const { name, perSecond, cpuMs } of figures)
  console.log(`| ${name} | ${perSecond.toFixed(0)} | ${cpuMs.toFixed(2)} ms |`);
