import type { SeenPod } from "./clusters.ts";

/** A Job, as far as its starter needs it. */
export type SeenJob = {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly isOver: boolean;
  /** Somebody, such as Kueue, lets it wait: it has no pod until it is resumed. */
  readonly isSuspended: boolean;
};

/**
 * The Jobs of a cluster. What the API server refuses for good is thrown as a `Refused`, and everything else that it does
 * not do as a `Busy`.
 */
export type JobCluster = {
  /** `exists`: there is a Job of this name already. */
  create(job: object): Promise<SeenJob | "exists">;
  /** An existing one is kept. */
  createSecret(secret: object): Promise<void>;
  /** Read from the store, not from a cache. */
  read(namespace: string, name: string): Promise<SeenJob | undefined>;
  /** With its pods. Guard: it still has this uid. One that is gone, or that is another one, is left alone. */
  remove(namespace: string, name: string, uid: string): Promise<void>;
  /** The Jobs with these labels that nobody has deleted, read from the store. */
  jobs(namespace: string, selector: string): Promise<readonly SeenJob[]>;
  /** The pods with these labels, read from the store. */
  pods(namespace: string, selector: string): Promise<readonly SeenPod[]>;
};
