/** Names that the running code and the infrastructure share. */

/** The one table: partition key, sort key, TTL attribute (Unix seconds). */
export const TABLE = { partitionKey: "p", sortKey: "s", ttl: "t" } as const;

/**
 * The prefixes of the partition keys, by kind of item. IAM roles name them, too: the role of the beat may write to run
 * items only. A prefix is one letter, because a run item is billed by its bytes.
 */
export const PREFIX = {
  /** `L#<shard>`, sort key: the run. */
  liveRuns: "L#",
  /** `R#<run>`: spec, ledger and result. */
  record: "R#",
  /** `H#<host>`: what was said about the host, and the attempts that are or were on it. */
  host: "H#",
  /** `D#<hour>#<bucket>`: the runs that ended in that hour. */
  endedRuns: "D#",
  /** `T#<digest>`: templates of Jobs. */
  template: "T#",
  /** `W#<digest of its URL>`: webhooks that are gone. */
  webhook: "W#",
  /** `U#<day>`: events that no parser understood. */
  oddities: "U#",
} as const;

/** The environment variables of the Lambdas. */
export const ENVIRONMENT = {
  table: "LASTBEAT_TABLE",
  requeueQueue: "LASTBEAT_REQUEUE_QUEUE_URL",
  tickQueue: "LASTBEAT_TICK_QUEUE_URL",
  noticeQueue: "LASTBEAT_NOTICE_QUEUE_URL",
  /** The queue of the attempts that a target is asked to start, and its dead letters, if there are clusters, webhooks or orchestrators. */
  dispatchQueue: "LASTBEAT_DISPATCH_QUEUE_URL",
  dispatchDeadLetters: "LASTBEAT_DISPATCH_DEAD_LETTERS_URL",
  /** The queue of ticks for the looks at clusters, if there are clusters. */
  watchQueue: "LASTBEAT_WATCH_QUEUE_URL",
  /** The clusters that are watched: JSON, a list of `{name, region, role?, agentImage?}`. */
  clusters: "LASTBEAT_CLUSTERS",
  /** The webhooks: JSON, a list of `{name, url, secret, allowPrivate?}`; `secret` is an ARN. */
  webhooks: "LASTBEAT_WEBHOOKS",
  /** The orchestrators: JSON, a list of `{kind, name, url, secret?, ...}`; `secret` is an ARN. */
  orchestrators: "LASTBEAT_ORCHESTRATORS",
  /** Signing keys, the newest first: `<id>:<base64url secret>` joined by commas. For the embedded server. */
  keys: "LASTBEAT_KEYS",
  /** The secret of Secrets Manager that holds the signing keys. */
  keysSecret: "LASTBEAT_KEYS_SECRET",
  /** The least number of shards that new runs are spread over. The number in use never falls. */
  shards: "LASTBEAT_SHARDS",
  /** The function URL of the beat, to which beats may go directly. The reply to a claim names it. */
  beatUrl: "LASTBEAT_BEAT_URL",
  /** WARN leaves out the lines of decisions that no metric measures. The default is INFO. */
  logLevel: "LASTBEAT_LOG_LEVEL",
  /** The name of the deployment in its metrics. */
  name: "LASTBEAT_NAME",
  /** The public address of the front door, to which the canary sends its beats. */
  frontDoor: "LASTBEAT_FRONT_DOOR",
  /** The lease of a run whose owner asks for none. */
  leaseSeconds: "LASTBEAT_LEASE_SECONDS",
  retentionDays: "LASTBEAT_RETENTION_DAYS",
  /** "true": an interruption that one runner reports counts for its whole host. */
  trustRunners: "LASTBEAT_TRUST_RUNNERS",
  /** "true": an owner's call is answered even if IAM names no caller. */
  anonymousOwners: "LASTBEAT_ANONYMOUS_OWNERS",
  /** "ec2": a sweep asks EC2 about the machines of attempts that missed a beat. */
  machines: "LASTBEAT_MACHINES",
  /** Seconds between two sweeps. */
  sweepSeconds: "LASTBEAT_SWEEP_SECONDS",
} as const;

/**
 * The source of simulated events, because AWS reserves its own. The rules for the events of AWS accept this source,
 * too.
 */
export const DRILL_SOURCE = "lastbeat.drill";

/** The kinds of notices that have a rule each. The name of a rule is the stack's prefix followed by the kind. */
export const NOTICE_RULES = [
  "spot-interruption",
  "rebalance",
  "state-change",
  "capacity-reservation",
  "bid-evicted",
  "scale-in",
  "health",
] as const;

/** The names of the stack's CloudFormation outputs. */
export const OUTPUTS = {
  /** The first front door: the value for LASTBEAT_URL. */
  url: "Url",
  /** The ARN of the bus to which forwarders send events. */
  forwarderBus: "ForwarderBus",
  /** The ARN of the role with which owners in other accounts call. */
  ownerRole: "OwnerRole",
  table: "Table",
  requeueQueue: "RequeueQueueUrl",
  requeueDeadLetters: "RequeueDeadLettersUrl",
  noticeQueue: "NoticeQueueUrl",
  noticeDeadLetters: "NoticeDeadLettersUrl",
  /** The queues of attempts that a target is asked to start; only with clusters, webhooks or orchestrators. */
  dispatchQueue: "DispatchQueueUrl",
  dispatchDeadLetters: "DispatchDeadLettersUrl",
  /** The ARN of the secret that holds the signing keys. */
  keys: "KeysArn",
  /** `<name>=<ARN of the secret that signs its events>` for each webhook, separated by blanks. */
  webhookSecrets: "WebhookSecrets",
  /** The prefix of the names of all rules for notices. */
  rulePrefix: "RulePrefix",
  /** The ids of the front doors that exist. */
  httpApi: "HttpApiId",
  restApi: "RestApiId",
  /** The target for the DNS record of a custom domain. */
  domainTarget: "DomainTarget",
  /** The version of Lastbeat that was deployed. */
  version: "Version",
} as const;

/**
 * The one item that the service keeps about itself. The write that begins a sweep brings back everything that the sweep
 * must know. Instants are Unix milliseconds.
 */
export const CONTROL = {
  partition: "C",
  sort: "sweep",
  lastSweep: "d",
  canaryFailed: "b",
  canarySang: "a",
  canaryOpenSince: "o",
  freeze: "j",
  freezeFound: "f",
  shards: "n",
} as const;

/** The names of the metrics. Every metric has the deployment's name as a dimension; verdicts also have their cause. */
export const METRICS = {
  namespace: "Lastbeat",
  name: "Name",
  cause: "Cause",
  verdicts: "Verdicts",
  /** The time from the last beat of a silent attempt to its verdict. */
  detection: "DetectionLatency",
  live: "LiveRuns",
  sweepAge: "SweepAge",
  debtAge: "DebtAge",
  frozen: "Frozen",
  canaryFailed: "CanaryFailed",
  valveOpen: "ValveOpen",
  /** 1 for a look at a cluster that did not answer, 0 for one that did. */
  clusterSilent: "ClusterSilent",
  /** One for each time that an attempt could not be started yet. */
  dispatchDelayed: "DispatchDelayed",
} as const;

/** After this many receives a message goes to its dead-letter queue. */
export const MAX_RECEIVES = 5;

/**
 * How long a tick may wait. An older tick is worthless: its sweep would find nothing that a newer one does not find.
 */
export const TICK_RETENTION_SECONDS = 120;
