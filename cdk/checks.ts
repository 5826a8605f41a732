import { type Issuer, issuersOf } from "./issuers.ts";
import type { FrontDoorKind, Reservable, Settings } from "./props.ts";

/** The name of a rule has 64 characters at most, and ours of the longest one, -notice-capacity-reservation, has 28. */
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,35}$/;

/** What CloudWatch Logs takes. */
const LOG_DAYS: readonly number[] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653];

/** Ten million runs are 333,000 writes a second: far above what an account gets, and still no mistake in a unit. */
const MOST_RUNS = 10_000_000;

const RESERVABLE: readonly string[] = ["beat", "runner", "owner", "sweep", "notice"] satisfies readonly Reservable[];

/** What is wrong with an object: that it is none, or has a member of another name. */
function strangerIn(value: unknown, members: readonly string[]): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `is an object of ${members.join(", ")}; not ${JSON.stringify(value)}`;
  const odd = Object.keys(value).find((name) => !members.includes(name));
  return odd === undefined ? undefined : `has ${members.join(", ")}; not ${odd}`;
}

function wrongIssuer({ issuer, audience }: Issuer): string | undefined {
  if (!URL.canParse(issuer)) return "has an issuer that is no https URL";
  const { protocol, hostname } = new URL(issuer);
  // An emulator's own issuer is on the loopback interface.
  if (protocol !== "https:" && !(protocol === "http:" && hostname === "127.0.0.1"))
    return "has an issuer that is no https URL";
  if (/[?#]/.test(issuer)) return "has an issuer with a query or a fragment";
  return Array.isArray(audience) && audience.length > 0 ? undefined : "names no audience, as a list";
}

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

/** A check for each setting that a text or a number can get wrong. */
export const CHECKS: Checks = {
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
  beatUrl: (value, { jwt, restApi }) => {
    // Whatever else stands there would open the URL, "no" as well.
    const odd = flag(value);
    if (odd !== undefined) return odd;
    if (!value) return undefined;
    if (jwt !== undefined) return "cannot be on beside jwt: it would lead past the authorizer";
    return restApi === undefined
      ? undefined
      : "cannot be on beside restApi: it would lead past the private door or the web ACL";
  },
  jwt: (value, all) => {
    if (typeof value !== "object") return `is of the form {"issuer": "https://...", "audience": ["..."]}, or a list`;
    const issuers = issuersOf(all);
    if (issuers.length === 0) return "names no issuer";
    if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) return "names an issuer twice";
    if (issuers.length > 1 && all.frontDoors.includes("http-api"))
      return "names several issuers, which only a REST API knows: set frontDoors to rest-api";
    return issuers.map(wrongIssuer).find((wrong) => wrong !== undefined);
  },
  restApi: (value, all) => {
    if (!all.frontDoors.includes("rest-api")) return "is for the REST API, and there is none";
    // One that is misspelled would leave the door public.
    const unknown = strangerIn(value, ["vpcEndpointIds", "webAclArn"]);
    if (unknown !== undefined) return unknown;
    const { vpcEndpointIds, webAclArn } = value;
    const isList = vpcEndpointIds === undefined || (Array.isArray(vpcEndpointIds) && vpcEndpointIds.length > 0);
    if (!isList) return 'has vpcEndpointIds that are no list, as ["vpce-0123"]';
    const odd = vpcEndpointIds?.find((id) => !/^vpce-[0-9a-f]+$/.test(id));
    if (odd !== undefined) return `has vpcEndpointIds such as vpce-0123, not ${JSON.stringify(odd)}`;
    const isHidden = vpcEndpointIds !== undefined && all.frontDoors[0] === "rest-api" && all.publicUrl === undefined;
    if (isHidden && all.vpc === undefined && all.network === undefined)
      return "is private, and out of the canary's reach: set network, so that the Lambdas are in the VPC";
    return webAclArn === undefined || /^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional\/webacl\//.test(webAclArn)
      ? undefined
      : "has a webAclArn that is not of a regional web ACL";
  },
  accessLogs: flag,
  anonymousOwners: flag,
  ownerPrincipals: (value) => {
    const odd = value.find(
      (who) => !/^\d{12}$/.test(who) && !/^arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)\/[\w+=,.@/-]+)$/.test(who),
    );
    return odd === undefined
      ? undefined
      : `holds ids of accounts and ARNs of roles and users, not ${JSON.stringify(odd)}`;
  },
  alarmTopicArn: (value, { alarmTopic, observability }) => {
    if (observability === "none") return "is where alarms go, and observability is none";
    if (alarmTopic !== undefined) return "says the same as alarmTopic: set one of them";
    return /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/.test(value) ? undefined : "is the ARN of a topic";
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
  forwarderOrganization: (value) =>
    /^o-[a-z0-9]{10,32}$/.test(value) ? undefined : `is an id such as o-a1b2c3d4e5, not ${JSON.stringify(value)}`,
  reservedConcurrency: (value) => {
    if (typeof value !== "object") return `is of the form {"beat": 100}, not ${JSON.stringify(value)}`;
    const odd = Object.keys(value).find((name) => !RESERVABLE.includes(name));
    if (odd !== undefined) return `is for ${RESERVABLE.join(", ")}; not ${odd}`;
    const wrong = Object.values(value).find((count) => whole(1, 100_000)(count) !== undefined);
    return wrong === undefined ? undefined : `holds whole numbers from 1, not ${JSON.stringify(wrong)}`;
  },
  requeueVisibilitySeconds: whole(1, 43_200), // twelve hours are the most that SQS hides a message
  kmsKeyArn: (value) =>
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/.test(value)
      ? undefined
      : `is the ARN of a key, no alias, not ${JSON.stringify(value)}`,
  vpcSubnets: (_, { vpc }) => (vpc === undefined ? "is of a vpc, and there is none" : undefined),
  securityGroups: (_, { vpc }) => (vpc === undefined ? "is of a vpc, and there is none" : undefined),
  network: (value, { vpc }) => {
    if (vpc !== undefined) return "says the same as vpc: set one of them";
    const unknown = strangerIn(value, ["vpcId", "subnetIds", "securityGroupIds"]);
    if (unknown !== undefined) return unknown;
    const { vpcId, subnetIds, securityGroupIds = [] } = value;
    if (typeof vpcId !== "string" || !Array.isArray(subnetIds) || subnetIds.length === 0)
      return 'is of the form {"vpcId": "vpc-1", "subnetIds": ["subnet-1"]}';
    const ids: readonly (readonly [string, string])[] = [
      ["vpc", vpcId],
      ...subnetIds.map((id: string) => ["subnet", id] as const),
      ...securityGroupIds.map((id) => ["sg", id] as const),
    ];
    const odd = ids.find(([kind, id]) => !new RegExp(`^${kind}-[0-9a-f]+$`).test(id));
    return odd === undefined ? undefined : `has ids such as ${odd[0]}-0123, not ${JSON.stringify(odd[1])}`;
  },
};
