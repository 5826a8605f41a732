import type { IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { ITopic } from "aws-cdk-lib/aws-sns";

/** `http-api`: an API Gateway HTTP API. `rest-api`: a REST API, for WAF, and emulators without HTTP APIs. */
export type FrontDoorKind = "http-api" | "rest-api";

/** Everything has a default: `new Lastbeat(this, "Lastbeat")` is complete. */
export type LastbeatProps = {
  /** What it is called in metrics, alarms and rules; once per account and region. Default: the name of its stack. */
  readonly name?: string;
  /**
   * Runs that are live at once, with the default lease of this deployment; one with half of it beats twice as often, and counts
   * twice. Shards, throttles and the sweep's memory follow from it. Default 1000.
   */
  readonly expectedRuns?: number;
  /**
   * Writes a second that the table is warmed up for (4,001 to 40,000), once, for a fleet that comes at one blow. AWS bills it, and
   * never lets it fall: a lower number, or one below what the table has grown to, fails the update. Default: not at all.
   */
  readonly warmWrites?: number;
  /** The lease of a run whose owner asks for none, in seconds (5 to 3600). Default 120. */
  readonly leaseSeconds?: number;
  /** Time between two sweeps, in seconds; a divisor of 60. Default 10. */
  readonly sweepSeconds?: number;
  /** How long what happened to a run can be asked for, in days (1 to 365). Default 30. */
  readonly retentionDays?: number;
  /**
   * The ways in, the first of which is the one that is announced. Pods have their address baked in: to change it, add the
   * new one, move the runners, and take the old one away after that. Default: an HTTP API.
   */
  readonly frontDoors?: readonly FrontDoorKind[];
  /** Beats go straight to a function URL, which costs nothing a request, where the HTTP API costs $1 a million. Default false. */
  readonly beatUrl?: boolean;
  /** An OIDC issuer, such as that of an EKS cluster, whose token runners send besides, in x-lastbeat-identity. HTTP API only. */
  readonly jwt?: { readonly issuer: string; readonly audience: readonly string[] };
  /**
   * A runner's word of an interruption counts for its whole host, as AWS's does, and not for its own attempt alone. Whoever holds
   * a token can then drain what stands on any host that he names. Default false.
   */
  readonly trustRunners?: boolean;
  /** A domain of your own for the HTTP API, with the ARN of its certificate in this region. */
  readonly domain?: { readonly name: string; readonly certificateArn: string };
  /** The address by which runners reach the first front door, when that is neither its own nor `domain`. */
  readonly publicUrl?: string;
  /** `alarms`: one per promise. `full`: and a dashboard. Default `alarms`. */
  readonly observability?: "none" | "alarms" | "full";
  /** Where alarms go. Default: nowhere but the console. */
  readonly alarmTopic?: ITopic;
  /** INFO: a line for each decision, and none for a beat. WARN: only those that are measured, or tell of an error. Default INFO. */
  readonly logLevel?: "INFO" | "WARN";
  /** How long the logs are kept, in days, as CloudWatch Logs offers them. Default 30. */
  readonly logRetentionDays?: number;
  /**
   * Time between two rotations of the signing keys, in days (2 to 1000); 0 leaves it to somebody else who calls the Lambda.
   * Default 90. A ticket is good for one to two of them.
   */
  readonly keyRotationDays?: number;
  /** `destroy` deletes table, queues and keys with the stack, and everything that they hold. Default `retain`. */
  readonly removalPolicy?: "retain" | "destroy";
  /** Accounts whose forwarders may put events on this account's default bus. */
  readonly forwarderAccounts?: readonly string[];
  /** Where the Lambdas run. It needs ways to DynamoDB, SQS, Secrets Manager and, for the canary, to the front door. */
  readonly vpc?: IVpc;
  readonly vpcSubnets?: SubnetSelection;
};

type Optional = "warmWrites" | "jwt" | "domain" | "publicUrl" | "alarmTopic" | "vpc" | "vpcSubnets";

export type Settings = Required<Omit<LastbeatProps, Optional>> & Pick<LastbeatProps, Optional>;

const DEFAULTS = {
  expectedRuns: 1000,
  leaseSeconds: 120,
  sweepSeconds: 10,
  retentionDays: 30,
  frontDoors: ["http-api"],
  beatUrl: false,
  trustRunners: false,
  observability: "alarms",
  logLevel: "INFO",
  logRetentionDays: 30,
  keyRotationDays: 90,
  removalPolicy: "retain",
  forwarderAccounts: [],
} as const satisfies Omit<Settings, "name">;

/** The name of a rule has 64 characters at most, and ours of the longest one, -notice-capacity-reservation, has 28. */
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,35}$/;

/** What CloudWatch Logs takes. */
const LOG_DAYS: readonly number[] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653];

/** Ten million runs are 333,000 writes a second: far above what an account gets, and still no mistake in a unit. */
const MOST_RUNS = 10_000_000;

/** What is wrong with a setting, by its name; nothing where it is good. */
type Checks = {
  readonly [K in keyof Settings]?: (value: NonNullable<Settings[K]>, all: Settings) => string | undefined;
};

const whole = (least: number, most: number) => (value: number) =>
  Number.isInteger(value) && value >= least && value <= most
    ? undefined
    : `is a whole number from ${least} to ${most.toLocaleString("en")}, not ${value}`;

