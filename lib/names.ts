/** Names that the running code and the infrastructure share. */

/** The one table: partition key, sort key, TTL attribute (Unix seconds). */
export const TABLE = { partitionKey: "p", sortKey: "s", ttl: "t" } as const;

/** The environment of the Lambdas. */
export const ENVIRONMENT = {
  table: "LASTBEAT_TABLE",
  requeueQueue: "LASTBEAT_REQUEUE_QUEUE_URL",
  tickQueue: "LASTBEAT_TICK_QUEUE_URL",
  noticeQueue: "LASTBEAT_NOTICE_QUEUE_URL",
  /** Signing keys, the newest first: `<id>:<base64url secret>` joined by commas. */
  keys: "LASTBEAT_KEYS",
  /** Seconds between two sweeps. */
  sweepSeconds: "LASTBEAT_SWEEP_SECONDS",
} as const;

/** After so many receives a message goes to its dead-letter queue. */
export const MAX_RECEIVES = 5;

/** A tick that waited longer is worthless: its sweep would find nothing that a newer one does not. */
export const TICK_RETENTION_SECONDS = 120;
