import { Token } from "aws-cdk-lib";
import { DNS_LABEL } from "../lib/wire/ids.ts";
import { type Issuer, issuersOf } from "./issuers.ts";
import type { ClusterProps, FrontDoorKind, OrchestratorProps, Reservable, Settings, WebhookProps } from "./props.ts";

/** The name of a rule has at most 64 characters. Our longest ending, -notice-capacity-reservation, has 28. */
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,35}$/;

/** The values that CloudWatch Logs accepts. */
const LOG_DAYS: readonly number[] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653];

/**
 * Ten million runs need 333,000 writes a second. That is far above the quota of an account; more is probably a typing
 * error.
 */
const MOST_RUNS = 10_000_000;

const RESERVABLE: readonly string[] = [
  "beat",
  "runner",
  "owner",
  "sweep",
  "notice",
  "dispatch",
] satisfies readonly Reservable[];

/** What is wrong with an object: it is not an object, or it has an unknown member. */
function strangerIn(value: unknown, members: readonly string[]): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `must be an object with ${members.join(", ")}; not ${JSON.stringify(value)}`;
  const odd = Object.keys(value).find((name) => !members.includes(name));
  return odd === undefined ? undefined : `may have ${members.join(", ")}; not ${odd}`;
}

function wrongIssuer({ issuer, audience }: Issuer): string | undefined {
  if (!URL.canParse(issuer)) return "has an issuer that is not an https URL";
  const { protocol, hostname } = new URL(issuer);
  // An emulator's own issuer is on the loopback interface.
  if (protocol !== "https:" && !(protocol === "http:" && hostname === "127.0.0.1"))
    return "has an issuer that is not an https URL";
  if (/[?#]/.test(issuer)) return "has an issuer with a query or a fragment";
  return Array.isArray(audience) && audience.length > 0 ? undefined : "needs an audience, as a list";
}

/** The names of clusters, by the API of EKS. */
const CLUSTER = /^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/;

const isListOf = (value: unknown, pattern: RegExp): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string" && pattern.test(each));

function wrongCluster(cluster: ClusterProps): string | undefined {
  const unknown = strangerIn(cluster, ["name", "region", "role", "agentImage", "namespaces", "accessEntries"]);
  if (unknown !== undefined) return unknown;
  const { name, region, role, agentImage, namespaces = ["default"], accessEntries } = cluster;
  if (typeof name !== "string" || !CLUSTER.test(name)) return `needs names of clusters, not ${JSON.stringify(name)}`;
  if (region !== undefined && !/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) return `has a region that is none: ${region}`;
  if (role !== undefined && !/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(role))
    return "has a role that is not the ARN of a role";
  if (agentImage !== undefined && !/^[\w./:@-]{1,255}$/.test(agentImage)) return "has an agentImage that is no image";
  if (!isListOf(namespaces, DNS_LABEL)) return "has namespaces that are no list of names of namespaces";
  return accessEntries === undefined || typeof accessEntries === "boolean"
    ? undefined
    : "has accessEntries that are no flag";
}

const isSecretArn = (text: string): boolean =>
  /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+-\w{6}$/.test(text) || Token.isUnresolved(text);
const NOT_WHOLE = "has a secretArn that is not the whole ARN of a secret, with the six letters at its end";

function wrongOrchestrator(orchestrator: OrchestratorProps): string | undefined {
  const unknown = strangerIn(orchestrator, ["kind", "name", "url", "secretArn", "onDemand"]);
  if (unknown !== undefined) return unknown;
  const { kind, name, url, secretArn, onDemand } = orchestrator;
  if (kind !== "prefect" && kind !== "airflow")
    return `has a kind that is not prefect or airflow: ${JSON.stringify(kind)}`;
  if (typeof name !== "string" || !DNS_LABEL.test(name))
    return `needs names of lower-case letters, digits and -, not ${JSON.stringify(name)}`;
  const { protocol, username, password } = URL.parse(String(url)) ?? {};
  if (protocol !== "https:" && protocol !== "http:") return `needs addresses, not ${JSON.stringify(url)}`;
  if (username !== "" || password !== "") return "has a password in an address: it belongs in a secret";
  if (secretArn !== undefined && !isSecretArn(secretArn)) return NOT_WHOLE;
  if (secretArn !== undefined && protocol === "http:")
    return `would send a secret to ${url}, where everybody on the way can read it: use https://`;
  return onDemand === undefined || (typeof onDemand === "object" && onDemand !== null && !Array.isArray(onDemand))
    ? undefined
    : "has onDemand that are no job variables";
}

function wrongWebhook(webhook: WebhookProps): string | undefined {
  const unknown = strangerIn(webhook, ["name", "url", "secretArn", "allowPrivate"]);
  if (unknown !== undefined) return unknown;
  const { name, url, secretArn, allowPrivate } = webhook;
  if (typeof name !== "string" || !DNS_LABEL.test(name))
    return `needs names of lower-case letters, digits and -, not ${JSON.stringify(name)}`;
  const { protocol, username, password } = URL.parse(String(url)) ?? {};
  if (protocol !== "https:") return `needs addresses that begin with https://, not ${JSON.stringify(url)}`;
  if (username !== "" || password !== "") return "has a password in an address: its signature says who sends an event";
  if (secretArn !== undefined && !isSecretArn(secretArn)) return NOT_WHOLE;
  return allowPrivate === undefined || typeof allowPrivate === "boolean"
    ? undefined
    : "has an allowPrivate that is no flag";
}

/** What is wrong with a setting, by its name; undefined if it is valid. */
type Checks = {
  readonly [K in keyof Settings]?: (value: NonNullable<Settings[K]>, all: Settings) => string | undefined;
};

const whole = (least: number, most: number) => (value: number) =>
  Number.isInteger(value) && value >= least && value <= most
    ? undefined
    : `must be a whole number from ${least} to ${most.toLocaleString("en")}, not ${value}`;

const oneOf =
  (...allowed: readonly (string | number)[]) =>
  (value: string | number) =>
    allowed.includes(value) ? undefined : `must be one of ${allowed.join(", ")}; not ${JSON.stringify(value)}`;

const address = (value: string): string | undefined =>
  URL.canParse(value) && /^https?:\/\/[^?#]+$/.test(value) ? undefined : `must be a URL, not ${JSON.stringify(value)}`;

const flag = (value: unknown): string | undefined =>
  typeof value === "boolean" ? undefined : `must be true or false, not ${JSON.stringify(value)}`;

const KINDS: readonly FrontDoorKind[] = ["http-api", "rest-api"];

function frontDoors(value: readonly FrontDoorKind[]): string | undefined {
  if (value.length === 0) return "must name at least one front door";
  const odd = value.find((kind) => !KINDS.includes(kind));
  if (odd !== undefined) return `may have ${KINDS.join(" and ")}, not ${JSON.stringify(odd)}`;
  return new Set(value).size === value.length ? undefined : "names a front door twice";
}

/** A check for each setting whose text or number can be wrong. */
export const CHECKS: Checks = {
  name: (value) =>
    NAME.test(value)
      ? undefined
      : `must begin with a letter and have 1 to 36 letters, digits and -, not ${JSON.stringify(value)}`,
  expectedRuns: whole(1, MOST_RUNS),
  warmWrites: whole(4001, 40_000), // the capacity of every new table, and the quota of a table by default
  leaseSeconds: (value) => (value >= 5 && value <= 3600 ? undefined : `must be a number from 5 to 3600, not ${value}`),
  sweepSeconds: (value) =>
    Number.isInteger(value) && value >= 1 && 60 % value === 0
      ? undefined
      : `must be a whole divisor of 60, not ${value}`,
  retentionDays: whole(1, 365),
  frontDoors,
  trustRunners: flag,
  beatUrl: (value, { jwt, restApi }) => {
    // Any other value would open the URL, even "no".
    const odd = flag(value);
    if (odd !== undefined) return odd;
    if (!value) return undefined;
    if (jwt !== undefined) return "cannot be on together with jwt: beats would bypass the authorizer";
    return restApi === undefined
      ? undefined
      : "cannot be on together with restApi: beats would bypass the private API or the web ACL";
  },
  jwt: (value, all) => {
    if (typeof value !== "object")
      return `must have the form {"issuer": "https://...", "audience": ["..."]}, or be a list of these`;
    const issuers = issuersOf(all);
    if (issuers.length === 0) return "must name an issuer";
    if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) return "names an issuer twice";
    if (issuers.length > 1 && all.frontDoors.includes("http-api"))
      return "names several issuers, which only a REST API accepts: set frontDoors to rest-api";
    return issuers.map(wrongIssuer).find((wrong) => wrong !== undefined);
  },
  restApi: (value, all) => {
    if (!all.frontDoors.includes("rest-api")) return "needs a REST API: add rest-api to frontDoors";
    // A misspelled member would leave the API public.
    const unknown = strangerIn(value, ["vpcEndpointIds", "webAclArn"]);
    if (unknown !== undefined) return unknown;
    const { vpcEndpointIds, webAclArn } = value;
    const isList = vpcEndpointIds === undefined || (Array.isArray(vpcEndpointIds) && vpcEndpointIds.length > 0);
    if (!isList) return 'needs vpcEndpointIds as a list, such as ["vpce-0123"]';
    const odd = vpcEndpointIds?.find((id) => !/^vpce-[0-9a-f]+$/.test(id));
    if (odd !== undefined) return `needs vpcEndpointIds such as vpce-0123, not ${JSON.stringify(odd)}`;
    const isHidden = vpcEndpointIds !== undefined && all.frontDoors[0] === "rest-api" && all.publicUrl === undefined;
    if (isHidden && all.vpc === undefined && all.network === undefined)
      return "is private, so the canary cannot reach it: set network, so that the Lambdas are in the VPC";
    return webAclArn === undefined || /^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional\/webacl\//.test(webAclArn)
      ? undefined
      : "needs the ARN of a regional web ACL as webAclArn";
  },
  accessLogs: flag,
  anonymousOwners: flag,
  ownerPrincipals: (value) => {
    const odd = value.find(
      (who) => !/^\d{12}$/.test(who) && !/^arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)\/[\w+=,.@/-]+)$/.test(who),
    );
    return odd === undefined
      ? undefined
      : `may have ids of accounts and ARNs of roles and users, not ${JSON.stringify(odd)}`;
  },
  alarmTopicArn: (value, { alarmTopic, observability }) => {
    if (observability === "none") return "needs alarms: set observability to alarms or full";
    if (alarmTopic !== undefined) return "means the same as alarmTopic: set only one of them";
    return /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/.test(value) ? undefined : "must be the ARN of a topic";
  },
  domain: ({ name, certificateArn }, all) => {
    if (!all.frontDoors.includes("http-api")) return "needs an HTTP API: add http-api to frontDoors";
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name)) return `has a name that is not a domain: ${JSON.stringify(name)}`;
    return /^arn:/.test(certificateArn) ? undefined : "has a certificateArn that is not an ARN";
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
    if (odd !== undefined) return `may have ids of 12 digits, not ${JSON.stringify(odd)}`;
    return new Set(value).size === value.length ? undefined : "names an account twice";
  },
  forwarderOrganization: (value) =>
    /^o-[a-z0-9]{10,32}$/.test(value) ? undefined : `must be an id such as o-a1b2c3d4e5, not ${JSON.stringify(value)}`,
  reservedConcurrency: (value) => {
    if (typeof value !== "object") return `must have the form {"beat": 100}, not ${JSON.stringify(value)}`;
    const odd = Object.keys(value).find((name) => !RESERVABLE.includes(name));
    if (odd !== undefined) return `may have ${RESERVABLE.join(", ")}; not ${odd}`;
    const wrong = Object.values(value).find((count) => whole(1, 100_000)(count) !== undefined);
    return wrong === undefined ? undefined : `must have whole numbers from 1, not ${JSON.stringify(wrong)}`;
  },
  requeueVisibilitySeconds: whole(1, 43_200), // SQS hides a message for at most twelve hours
  clusters: (value) => {
    if (!Array.isArray(value)) return `must be a list such as [{"name": "prod"}], not ${JSON.stringify(value)}`;
    const names = new Set(value.map(({ name }) => name));
    if (names.size < value.length) return "names a cluster twice";
    return value.map(wrongCluster).find((wrong) => wrong !== undefined);
  },
  webhooks: (value) => {
    if (!Array.isArray(value))
      return `must be a list such as [{"name": "ci", "url": "https://…"}], not ${JSON.stringify(value)}`;
    const names = new Set(value.map(({ name }) => name));
    if (names.size < value.length) return "names a webhook twice";
    return value.map(wrongWebhook).find((wrong) => wrong !== undefined);
  },
  orchestrators: (value) => {
    if (!Array.isArray(value))
      return `must be a list such as [{"kind": "prefect", "name": "prod", "url": "https://…/api"}], not ${JSON.stringify(value)}`;
    const names = new Set(value.map(({ kind, name }) => `${kind}/${name}`));
    if (names.size < value.length) return "names an orchestrator twice";
    return value.map(wrongOrchestrator).find((wrong) => wrong !== undefined);
  },
  kmsKeyArn: (value) =>
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/.test(value)
      ? undefined
      : `must be the ARN of a key (an alias is not accepted), not ${JSON.stringify(value)}`,
  vpcSubnets: (_, { vpc }) => (vpc === undefined ? "needs a vpc: set vpc, too" : undefined),
  securityGroups: (_, { vpc }) => (vpc === undefined ? "needs a vpc: set vpc, too" : undefined),
  network: (value, { vpc }) => {
    if (vpc !== undefined) return "means the same as vpc: set only one of them";
    const unknown = strangerIn(value, ["vpcId", "subnetIds", "securityGroupIds"]);
    if (unknown !== undefined) return unknown;
    const { vpcId, subnetIds, securityGroupIds = [] } = value;
    if (typeof vpcId !== "string" || !Array.isArray(subnetIds) || subnetIds.length === 0)
      return 'must have the form {"vpcId": "vpc-1", "subnetIds": ["subnet-1"]}';
    const ids: readonly (readonly [string, string])[] = [
      ["vpc", vpcId],
      ...subnetIds.map((id: string) => ["subnet", id] as const),
      ...securityGroupIds.map((id) => ["sg", id] as const),
    ];
    const odd = ids.find(([kind, id]) => !new RegExp(`^${kind}-[0-9a-f]+$`).test(id));
    return odd === undefined ? undefined : `needs ids such as ${odd[0]}-0123, not ${JSON.stringify(odd[1])}`;
  },
};
