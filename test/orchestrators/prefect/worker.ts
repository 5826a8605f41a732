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

/** A process worker, on a machine of this name. */
export function startWorker(prefect: Prefect, lastbeatOf: Server, pool: string, host: string): Program {
  const environment = {
    ...prefect.environment,
    PYTHONPATH: PACKAGE,
    LASTBEAT_URL: lastbeatOf.info.api,
    LASTBEAT_TARGET: "prod",
    LASTBEAT_HOST: host,
    LASTBEAT_BINARY: existsSync(BINARY) ? BINARY : BIN,
    LASTBEAT_SPEC: JSON.stringify({ leaseSeconds: LEASE_SECONDS, backoff: { baseSeconds: 0 } }),
    PREFECT_WORKER_QUERY_SECONDS: "2",
  };
  const args = ["worker", "start", "--pool", pool, "--type", "process", "--name", host];
  return lastbeat(args, environment, [join(prefect.programs, "prefect")]);
}

/** One line of the log that a flow writes while it works. */
export type Tick = { readonly fence: string; readonly engine: number; readonly agent: number; readonly at: number };

export function ticksOf(log: string): readonly Tick[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter((parts) => parts.length === 4)
    .map(([fence = "", engine, agent, at]) => ({
      fence,
      engine: Number(engine),
      agent: Number(agent),
      at: Number(at),
    }));
}

/** The first line of an attempt after `before` others. */
export async function tickOf(log: string, before: number): Promise<Tick> {
  for (;;) {
    const fences = [...new Set(ticksOf(log).map(({ fence }) => fence))];
    const found = ticksOf(log).find(({ fence }) => fence === fences[before]);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Whether two engines have ever worked on one run at once: no line of an older one comes after one of a newer one. */
export function isOneAtATime(log: string): boolean {
  const ticks = [...ticksOf(log)].sort((a, b) => a.at - b.at);
  return ticks.every(({ fence }, index) => index === 0 || fence >= (ticks[index - 1] as Tick).fence);
}

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
