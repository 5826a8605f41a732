/**
 * What a watch has found in one look at a cluster. `known`: pods that were seen to end before. Of pods without an agent:
 * `running`, how many there are; `claimed`, attempts that were claimed for them; `beaten`, leases that were renewed;
 * `stopped`, pods whose attempt is over.
 */
export type WatchCounts = Record<
  | "ended"
  | "known"
  | "reported"
  | "gone"
  | "told"
  | "other"
  | "waiting"
  | "running"
  | "claimed"
  | "beaten"
  | "stopped"
  | "failed",
  number
>;

export const NOTHING_SEEN: WatchCounts = {
  ended: 0,
  known: 0,
  reported: 0,
  gone: 0,
  told: 0,
  other: 0,
  waiting: 0,
  running: 0,
  claimed: 0,
  beaten: 0,
  stopped: 0,
  failed: 0,
};

/** The decisions in the lines of a look at a cluster, and of a cluster that did not answer. */
export const WATCHED = "watched";
export const CLUSTER_SILENT = "cluster-silent";
