import { CHECKS } from "./checks.ts";
import type { LastbeatProps, Settings } from "./props.ts";

export type { ClusterProps, FrontDoorKind, LastbeatProps, Reservable, Settings } from "./props.ts";

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
  accessLogs: false,
  ownerPrincipals: [],
  anonymousOwners: false,
  reservedConcurrency: {},
  requeueVisibilitySeconds: 60,
  clusters: [],
  webhooks: [],
  orchestrators: [],
} as const satisfies Omit<Settings, "name">;

/** A setting that is not valid. The message begins with its name. */
export class SettingError extends Error {}

function complain<K extends keyof Settings>(name: K, settings: Settings): string | undefined {
  const value = settings[name];
  if (value === undefined) return undefined;
  const wrong = CHECKS[name]?.(value as NonNullable<Settings[K]>, settings);
  return wrong === undefined ? undefined : `${name} ${wrong}`;
}

/** The settings with all defaults. Throws a SettingError that names everything that is wrong. */
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

/** Whether the stack has a bus for forwarders. */
export const hasBus = ({ forwarderAccounts, forwarderOrganization }: Settings): boolean =>
  forwarderAccounts.length > 0 || forwarderOrganization !== undefined;

/** Whether there is a target that the stack asks to start attempts. */
export const hasTargets = ({ clusters, webhooks, orchestrators }: Settings): boolean =>
  clusters.length + webhooks.length + orchestrators.length > 0;

type Fleet = Pick<Settings, "expectedRuns" | "leaseSeconds">;

/**
 * Beats per second of the whole fleet. Two beats are a quarter of a lease apart (paceOf in lib/core/lease.ts). With a
 * longer lease, agents of version 0.1.0 still beat every 30 s.
 */
export const beatsPerSecond = ({ expectedRuns, leaseSeconds }: Fleet): number =>
  expectedRuns / Math.min(30, leaseSeconds / 4);

/** A shard carries about 250 beats a second: a quarter of the writes that one partition of DynamoDB allows. */
export const shardsFor = (fleet: Fleet): number => Math.max(1, Math.ceil(beatsPerSecond(fleet) / 250));
