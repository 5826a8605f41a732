import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { airflowServer } from "../../../lib/adapters/orchestrator/airflow.ts";
import { instant } from "../../../lib/core/time.ts";
import type { AirflowServer, TaskKey } from "../../../lib/ports/airflow.ts";
import type { AirflowStage } from "../../dispatch/airflow/stage.ts";
import { lastbeat } from "../../e2e/processes.ts";
import { freePort } from "../../free-port.ts";
import { pythonPrograms } from "../../python-programs.ts";

/** The sources of our Python package. */
const PACKAGE = fileURLToPath(new URL("../../../agents/python/src", import.meta.url));

/** A real Airflow with its scheduler and a LocalExecutor, in a folder of its own. */
export type Airflow = {
  readonly url: string;
  /** `user:password`. */
  readonly secret: string;
  readonly folder: string;
  readonly server: AirflowServer;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** A run of this DAG, and its task. */
  trigger(dag: string, conf: object): Promise<TaskKey>;
  /** The process of a task that runs, and its supervisor. */
  processes(task: TaskKey): Promise<{ readonly task: number; readonly supervisor: number }>;
  stop(): Promise<void>;
};

/** `variables`: those by which the plugin is switched on. */
export async function startAirflow(variables: Readonly<Record<string, string>> = {}): Promise<Airflow> {
  const programs = pythonPrograms({ name: "airflow", requirements: new URL("requirements.txt", import.meta.url) });
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-airflow-"));
  for (const each of ["dags", "plugins"]) mkdirSync(join(folder, each));
  copyFileSync(fileURLToPath(new URL("dags.py", import.meta.url)), join(folder, "dags", "stories.py"));
  writeFileSync(join(folder, "plugins", "kept.py"), "from lastbeat.airflow import LastbeatPlugin  # noqa: F401\n");
  const [port, logs, health] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    AIRFLOW_HOME: folder,
    AIRFLOW__CORE__LOAD_EXAMPLES: "False",
    AIRFLOW__CORE__DAGS_FOLDER: join(folder, "dags"),
    AIRFLOW__CORE__EXECUTOR: "LocalExecutor",
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS: "lastbeat:op",
    AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${url}/execution/`,
    AIRFLOW__API__HOST: "127.0.0.1",
    AIRFLOW__API__PORT: String(port),
    AIRFLOW__API__WORKERS: "1",
    AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT: String(logs),
    AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT: String(health),
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED: "False",
    AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL: "5",
    PYTHONPATH: PACKAGE,
    PATH: `${programs}:${process.env["PATH"]}`,
    ...variables,
  };
  const program = lastbeat(["standalone"], environment, [join(programs, "airflow")]);
  const ended = program.left.then((code) => {
    throw new Error(`Airflow left with ${code}: ${[...program.lines, ...program.errors].slice(-30).join("\n")}`);
  });
  ended.catch(() => {}); // at its stop nobody waits for it

  const until = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const found = await look().catch(() => undefined);
      if (found !== undefined) return found;
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 200))]);
    }
  };

  const secret = await until(async () => {
    const file = join(folder, "simple_auth_manager_passwords.json.generated");
    const { lastbeat: password } = JSON.parse(readFileSync(file, "utf8")) as { lastbeat: string };
    return `lastbeat:${password}`;
  });
  const [username, password] = secret.split(":");
  const token = await until(async () => {
    const response = await fetch(`${url}/auth/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password }),
    });
    return ((await response.json()) as { access_token?: string }).access_token;
  });

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}/api/v2/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  await call("POST", "pools", { name: "one", slots: 1 }).catch(() => {}); // a role may not make pools
  for (const dag of ["steady", "stumbling", "loose"])
    await until(() => call("PATCH", `dags/${dag}`, { is_paused: false })); // once it is parsed

  let made = 0;
  return {
    url,
    secret,
    folder,
    server: airflowServer(
      { name: "real", url },
      async () => secret,
      () => instant(Date.now()),
    ),
    call,
    trigger: async (dag, conf) => {
      made += 1;
      const dagRun = `story-${made}`;
      await call("POST", `dags/${dag}/dagRuns`, { dag_run_id: dagRun, logical_date: null, conf });
      return { dag, dagRun, task: "nap", mapIndex: -1 };
    },
    processes: async ({ dag, dagRun, task }) => {
      const { pid } = await call<{ pid: number }>("GET", `dags/${dag}/dagRuns/${dagRun}/taskInstances/${task}`);
      const [, parent] = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      return { task: pid, supervisor: Number(parent) };
    },
    stop: async () => {
      // Its scheduler waits for ever for workers that the stories have killed.
      for (const pid of treeOf(program.pid)) kill(pid);
      await program.left;
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/** A process and all that it has started, the oldest first. */
function treeOf(pid: number): readonly number[] {
  // Each thread has children of its own.
  const children = globSync(`/proc/${pid}/task/*/children`).flatMap(
    (file) => readFileSync(file, "utf8").match(/\d+/g) ?? [],
  );
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))];
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has ended meanwhile
  }
}

/** The state of a task instance once it is so; looked at for as long as the test may take. */
export async function taskWhen(
  { server }: Pick<Airflow, "server">,
  task: TaskKey,
  isReached: (found: { readonly state: string | undefined; readonly tryNumber: number }) => boolean,
): Promise<{ readonly state: string | undefined; readonly tryNumber: number }> {
  for (;;) {
    const found = await server.read(task);
    if (found !== undefined && isReached(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** A real server as the suite plays with it: its own executor runs the tasks. */
export function realStage(airflow: Airflow): AirflowStage {
  const log = join(airflow.folder, "suite.log");
  return {
    server: airflow.server,
    create: async () => {
      const task = await airflow.trigger("loose", { seconds: 600, log });
      await taskWhen(airflow, task, ({ state }) => state === "running");
      return task;
    },
    runs: async (task, tryNumber) =>
      void (await taskWhen(airflow, task, (found) => found.state === "running" && found.tryNumber === tryNumber)),
    crash: async (task) => {
      process.kill((await airflow.processes(task)).task, "SIGKILL");
      await taskWhen(airflow, task, ({ state }) => state === "failed");
    },
    vanish: async (task) => {
      const found = await airflow.processes(task);
      for (const pid of [found.supervisor, found.task]) process.kill(pid, "SIGKILL");
    },
    tries: async (task) => (await airflow.server.read(task))?.tryNumber ?? 0,
  };
}
