import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { exec } from "../agent/exec.ts";
import { UsageError } from "./usage.ts";

export type ExecFlags = {
  readonly url: string;
  readonly ticketFile: string | undefined;
  readonly host: string | undefined;
  readonly command: readonly string[];
};

/** Facts about where the runner runs, from the environment that Kubernetes and the user give it. */
const FACTS = { pod: "POD_NAME", namespace: "POD_NAMESPACE", node: "NODE_NAME" } as const;

function ticketFrom(file: string | undefined): string {
  const ticket = file === undefined ? process.env["LASTBEAT_TICKET"] : readFileSync(file, "utf8");
  if (ticket === undefined || ticket.trim() === "")
    throw new UsageError("there is no ticket: set LASTBEAT_TICKET, or name a file with --ticket-file");
  return ticket.trim();
}

/** Runs the command under a lease; the exit code is the agent's. */
export function runExec({ url, ticketFile, host, command }: ExecFlags): Promise<number> {
  const [program, ...args] = command;
  if (program === undefined) throw new UsageError("there is no command: lastbeat exec -- COMMAND ...");
  const facts = Object.entries(FACTS).flatMap(([name, variable]) => {
    const value = process.env[variable];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return exec({
    url,
    ticket: ticketFrom(ticketFile),
    command: [program, ...args],
    holder: { ...Object.fromEntries(facts), host: host ?? process.env["LASTBEAT_HOST"] ?? hostname() },
    environment: process.env,
    say: (line) => console.error(`lastbeat: ${line}`),
  });
}
