import type { Node } from "constructs";
import { type LastbeatProps, SettingError } from "./settings.ts";

/** Settings of Lastbeat begin with this. Everything else in the context belongs to the CDK or to another app. */
const PREFIX = "lastbeat:";

/** How to read a setting from a text. In cdk.json it may also have its own type. */
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
/** A text that is not JSON stays a text, and the check of the setting refuses it by name. */
const asIs: Read = (value) => {
  try {
    return typeof value === "string" ? JSON.parse(value) : value;
  } catch {
    return value;
  }
};

/** The settings that can be written as a text. Settings that are CDK constructs need an app of your own. */
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
  clusters: asIs,
  webhooks: asIs,
  orchestrators: asIs,
  kmsKeyArn: asText,
  network: asIs,
} satisfies {
  [K in Exclude<keyof LastbeatProps, "alarmTopic" | "vpc" | "vpcSubnets" | "securityGroups">]-?: Read;
};

export type Context = {
  readonly stackName?: string;
  readonly forwardTo?: string;
  /** The tags of everything that the app makes. */
  readonly tags: Readonly<Record<string, string>>;
  readonly props: LastbeatProps;
};

/** The settings in the context. Throws a SettingError that names an unknown setting. */
export function contextOf(node: Node): Context {
  const all = (node.getAllContext() ?? {}) as Readonly<Record<string, unknown>>;
  const ours = Object.entries(all).flatMap(([key, value]) =>
    key.startsWith(PREFIX) ? [[key.slice(PREFIX.length), value] as const] : [],
  );
  const { stackName, forwardTo, tags, ...settings } = Object.fromEntries(ours);
  const odd = Object.keys(settings).find((name) => !Object.hasOwn(READ, name));
  if (odd !== undefined)
    throw new SettingError(
      `${PREFIX}${odd} is not a setting; the settings are ${Object.keys(READ).join(", ")}, stackName, forwardTo, tags`,
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
  if (!isFit) throw new SettingError(`${PREFIX}tags must have the form {"team": "data"}, not ${JSON.stringify(value)}`);
  return value as Readonly<Record<string, string>>;
}
