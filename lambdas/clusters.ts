import { kubernetesCluster } from "../lib/adapters/kubernetes/cluster.ts";
import { type EksCluster, eksConnection } from "../lib/adapters/kubernetes/eks.ts";
import { kubernetesJobs } from "../lib/adapters/kubernetes/jobs.ts";
import { type Rest, restClient } from "../lib/adapters/kubernetes/rest.ts";
import { nothingWatched, type Watched } from "../lib/app/watch.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Cluster } from "../lib/ports/clusters.ts";
import type { JobCluster } from "../lib/ports/jobs.ts";
import { once, setting } from "./variables.ts";

/** A cluster of the settings. */
type Setting = EksCluster & { readonly agentImage?: string };

/** A cluster, with what its looks have seen for as long as the process lives. */
export type KnownCluster = {
  readonly cluster: Cluster;
  readonly watched: Watched;
  readonly jobs: JobCluster;
  /** The image of the agent for its pods. */
  readonly agentImage: string;
};

/** The name that agents/go/Dockerfile suggests. The setting `agentImage` says where yours is. */
const AGENT_IMAGE = "lastbeat-agent";

const known = (name: string, rest: Rest, agentImage = AGENT_IMAGE): KnownCluster => ({
  cluster: kubernetesCluster(name, rest),
  watched: nothingWatched(),
  jobs: kubernetesJobs(rest),
  agentImage,
});

let others: readonly KnownCluster[] | undefined;

/** For the embedded server, whose clusters are in a kubeconfig. Call it before the first tick. */
export function useClusters(
  clusters: readonly { readonly name: string; readonly rest: Rest; readonly agentImage?: string }[],
): void {
  others = clusters.map(({ name, rest, agentImage }) => known(name, rest, agentImage));
}

const ofEks: () => readonly KnownCluster[] = once((environment) =>
  (JSON.parse(setting(environment, ENVIRONMENT.clusters)) as readonly Setting[]).map((each) =>
    known(each.name, restClient(eksConnection(each)), each.agentImage),
  ),
);

export const theClusters = (): readonly KnownCluster[] => others ?? ofEks();
