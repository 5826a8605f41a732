import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prefectServer } from "../../../lib/adapters/orchestrator/prefect.ts";
import { instant } from "../../../lib/core/time.ts";
import { Busy } from "../../../lib/ports/dispatch.ts";
import type { PrefectServer } from "../../../lib/ports/prefect.ts";
import type { AskedState, PrefectStage } from "../../dispatch/prefect/stage.ts";
import { lastbeat, type Program } from "../../e2e/processes.ts";
import { freePort } from "../../free-port.ts";
import { pythonPrograms } from "../../python-programs.ts";

/** A real server of Prefect, in a folder of its own. */
export type Prefect = {
  /** The address of its API. */
  readonly api: string;
  /** The variables for everything that speaks with it. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder of its programs. */
  readonly programs: string;
  readonly folder: string;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Ends the server at once, as a crash does, and starts it again on the same port. */
  restart(away: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
};

export async function startPrefect(): Promise<Prefect> {
  const programs = pythonPrograms({ name: "prefect", requirements: new URL("requirements.txt", import.meta.url) });
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-prefect-"));
  const port = await freePort();
  const api = `http://127.0.0.1:${port}/api`;
  const environment = {
    PREFECT_HOME: folder,
    PREFECT_API_URL: api,
    PREFECT_SERVER_ANALYTICS_ENABLED: "false",
    PREFECT_SERVER_UI_ENABLED: "false",
    DO_NOT_TRACK: "1",
    PATH: `${programs}:${process.env["PATH"]}`,
  };

  const start = async (): Promise<Program> => {
    const args = ["server", "start", "--host", "127.0.0.1", "--port", String(port), "--no-ui"];
    const program = lastbeat(args, environment, [join(programs, "prefect")]);
    for (;;) {
      const isUp = await fetch(`${api}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isUp) return program;
      const left = await Promise.race([program.left, new Promise((resolve) => setTimeout(resolve, 200))]);
      if (left !== undefined) throw new Error(`Prefect left with ${left}: ${program.errors.join("\n")}`);
    }
  };

  let program = await start();
  return {
    api,
    environment,
    programs,
    folder,
    call: async (method, path, body) => {
      for (;;) {
        const response = await fetch(`${api}${path}`, {
          method,
          headers: { "content-type": "application/json" },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        }).catch(() => undefined); // it closes a connection that nobody has used for 5 s
        const text = await response?.text();
        if (response?.ok === true) return (text === "" || text === undefined ? undefined : JSON.parse(text)) as never;
        // Its database is locked by another request: for as long as the test may take.
        if (response !== undefined && response.status !== 503)
          throw new Error(`${method} ${path}: ${response.status} ${text}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    restart: async (away) => {
      program.child.kill("SIGKILL");
      await program.left;
      await away();
      program = await start();
    },
    stop: async () => {
      program.child.kill("SIGTERM");
      await program.left;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a program of the environment to its end. */
export const run = (
  { programs, environment }: Prefect,
  more: Readonly<Record<string, string>>,
  program: string,
  ...args: readonly string[]
): string =>
  execFileSync(join(programs, program), [...args], {
    env: { ...process.env, ...environment, ...more },
    encoding: "utf8",
  });

/** A call is made again while the server has too much to do, as the queue of dispatches does it. */
async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Busy)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function patient(server: PrefectServer): PrefectServer {
  return {
    read: (...asked) => patiently(() => server.read(...asked)),
    transition: (...asked) => patiently(() => server.transition(...asked)),
    setPolicy: (...asked) => patiently(() => server.setPolicy(...asked)),
    setJobVariables: (...asked) => patiently(() => server.setJobVariables(...asked)),
    addLabels: (...asked) => patiently(() => server.addLabels(...asked)),
  };
}

/** A real server as the suite plays with it. No worker takes these flow runs. */
export function realStage({ api, call }: Prefect): PrefectStage {
  let made = 0;
  return {
    server: patient(
      prefectServer(
        { name: "real", url: api },
        async () => "",
        () => instant(Date.now()),
      ),
    ),
    create: async ({ hasDeployment = true, retries = 0 } = {}) => {
      made += 1;
      const name = `suite-${made}`;
      const flow = await call<{ id: string }>("POST", "/flows/", { name });
      const policy = { empirical_policy: { retries, retry_delay: 0 }, state: { type: "SCHEDULED" } };
      if (!hasDeployment)
        return (await call<{ id: string }>("POST", "/flow_runs/", { flow_id: flow.id, ...policy })).id;
      const deployment = await call<{ id: string }>("POST", "/deployments/", { name, flow_id: flow.id });
      return (await call<{ id: string }>("POST", `/deployments/${deployment.id}/create_flow_run`, policy)).id;
    },
    ask: async (id, { type, name, message, transitionId }) => {
      const state = {
        type,
        ...(name !== undefined && { name }),
        ...(message !== undefined && { message }),
        state_details: { transition_id: transitionId },
      };
      const { status, details } = await call<{ status: "ACCEPT"; details: { reason?: string } }>(
        "POST",
        `/flow_runs/${id}/set_state`,
        { state, force: false },
      );
      return { status, reason: details.reason ?? "" };
    },
    states: async (id) => {
      const states = await call<{ type: AskedState["type"]; name: string; message: string | null }[]>(
        "GET",
        `/flow_run_states/?flow_run_id=${id}`,
      );
      return states.map(({ type, name, message }) => ({ type, name, message: message ?? "" }));
    },
  };
}
