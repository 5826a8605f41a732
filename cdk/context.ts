import type { Node } from "constructs";
import { type LastbeatProps, SettingError } from "./settings.ts";

/** What begins so is meant for us. Anything else in the context belongs to the CDK or to somebody else's app. */
const PREFIX = "lastbeat:";

/** How a setting is read from a text; in cdk.json it may stand as what it is. */
type Read = (value: unknown) => unknown;

const asText: Read = (value) => (typeof value === "string" ? value : String(value));
const asNumber: Read = (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value);
const asFlag: Read = (value) => (value === "true" ? true : value === "false" ? false : value);
const asList: Read = (value) =>
  Array.isArray(value)
    ? value
    : String(value)
        .split(",")
        .map((part) => part.trim());
/** What is no JSON stays a text, and is refused by the name of its setting. */
const asIs: Read = (value) => {
  try {
    return typeof value === "string" ? JSON.parse(value) : value;
  } catch {
    return value;
  }
};

/** The settings that a text can say; constructs of the CDK need an app of your own. */
const READ: Readonly<Record<string, Read>> = {
  name: asText,
  expectedRuns: asNumber,
  warmWrites: asNumber,
  leaseSeconds: asNumber,
  sweepSeconds: asNumber,
  retentionDays: asNumber,
  frontDoors: asList,
  beatUrl: asFlag,
  trustRunners: asFlag,
  jwt: asIs,
  domain: asIs,
  publicUrl: asText,
  observability: asText,
  logLevel: asText,
  logRetentionDays: asNumber,
  keyRotationDays: asNumber,
  removalPolicy: asText,
  forwarderAccounts: asList,
  forwarderOrganization: asText,
  restApi: asIs,
  accessLogs: asFlag,
  ownerPrincipals: asList,
  anonymousOwners: asFlag,
  alarmTopicArn: asText,
  reservedConcurrency: asIs,
  requeueVisibilitySeconds: asNumber,
  kmsKeyArn: asText,
  network: asIs,
} satisfies {
  [K in Exclude<keyof LastbeatProps, "alarmTopic" | "vpc" | "vpcSubnets" | "securityGroups">]-?: Read;
};

export type Context = {
  readonly stackName?: string;
  readonly forwardTo?: string;
  /** Tags of all that the app makes. */
  readonly tags: Readonly<Record<string, string>>;
  readonly props: LastbeatProps;
};

/** What the context says. Throws a SettingError that names a setting that there is not. */
export function contextOf(node: Node): Context {
  const all = (node.getAllContext() ?? {}) as Readonly<Record<string, unknown>>;
  const ours = Object.entries(all).flatMap(([key, value]) =>
    key.startsWith(PREFIX) ? [[key.slice(PREFIX.length), value] as const] : [],
  );
  const { stackName, forwardTo, tags, ...settings } = Object.fromEntries(ours);
  const odd = Object.keys(settings).find((name) => !Object.hasOwn(READ, name));
  if (odd !== undefined)
    throw new SettingError(
      `${PREFIX}${odd} is not a setting: there are ${Object.keys(READ).join(", ")}, stackName, forwardTo, tags`,
    );
  const props = Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, READ[name]?.(value)]));
  return {
    ...(stackName !== undefined && { stackName: String(stackName) }),
    ...(forwardTo !== undefined && { forwardTo: String(forwardTo) }),
    tags: tagsOf(asIs(tags ?? {})),
    props: props as LastbeatProps,
  };
}

function tagsOf(value: unknown): Readonly<Record<string, string>> {
  const isFit =
    typeof value === "object" && value !== null && Object.values(value).every((tag) => typeof tag === "string");
  if (!isFit) throw new SettingError(`${PREFIX}tags is of the form {"team": "data"}, not ${JSON.stringify(value)}`);
  return value as Readonly<Record<string, string>>;
}
