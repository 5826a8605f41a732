/** Names that the running code and the infrastructure share. */

/** The one table: partition key, sort key, TTL attribute (Unix seconds). */
export const TABLE = { partitionKey: "p", sortKey: "s", ttl: "t" } as const;

/**
 * What the partition keys begin with, by what lies there. Roles name them, too: a beat's may write to run items alone. Of one letter,
 * because a run item is billed by its bytes.
 */
export const PREFIX = {
  /** `L#<shard>`, sort key: the run. */
  liveRuns: "L#",
  /** `R#<run>`: spec, ledger and result. */
  record: "R#",
  /** `H#<host>`: what was said of it, and the attempts that stand or stood there. */
  host: "H#",
  /** `D#<hour>#<bucket>`: the runs that ended in it. */
  endedRuns: "D#",
  /** `U#<day>`: what nobody understood. */
  oddities: "U#",
} as const;

/** The environment of the Lambdas. */
export const ENVIRONMENT = {
  table: "LASTBEAT_TABLE",
  requeueQueue: "LASTBEAT_REQUEUE_QUEUE_URL",
  tickQueue: "LASTBEAT_TICK_QUEUE_URL",
  noticeQueue: "LASTBEAT_NOTICE_QUEUE_URL",
  /** Signing keys, the newest first: `<id>:<base64url secret>` joined by commas. For the embedded server. */
  keys: "LASTBEAT_KEYS",
  /** The secret of Secrets Manager that holds the signing keys. */
  keysSecret: "LASTBEAT_KEYS_SECRET",
  /** How many shards new runs are spread over at least; the number never falls. */
  shards: "LASTBEAT_SHARDS",
  /** Where beats may go directly: the function URL of the beat. The reply to a claim names it. */
  beatUrl: "LASTBEAT_BEAT_URL",
  /** WARN leaves out the lines of decisions that are measured by nothing; default INFO. */
  logLevel: "LASTBEAT_LOG_LEVEL",
  /** What the deployment is called in its metrics. */
  name: "LASTBEAT_NAME",
  /** What the canary asks: the public address of the front door. */
  frontDoor: "LASTBEAT_FRONT_DOOR",
  /** The lease of a run whose owner asks for none. */
  leaseSeconds: "LASTBEAT_LEASE_SECONDS",
  retentionDays: "LASTBEAT_RETENTION_DAYS",
  /** "true": a runner's word of an interruption counts for its whole host. */
  trustRunners: "LASTBEAT_TRUST_RUNNERS",
  /** "true": owners' calls that name no caller of IAM are answered, too. */
  anonymousOwners: "LASTBEAT_ANONYMOUS_OWNERS",
  /** Seconds between two sweeps. */
  sweepSeconds: "LASTBEAT_SWEEP_SECONDS",
} as const;

/** The source of events that somebody plays: AWS reserves its own. Rules for the events of AWS take this one too. */
export const DRILL_SOURCE = "lastbeat.drill";

/** The kinds of notices that have a rule each; its name is the stack's prefix and this. */
export const NOTICE_RULES = [
  "spot-interruption",
  "rebalance",
  "state-change",
  "capacity-reservation",
  "bid-evicted",
  "scale-in",
  "health",
] as const;

/** What a stack tells about itself: the names of its CloudFormation outputs. */
export const OUTPUTS = {
  /** The first front door: what LASTBEAT_URL takes. */
  url: "Url",
  /** The bus on which forwarders put events, by its ARN. */
  forwarderBus: "ForwarderBus",
  /** The role by which owners of other accounts call, by its ARN. */
  ownerRole: "OwnerRole",
  table: "Table",
  requeueQueue: "RequeueQueueUrl",
  requeueDeadLetters: "RequeueDeadLettersUrl",
  noticeQueue: "NoticeQueueUrl",
  noticeDeadLetters: "NoticeDeadLettersUrl",
  /** The ARN of the secret that holds the signing keys. */
  keys: "KeysArn",
  /** What the names of all rules for notices begin with. */
  rulePrefix: "RulePrefix",
  /** The ids of the front doors that there are. */
  httpApi: "HttpApiId",
  restApi: "RestApiId",
  /** What the DNS record of a domain of one's own has to point to. */
  domainTarget: "DomainTarget",
  /** The version of Lastbeat that was deployed. */
  version: "Version",
} as const;

/**
 * The one item that the plumbing itself keeps, so that the write that begins a sweep brings back all that the sweep must
 * know. Instants are Unix milliseconds.
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

/** The names of the metrics, all by the deployment's name; verdicts by their cause, too. */
export const METRICS = {
  namespace: "Lastbeat",
  name: "Name",
  cause: "Cause",
  verdicts: "Verdicts",
  /** From the last beat to the verdict of an attempt that fell silent. */
  detection: "DetectionLatency",
  live: "LiveRuns",
  sweepAge: "SweepAge",
  debtAge: "DebtAge",
  frozen: "Frozen",
  canaryFailed: "CanaryFailed",
  valveOpen: "ValveOpen",
} as const;

/** After so many receives a message goes to its dead-letter queue. */
export const MAX_RECEIVES = 5;

/** A tick that waited longer is worthless: its sweep would find nothing that a newer one does not. */
export const TICK_RETENTION_SECONDS = 120;
