import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BIN, lastbeat, type Program, recordWhen, type Server } from "../../e2e/processes.ts";
import type { Prefect } from "./server.ts";

/** The sources of our Python package. */
export const PACKAGE = fileURLToPath(new URL("../../../agents/python/src", import.meta.url));
const BINARY = fileURLToPath(new URL("../../../agents/go/bin/lastbeat", import.meta.url));

/** The lease is short: a story waits for it. */
const LEASE_SECONDS = 6;

/** The variables of a worker on a machine of this name. */
const variables = (prefect: Prefect, lastbeatOf: Server, host: string): Record<string, string> => ({
  ...prefect.environment,
  PYTHONPATH: PACKAGE,
  LASTBEAT_URL: lastbeatOf.info.api,
  LASTBEAT_TARGET: "prod",
  LASTBEAT_HOST: host,
  LASTBEAT_BINARY: existsSync(BINARY) ? BINARY : BIN,
  LASTBEAT_SPEC: JSON.stringify({ leaseSeconds: LEASE_SECONDS, backoff: { baseSeconds: 0 } }),
  PREFECT_WORKER_QUERY_SECONDS: "2",
});

/** A process worker, on a machine of this name. */
export function startWorker(prefect: Prefect, lastbeatOf: Server, pool: string, host: string): Program {
  const args = ["worker", "start", "--pool", pool, "--type", "process", "--name", host];
  return lastbeat(args, variables(prefect, lastbeatOf, host), [join(prefect.programs, "prefect")]);
}

/** What a worker starts for a flow run, without the worker. */
export const startWrapper = (prefect: Prefect, lastbeatOf: Server, flowRunId: string): Program =>
  lastbeat(
    ["-m", "lastbeat.prefect"],
    { ...variables(prefect, lastbeatOf, "by-hand"), PREFECT__FLOW_RUN_ID: flowRunId },
    [join(prefect.programs, "python")],
  );

export type FlowRunView = {
  readonly id: string;
  readonly state: { readonly type: string; readonly name: string; readonly message: string | null };
  readonly run_count: number;
  readonly empirical_policy: { readonly retries: number | null };
};

/** A flow run of a deployment of the pool. */
export async function startFlow(
  prefect: Prefect,
  pool: string,
  name: string,
  parameters: object,
): Promise<{ readonly id: string; readonly run: string }> {
  const { id: deployment } = await prefect.call<{ id: string }>("GET", `/deployments/name/${name}/${pool}`);
  const { id } = await prefect.call<{ id: string }>("POST", `/deployments/${deployment}/create_flow_run`, {
    parameters,
    state: { type: "SCHEDULED" },
  });
  return { id, run: `prefect-${id}` };
}

export const flowRun = (prefect: Prefect, id: string): Promise<FlowRunView> => prefect.call("GET", `/flow_runs/${id}`);

/** The flow run once it is so; looked at for as long as the test may take. */
export async function flowRunWhen(
  prefect: Prefect,
  id: string,
  isReached: (found: FlowRunView) => boolean,
): Promise<FlowRunView> {
  for (;;) {
    const found = await flowRun(prefect, id);
    if (isReached(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The causes of all attempts, once the run has ended: its agent reports a moment after the engine did. */
export const causesAtEnd = async (of: Server, run: string): Promise<readonly (string | undefined)[]> =>
  (await recordWhen(of, run, ({ state }) => state === "ended")).attempts.map(({ cause }) => cause);

/** The processes that an agent has started beside its command: its watcher. */
export function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** The agent of an engine, and the process between them. */
export function ancestorsOf(engine: number): { readonly parent: number; readonly agent: number } {
  const parentOf = (pid: number): number =>
    Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  const parent = parentOf(engine);
  return { parent, agent: parentOf(parent) };
}
