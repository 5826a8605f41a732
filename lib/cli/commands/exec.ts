import { readFileSync } from "node:fs";
import { addressesOf } from "../../agent/client.ts";
import { exec as execute } from "../../agent/exec.ts";
import { type Span, seconds } from "../../core/time.ts";
import { HOST } from "../../wire/ids.ts";
import { printable } from "../../wire/printable.ts";
import type { LongCommand } from "../command.ts";
import { TEXT } from "../common-options.ts";
import { secondsOf } from "../durations.ts";
import { UsageError } from "../errors.ts";
import type { Flags } from "../flags.ts";
import { warnOfPlain } from "../plain.ts";
import { chosen, surroundingsOf, VARIABLES, variable } from "../surroundings.ts";
import { urlsOf } from "../target.ts";

/** Facts about where the runner runs, from the environment that Kubernetes and the user give it. */
const FACTS = { pod: "POD_NAME", namespace: "POD_NAMESPACE", node: "NODE_NAME" } as const;

/** What the service takes. A fact that is too long must not keep the command from starting. */
const FACT_LENGTH = 256;

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

function runExec(urls: string, flags: Flags, command: readonly string[]): Promise<number> {
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
  return execute({
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

export const exec: LongCommand = {
  usage: `  lastbeat exec [options] -- COMMAND ...
      claim the attempt of LASTBEAT_TICKET, run COMMAND under its lease, report its end
`,
  help: `lastbeat exec [options] -- COMMAND ...

Claims the attempt that the ticket is for, waits until it may start, then runs COMMAND in
a process group of its own and beats until it ends. Signals are passed on to the group.
Exit code 0 of COMMAND is a success, also after a SIGTERM: a command that stops unfinished
must not exit 0. What COMMAND leaves running in its group is stopped when COMMAND ends.

When no beat was acknowledged for so long that another attempt might start, COMMAND is
stopped (self-fenced). When its host is about to be taken, it gets SIGTERM and may drain.

  --ticket-file FILE   read the ticket from FILE instead of LASTBEAT_TICKET
  --host NAME          what the runner stands on: an EC2 instance id, or any name
                       (LASTBEAT_HOST; default: the instance id, else the host name)
  --url URL[,URL...]   LASTBEAT_URL; default http://127.0.0.1:8787. Of several front
                       doors the next is tried when one fails
  --drain-seconds S    time to drain when nobody names a deadline
                       (LASTBEAT_DRAIN_SECONDS; 90)
  --stall S            stop COMMAND when its progress file is unchanged for so long
                       (LASTBEAT_STALL; default: never)
  --state-dir DIR      where a report is kept until it is delivered, and the progress
                       (LASTBEAT_STATE_DIR; a folder of yours in the temporary one)
  --imds auto|off      ask the EC2 instance metadata for spot notices (LASTBEAT_IMDS;
                       auto: on EC2 only, or where LASTBEAT_IMDS_URL says)
  --identity-file FILE
                       a token of the cluster, for a front door with a JWT authorizer;
                       read again for each call (LASTBEAT_IDENTITY_FILE)
  --exit-map A=B,...   leave with B instead of A, as 80=137,82=137 (LASTBEAT_EXIT_MAP)

COMMAND sees LASTBEAT_RUN_ID, LASTBEAT_ATTEMPT and LASTBEAT_FENCE; the fence rises with
every attempt, for writes that must not come from an old one. It may write its progress to
the file LASTBEAT_PROGRESS_FILE: a number, or {"value": 82, "of": 100, "note": "epoch 3"}.

Exit codes: COMMAND's own; 128 + n when signal n ended it; 80 self-fenced; 81 when the
attempt is not ours (superseded, held by another, canceled, ended): COMMAND was stopped or
never ran; 82 preempted while it drained; 125 when the agent itself failed; 126 not
executable; 127 not found. One line about the end goes to /dev/termination-log where there
is one, or to LASTBEAT_TERMINATION_LOG.
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
  },
  takes: [],
  run: async (flags, command) => runExec(urlsOf(flags, process.env), flags, command),
};
