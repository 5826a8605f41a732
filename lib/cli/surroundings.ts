import { hostname } from "node:os";
import { instanceId, isOnEc2 } from "../agent/instance-metadata.ts";
import { UsageError } from "./errors.ts";
import type { Flags } from "./flags.ts";

/** Each flag has a variable of the same meaning. The flag wins. */
export const VARIABLES = {
  host: "LASTBEAT_HOST",
  "drain-seconds": "LASTBEAT_DRAIN_SECONDS",
  stall: "LASTBEAT_STALL",
  "state-dir": "LASTBEAT_STATE_DIR",
  imds: "LASTBEAT_IMDS",
  "exit-map": "LASTBEAT_EXIT_MAP",
  "identity-file": "LASTBEAT_IDENTITY_FILE",
  "report-seconds": "LASTBEAT_REPORT_SECONDS",
  "start-by": "LASTBEAT_START_BY",
  "on-interrupt": "LASTBEAT_ON_INTERRUPT",
  "single-child": "LASTBEAT_SINGLE_CHILD",
  log: "LASTBEAT_LOG",
  quiet: "LASTBEAT_QUIET",
} as const;

/** The address of the metadata on every EC2 instance. */
const METADATA = "http://169.254.169.254";

export const variable = (name: string): string | undefined => {
  const value = process.env[name];
  return value === undefined || value.trim() === "" ? undefined : value.trim();
};

export function chosen(flags: Flags, name: keyof typeof VARIABLES): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : variable(VARIABLES[name]);
}

/** The address to ask for notices; undefined unless this is an EC2 instance, or an address was given. */
function metadataFrom(imds = "auto"): string | undefined {
  if (imds !== "auto" && imds !== "off") throw new UsageError(`--imds (LASTBEAT_IMDS) is auto or off, not "${imds}"`);
  if (imds === "off") return undefined;
  return variable("LASTBEAT_IMDS_URL") ?? (isOnEc2() ? METADATA : undefined);
}

/** What an agent finds in its environment, unless flags or variables say otherwise. */
export type Surroundings = {
  readonly host: string;
  /** The address of the instance metadata; undefined: it is not asked. */
  readonly metadata: string | undefined;
  readonly stateFolder: string | undefined;
  readonly terminationLog: string | undefined;
};

/** What `lastbeat exec` would use here. Throws a UsageError for a setting that is not valid. */
export const surroundingsOf = (flags: Flags): Surroundings => ({
  host: chosen(flags, "host") ?? instanceId() ?? hostname(),
  metadata: metadataFrom(chosen(flags, "imds")),
  stateFolder: chosen(flags, "state-dir"),
  terminationLog: variable("LASTBEAT_TERMINATION_LOG"),
});
