import { readFileSync } from "node:fs";
import { setDefaultAutoSelectFamilyAttemptTimeout } from "node:net";
import { addressesOf } from "../../agent/client.ts";
import { exec as execute, FORWARDED } from "../../agent/exec.ts";
import { type LogStyle, logger } from "../../agent/log.ts";
import { podUid } from "../../agent/pod-uid.ts";
import { type Span, seconds } from "../../core/time.ts";
import { parseBearer } from "../../wire/credentials.ts";
import { HOST } from "../../wire/ids.ts";
import { POD_UID } from "../../wire/pods.ts";
import { requireAddress } from "../address.ts";
import type { LongCommand } from "../command.ts";
import { SWITCH, TEXT } from "../common-options.ts";
import { secondsOf } from "../durations.ts";
import { UsageError } from "../errors.ts";
import type { Flags } from "../flags.ts";
import { warnOfPlain } from "../plain.ts";
import { chosen, surroundingsOf, VARIABLES, variable } from "../surroundings.ts";
import { urlsOf } from "../target.ts";

/** Facts about the place where the runner runs, from environment variables that Kubernetes and the user set. */
const FACTS = { pod: "POD_NAME", namespace: "POD_NAMESPACE", node: "NODE_NAME", podUid: "POD_UID" } as const;

/** The longest fact that the service accepts. A longer one is cut, so that the command still starts. */
const FACT_LENGTH = 256;

function ticketFrom(file: Flags[string]): string {
  const ticket = typeof file === "string" ? ticketIn(file) : process.env["LASTBEAT_TICKET"];
  if (ticket === undefined || ticket.trim() === "")
    throw new UsageError("there is no ticket: set LASTBEAT_TICKET, or name a file with --ticket-file");
  return ticket.trim();
}

function ticketIn(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UsageError(`the ticket cannot be read: ${file} ${isMissing ? "is not there" : "cannot be read"}`);
  }
}

function spanFrom(flags: Flags, name: "drain-seconds" | "stall" | "report-seconds"): Span | undefined {
  const value = chosen(flags, name);
  if (value === undefined) return undefined;
  const span = secondsOf(value);
  if (span === undefined || span <= 0)
    throw new UsageError(`--${name} (${VARIABLES[name]}) takes a time such as 60, 60s or 5m, not "${value}"`);
  return seconds(span);
}

function instantFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at))
    throw new UsageError(`--start-by (LASTBEAT_START_BY) takes an instant such as 2026-11-27T12:00:00Z, not "${text}"`);
  return at;
}

function onInterruptFrom(text = "requeue"): "cancel" | undefined {
  if (text !== "requeue" && text !== "cancel")
    throw new UsageError(`--on-interrupt (LASTBEAT_ON_INTERRUPT) is requeue or cancel, not "${text}"`);
  return text === "cancel" ? text : undefined;
}

/** A switch, or a variable that is set to anything but 0 or false. */
const isOn = (flags: Flags, name: "single-child" | "quiet"): boolean =>
  flags[name] === true || !["", "0", "false"].includes(variable(VARIABLES[name]) ?? "");

function logStyle(flags: Flags): LogStyle {
  const log = chosen(flags, "log") ?? "text";
  if (log !== "text" && log !== "json") throw new UsageError(`--log (LASTBEAT_LOG) is text or json, not "${log}"`);
  return isOn(flags, "quiet") ? "quiet" : log;
}

/** What each line in JSON is about. */
function factsOf(ticket: string): Readonly<Record<string, unknown>> {
  const claims = parseBearer(`Bearer ${ticket}`)?.claims;
  return claims === undefined ? {} : { run: claims.run, attempt: claims.attempt };
}

/** Of the addresses of one name, each is tried that long before the next: Node gives up after 250 ms what is far away. */
const FAMILY_TIMEOUT_MS = 5000;

function exitMapFrom(text: string | undefined): ReadonlyMap<number, number> {
  const pairs = (text ?? "").split(",").filter((pair) => pair.trim() !== "");
  return new Map(
    pairs.map((pair) => {
      const [, from, to] = /^\s*(\d{1,3})=(\d{1,3})\s*$/.exec(pair) ?? [];
      if (from === undefined || Number(from) > 255 || Number(to) > 255)
        throw new UsageError(`--exit-map (LASTBEAT_EXIT_MAP) takes pairs of exit codes such as 80=137, not "${pair}"`);
      return [Number(from), Number(to)] as const;
    }),
  );
}

function frontDoorsFrom(urls: string): string {
  const addresses = addressesOf(urls);
  if (addresses.length === 0) throw new UsageError("no front door: name its address with --url, or in LASTBEAT_URL");
  for (const address of addresses) requireAddress(address);
  return addresses.join(",");
}

/**
 * Reads the token from the file for each call: the kubelet replaces it before it expires. An unreadable token is not
 * sent.
 */
function identityFrom(file: string | undefined): (() => string | undefined) | undefined {
  if (file === undefined) return undefined;
  return () => {
    try {
      const token = readFileSync(file, "utf8").trim();
      return /^[\x21-\x7e]+$/.test(token) ? token : undefined; // anything else is not valid in a header
    } catch {
      return undefined;
    }
  };
}

