import type { RecordView } from "../../../lib/wire/run-view.ts";
import { startEmbedded } from "../embedded.ts";
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
  const lastbeat = await startEmbedded(world.plane.kubeconfig);
  const runs: string[] = [];
  const doubled = new Set<string>();
  const list = async (path: string): Promise<readonly Listed[]> =>
    ((await world.plane.call({ path, query: { labelSelector: "lastbeat.dev/run" } })) as { items: readonly Listed[] })
      .items;
  return {
    world,
    doubled,
    register: async (run, template, namespace = "default") => {
      const target = { kind: "job", cluster: "test", namespace, agent: "none", template };
      await lastbeat.register(run, { start: "dispatch", backoff: { baseSeconds: 0 }, target });
      runs.push(run);
    },
    look: async () => {
      const alive = (await list(PODS)).filter(isAlive).map(({ metadata }) => metadata.labels["lastbeat.dev/run"] ?? "");
      for (const run of alive) if (alive.indexOf(run) !== alive.lastIndexOf(run)) doubled.add(run);
      const found: RecordView[] = [];
      for (const run of runs) found.push(await lastbeat.record(run));
      return found;
    },
    jobs: async () => new Set((await list(JOBS)).map(({ metadata }) => metadata.name)),
    stop: async () => {
      await lastbeat.stop();
      await world.stop();
    },
  };
}
