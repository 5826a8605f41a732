import { expect } from "vitest";
import type { RecordView } from "../../../lib/wire/run-view.ts";
import { lastbeat } from "../../e2e/processes.ts";
import { startWorld, type World } from "./world.ts";

const PODS = "/api/v1/pods";
const JOBS = "/apis/batch/v1/jobs";

type Listed = {
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly status: { readonly phase?: string };
};

const isAlive = ({ status }: Listed): boolean => status.phase === "Pending" || status.phase === "Running";

/** Runs whose attempts are Jobs without an agent in a world, and what is seen of them. */
export type Fleet = {
  readonly world: World;
  /** The template is a Job or a pod, in the form of Kubernetes. */
  register(run: string, template: object, namespace?: string): Promise<void>;
  record(run: string): Promise<RecordView>;
  /** Looks at all runs. Whoever has two pods at this moment is remembered. */
  look(): Promise<readonly RecordView[]>;
  /** Runs that had two pods at a time. */
  readonly doubled: ReadonlySet<string>;
  /** The names of all Jobs of runs. */
  jobs(): Promise<ReadonlySet<string>>;
  stop(): Promise<void>;
};

export async function startFleet(): Promise<Fleet> {
  const world = await startWorld();
  const program = lastbeat(["dev", "--port", "0", "--sweep", "5", "--kubeconfig", world.plane.kubeconfig]);
  const url = (await program.line(/lastbeat listens on (\S+)/))[1] ?? "";
  const runs: string[] = [];
  const doubled = new Set<string>();
  const list = async (path: string): Promise<readonly Listed[]> =>
    ((await world.plane.call({ path, query: { labelSelector: "lastbeat.dev/run" } })) as { items: readonly Listed[] })
      .items;
  const record = async (run: string): Promise<RecordView> =>
    (await (await fetch(`${url}/v1/runs/${run}`, { headers: { connection: "close" } })).json()) as RecordView;
  return {
    world,
    doubled,
    record,
    register: async (run, template, namespace = "default") => {
      const target = { kind: "job", cluster: "test", namespace, agent: "none", template };
      const body = JSON.stringify({ start: "dispatch", backoff: { baseSeconds: 0 }, target });
      const headers = { connection: "close" };
      const { status } = await fetch(`${url}/v1/runs/${run}`, { method: "PUT", body, headers });
      expect(status).toBe(201);
      runs.push(run);
    },
    look: async () => {
      const alive = (await list(PODS)).filter(isAlive).map(({ metadata }) => metadata.labels["lastbeat.dev/run"] ?? "");
      for (const run of alive) if (alive.indexOf(run) !== alive.lastIndexOf(run)) doubled.add(run);
      const found: RecordView[] = [];
      for (const run of runs) found.push(await record(run));
      return found;
    },
    jobs: async () => new Set((await list(JOBS)).map(({ metadata }) => metadata.name)),
    stop: async () => {
      program.child.kill("SIGTERM");
      await program.left;
      await world.stop();
    },
  };
}