const oneOf =
  (...allowed: readonly (string | number)[]) =>
  (value: string | number) =>
    allowed.includes(value) ? undefined : `is one of ${allowed.join(", ")}; not ${JSON.stringify(value)}`;

const address = (value: string): string | undefined =>
  URL.canParse(value) && /^https?:\/\/[^?#]+$/.test(value) ? undefined : `is a URL, not ${JSON.stringify(value)}`;

const flag = (value: unknown): string | undefined =>
  typeof value === "boolean" ? undefined : `is true or false, not ${JSON.stringify(value)}`;

const KINDS: readonly FrontDoorKind[] = ["http-api", "rest-api"];

function frontDoors(value: readonly FrontDoorKind[]): string | undefined {
  if (value.length === 0) return "names at least one front door";
  const odd = value.find((kind) => !KINDS.includes(kind));
  if (odd !== undefined) return `holds ${KINDS.join(" and ")}, not ${JSON.stringify(odd)}`;
  return new Set(value).size === value.length ? undefined : "names a front door twice";
}

const CHECKS: Checks = {
  name: (value) =>
    NAME.test(value)
      ? undefined
      : `begins with a letter and is 1 to 36 letters, digits and -, not ${JSON.stringify(value)}`,
  expectedRuns: whole(1, MOST_RUNS),
  warmWrites: whole(4001, 40_000), // what every new table has, and what a table gets without a quota of its own
  leaseSeconds: (value) => (value >= 5 && value <= 3600 ? undefined : `is a number from 5 to 3600, not ${value}`),
  sweepSeconds: (value) =>
    Number.isInteger(value) && value >= 1 && 60 % value === 0 ? undefined : `is a whole divisor of 60, not ${value}`,
  retentionDays: whole(1, 365),
  frontDoors,
  trustRunners: flag,
  beatUrl: (value, { jwt }) => {
    // Whatever else stands there would open the URL, "no" as well.
    const odd = flag(value);
    if (odd !== undefined) return odd;
    return value && jwt !== undefined ? "cannot be on beside jwt: it would lead past the authorizer" : undefined;
  },
  jwt: ({ issuer, audience }, all) => {
    if (!/^https:\/\//.test(issuer) && !/^http:\/\/127\.0\.0\.1/.test(issuer))
      return "has an issuer that is no https URL";
    if (!Array.isArray(audience) || audience.length === 0) return "names no audience, as a list";
    return all.frontDoors.includes("rest-api") ? "needs HTTP APIs only: a REST API has no such authorizer" : undefined;
  },
  domain: ({ name, certificateArn }, all) => {
    if (!all.frontDoors.includes("http-api")) return "is for the HTTP API, and there is none";
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name)) return `has a name that is no domain: ${JSON.stringify(name)}`;
    return /^arn:/.test(certificateArn) ? undefined : "has a certificateArn that is no ARN";
  },
  publicUrl: address,
  observability: oneOf("none", "alarms", "full"),
  logLevel: oneOf("INFO", "WARN"),
  logRetentionDays: oneOf(...LOG_DAYS),
  // A key signs a day after its rotation began, and a rotation during that day is refused.
  keyRotationDays: (value) => (value === 0 ? undefined : whole(2, 1000)(value)),
  removalPolicy: oneOf("retain", "destroy"),
  forwarderAccounts: (value) => {
    const odd = value.find((account) => !/^\d{12}$/.test(account));
    if (odd !== undefined) return `holds ids of 12 digits, not ${JSON.stringify(odd)}`;
    return new Set(value).size === value.length ? undefined : "names an account twice";
  },
};

/** A setting that cannot be: the message begins with its name. */
export class SettingError extends Error {}

function complain<K extends keyof Settings>(name: K, settings: Settings): string | undefined {
  const value = settings[name];
  if (value === undefined) return undefined;
  const wrong = CHECKS[name]?.(value as NonNullable<Settings[K]>, settings);
  return wrong === undefined ? undefined : `${name} ${wrong}`;
}

/** The settings with every default spelled out. Throws a SettingError that names all that is wrong. */
export function settingsOf(props: LastbeatProps, stackName: string): Settings {
  const given = Object.fromEntries(
    Object.entries(props).filter(([, value]) => value !== undefined && value !== null),
  ) as LastbeatProps;
  const settings: Settings = { ...DEFAULTS, name: stackName, ...given };
  const wrong = (Object.keys(CHECKS) as (keyof Settings)[])
    .map((name) => complain(name, settings))
    .filter((complaint) => complaint !== undefined);
  if (wrong.length > 0) throw new SettingError(wrong.join("; "));
  return settings;
}

type Fleet = Pick<Settings, "expectedRuns" | "leaseSeconds">;

/** Beats a second of the whole fleet: a quarter of a lease apart, 30 s at most (paceOf in lib/core/lease.ts). */
export const beatsPerSecond = ({ expectedRuns, leaseSeconds }: Fleet): number =>
  expectedRuns / Math.min(30, leaseSeconds / 4);

/** A shard carries about 250 beats a second: a quarter of what one partition of DynamoDB writes. */
export const shardsFor = (fleet: Fleet): number => Math.max(1, Math.ceil(beatsPerSecond(fleet) / 250));