function runExec(urls: string, flags: Flags, command: readonly string[]): Promise<number> {
  const [program, ...args] = command;
  if (program === undefined) throw new UsageError("no command: write lastbeat exec -- COMMAND ...");
  const facts = Object.entries(FACTS).flatMap(([name, of]) => {
    const value = (variable(of) ?? (name === POD_UID ? podUid() : undefined))?.slice(0, FACT_LENGTH);
    return value === undefined ? [] : [[name, value] as const];
  });
  const ticket = ticketFrom(flags["ticket-file"]);
  const say = logger(logStyle(flags), factsOf(ticket));
  setDefaultAutoSelectFamilyAttemptTimeout(FAMILY_TIMEOUT_MS);
  // Caught to the end: a signal between the end of the work and that of the process must not turn a success into a failure.
  for (const signal of FORWARDED) process.on(signal, () => {});
  const url = frontDoorsFrom(urls);
  warnOfPlain(url.split(","), process.env, say);
  const { host, ...around } = surroundingsOf(flags);
  if (!HOST.test(host)) say(`"${host}" is not a valid host name, so the claim names no host; set LASTBEAT_HOST`);
  return execute({
    url,
    ticket,
    command: [program, ...args],
    holder: { ...Object.fromEntries(facts), ...(HOST.test(host) && { host }) },
    environment: process.env,
    say,
    identity: identityFrom(chosen(flags, "identity-file")),
    exitMap: exitMapFrom(chosen(flags, "exit-map")),
    drain: spanFrom(flags, "drain-seconds"),
    stall: spanFrom(flags, "stall"),
    reportFor: spanFrom(flags, "report-seconds"),
    startBy: instantFrom(chosen(flags, "start-by")),
    onInterrupt: onInterruptFrom(chosen(flags, "on-interrupt")),
    isSingleChild: isOn(flags, "single-child"),
    ...around,
  });
}

export const exec: LongCommand = {
  usage: `  lastbeat exec [options] -- COMMAND ...
      claim the attempt of LASTBEAT_TICKET, run COMMAND under its lease, report its end
`,
  help: `lastbeat exec [options] -- COMMAND ...

Claims the attempt of the ticket, waits until it may start, then runs COMMAND in a process
group of its own and beats until COMMAND ends. Signals are passed on to the group. Exit
code 0 of COMMAND is a success, even after a SIGTERM: a command that stops unfinished must
not exit 0. When COMMAND ends, every process of it that is left is stopped.

When no beat was acknowledged for so long that another attempt might start, the agent
stops COMMAND (self-fenced). When the host is about to be taken, COMMAND gets SIGTERM and
may drain.

  --ticket-file FILE   read the ticket from FILE instead of LASTBEAT_TICKET
  --host NAME          the host of the runner: an EC2 instance id, or any name
                       (LASTBEAT_HOST; default: the instance id, else the host name)
  --url URL[,URL...]   the front doors (LASTBEAT_URL; default http://127.0.0.1:8787).
                       When one fails, the agent tries the next
  --drain-seconds S    how long COMMAND may drain when there is no deadline
                       (LASTBEAT_DRAIN_SECONDS; 90)
  --stall S            stop COMMAND when its progress file has not changed for S seconds
                       (LASTBEAT_STALL; default: never)
  --state-dir DIR      the folder for the progress, and for a report until it is delivered
                       (LASTBEAT_STATE_DIR; default: your folder in the temporary folder)
  --imds auto|off      ask the EC2 instance metadata for spot notices (LASTBEAT_IMDS;
                       auto: on EC2 only, or at the address in LASTBEAT_IMDS_URL)
  --identity-file FILE
                       a token of the cluster, for a front door with a JWT authorizer;
                       the agent reads the file for each call (LASTBEAT_IDENTITY_FILE)
  --start-by INSTANT   give up a front door that never answers then (LASTBEAT_START_BY;
                       default: when the attempt had to start, as the ticket says, to the
                       hour)
  --report-seconds S   how long the end of an attempt that was cut off is reported; then
                       the report stays in the state folder, and the next agent delivers
                       it (LASTBEAT_REPORT_SECONDS; 900)
  --on-interrupt requeue|cancel
                       what it means if COMMAND ends by SIGINT, as by Ctrl-C: the run is
                       started again, or it is canceled (LASTBEAT_ON_INTERRUPT; requeue)
  --single-child       send signals to COMMAND alone, and not to its process group
                       (LASTBEAT_SINGLE_CHILD=1)
  --log text|json      how the agent writes its own lines on stderr (LASTBEAT_LOG; text)
  --quiet              say nothing (LASTBEAT_QUIET=1)
  --exit-map A=B,...   exit with B instead of A, as 80=137,82=137 (LASTBEAT_EXIT_MAP)

COMMAND sees LASTBEAT_RUN_ID, LASTBEAT_ATTEMPT and LASTBEAT_FENCE. The fence rises with
every attempt: use it to refuse the writes of an old attempt. COMMAND may write its
progress to the file LASTBEAT_PROGRESS_FILE: a number, or
{"value": 82, "of": 100, "note": "epoch 3"}.

Exit codes: COMMAND's own; 128 + n when signal n ended it; 80 self-fenced; 81 the attempt
is not ours (superseded, held by another, canceled, ended): COMMAND was stopped or never
ran; 82 preempted while it drained; 125 the agent itself failed; 126 not executable; 127
not found. The agent writes one line about the end to /dev/termination-log where that
exists, or to LASTBEAT_TERMINATION_LOG. When the kernel kills a process of COMMAND for
want of memory, the attempt is charged to the budget of memory, not to crashes.
`,
  options: {
    url: TEXT,
    "ticket-file": TEXT,
    host: TEXT,
    "drain-seconds": TEXT,
    stall: TEXT,
    "state-dir": TEXT,
    imds: TEXT,
    "exit-map": TEXT,
    "identity-file": TEXT,
    "report-seconds": TEXT,
    "start-by": TEXT,
    "on-interrupt": TEXT,
    "single-child": SWITCH,
    log: TEXT,
    quiet: SWITCH,
  },
  takes: [],
  run: async (flags, command) => runExec(urlsOf(flags, process.env), flags, command),
};
