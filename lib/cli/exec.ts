import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { addressesOf } from "../agent/client.ts";
import { exec } from "../agent/exec.ts";
import { instanceId, isOnEc2 } from "../agent/instance-metadata.ts";
import { type Span, seconds } from "../core/time.ts";
import { HOST } from "../wire/ids.ts";
import { printable } from "../wire/printable.ts";
import { secondsOf } from "./durations.ts";
import type { Flags } from "./owner.ts";
import { warnOfPlain } from "./plain.ts";
import { UsageError } from "./usage.ts";

/** Facts about where the runner runs, from the environment that Kubernetes and the user give it. */
const FACTS = { pod: "POD_NAME", namespace: "POD_NAMESPACE", node: "NODE_NAME" } as const;

/** What the service takes. A fact that is too long must not keep the command from starting. */
const FACT_LENGTH = 256;

/** Each flag has a variable of the same meaning; the flag wins. */
const VARIABLES = {
  host: "LASTBEAT_HOST",
  "drain-seconds": "LASTBEAT_DRAIN_SECONDS",
  stall: "LASTBEAT_STALL",
  "state-dir": "LASTBEAT_STATE_DIR",
  imds: "LASTBEAT_IMDS",
  "exit-map": "LASTBEAT_EXIT_MAP",
  "identity-file": "LASTBEAT_IDENTITY_FILE",
} as const;

/** Where every EC2 instance finds its own metadata. */
const METADATA = "http://169.254.169.254";

const variable = (name: string): string | undefined => {
  const value = process.env[name];
  return value === undefined || value.trim() === "" ? undefined : value.trim();
};

function chosen(flags: Flags, name: keyof typeof VARIABLES): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : variable(VARIABLES[name]);
}

function ticketFrom(file: Flags[string]): string {
  const ticket = typeof file === "string" ? readFileSync(file, "utf8") : process.env["LASTBEAT_TICKET"];
  if (ticket === undefined || ticket.trim() === "")
    throw new UsageError("there is no ticket: set LASTBEAT_TICKET, or name a file with --ticket-file");
  return ticket.trim();
}

function spanFrom(flags: Flags, name: "drain-seconds" | "stall"): Span | undefined {
  const value = chosen(flags, name);
  if (value === undefined) return undefined;
  const span = secondsOf(value);
  if (span === undefined || span <= 0)
    throw new UsageError(`--${name} (${VARIABLES[name]}) takes a time such as 60, 60s or 5m, not "${value}"`);
  return seconds(span);
}

function exitMapFrom(text: string | undefined): ReadonlyMap<number, number> {
  const pairs = (text ?? "").split(",").filter((pair) => pair.trim() !== "");
  return new Map(
    pairs.map((pair) => {
      const [, from, to] = /^\s*(\d{1,3})=(\d{1,3})\s*$/.exec(pair) ?? [];
      if (from === undefined || Number(from) > 255 || Number(to) > 255)
        throw new UsageError(`--exit-map (LASTBEAT_EXIT_MAP) takes pairs of exit codes as 80=137, not "${pair}"`);
      return [Number(from), Number(to)] as const;
    }),
  );
}

/** Whom to ask for notices: nobody, unless this is an EC2 instance or somebody has said whom. */
function metadataFrom(imds = "auto"): string | undefined {
  if (imds !== "auto" && imds !== "off") throw new UsageError(`--imds (LASTBEAT_IMDS) is auto or off, not "${imds}"`);
  if (imds === "off") return undefined;
  return variable("LASTBEAT_IMDS_URL") ?? (isOnEc2() ? METADATA : undefined);
}

/** What an agent finds around itself, unless flags or variables say otherwise. */
export type Surroundings = {
  readonly host: string;
  /** Where the instance metadata is asked; nobody is when it is undefined. */
  readonly metadata: string | undefined;
  readonly stateFolder: string | undefined;
  readonly terminationLog: string | undefined;
};

/** What `lastbeat exec` would take here. Throws a UsageError for a setting that cannot be understood. */
export const surroundingsOf = (flags: Flags): Surroundings => ({
  host: chosen(flags, "host") ?? instanceId() ?? hostname(),
  metadata: metadataFrom(chosen(flags, "imds")),
  stateFolder: chosen(flags, "state-dir"),
  terminationLog: variable("LASTBEAT_TERMINATION_LOG"),
});

function frontDoorsFrom(urls: string): string {
  const addresses = addressesOf(urls);
  if (addresses.length === 0) throw new UsageError("there is no front door: name one with --url, or in LASTBEAT_URL");
  for (const address of addresses)
    if (!URL.canParse(address) || !/^https?:/i.test(address))
      throw new UsageError(`"${address}" is not the address of a front door`);
  return addresses.join(",");
}

/** The token in a file, read each time: the kubelet replaces it before it expires. One that cannot be read is not shown. */
function identityFrom(file: string | undefined): (() => string | undefined) | undefined {
  if (file === undefined) return undefined;
  return () => {
    try {
      const token = readFileSync(file, "utf8").trim();
      return /^[\x21-\x7e]+$/.test(token) ? token : undefined; // or it would be no header
    } catch {
      return undefined;
    }
  };
}

/** Runs the command under a lease; the exit code is the agent's. */
export function runExec(urls: string, flags: Flags, command: readonly string[]): Promise<number> {
  const [program, ...args] = command;
  if (program === undefined) throw new UsageError("there is no command: lastbeat exec -- COMMAND ...");
  const facts = Object.entries(FACTS).flatMap(([name, of]) => {
    const value = variable(of)?.slice(0, FACT_LENGTH);
    return value === undefined ? [] : [[name, value] as const];
  });
  const say = (line: string): void => console.error(`lastbeat: ${printable(line)}`);
  const url = frontDoorsFrom(urls);
  warnOfPlain(url.split(","), process.env, say);
  const { host, ...around } = surroundingsOf(flags);
  if (!HOST.test(host)) console.error(`lastbeat: "${host}" is no name for a host, and is left out`);
  return exec({
    url,
    ticket: ticketFrom(flags["ticket-file"]),
    command: [program, ...args],
    holder: { ...Object.fromEntries(facts), ...(HOST.test(host) && { host }) },
    environment: process.env,
    say,
    identity: identityFrom(chosen(flags, "identity-file")),
    exitMap: exitMapFrom(chosen(flags, "exit-map")),
    drain: spanFrom(flags, "drain-seconds"),
    stall: spanFrom(flags, "stall"),
    ...around,
  });
}
