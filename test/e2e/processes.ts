import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { DevInfo } from "../../dev/dev.ts";
import type { RecordView } from "../../lib/wire/run-view.ts";

export const BIN = fileURLToPath(new URL("../../bin.mjs", import.meta.url));

/** A process of ours: what it printed so far, and how it left. */
export type Program = {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly lines: string[];
  readonly errors: string[];
  /** The first line that matches, also one that was printed already; rejects when the process ends without it. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** The exit code, or the name of the signal. */
  readonly left: Promise<number | string>;
};

/** The command line in Node. */
const NODE = [process.execPath, BIN] as const;

/** Starts `lastbeat` with these arguments; `by` is the program of another agent. */
export function lastbeat(
  args: readonly string[],
  environment: Record<string, string> = {},
  [program, ...before]: readonly [string, ...string[]] = NODE,
): Program {
  const child = spawn(program, [...before, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const lines: string[] = [];
  const errors: string[] = [];
  const waiting = new Set<() => void>();
  const heard = (into: string[]) => (line: string) => {
    into.push(line);
    for (const look of waiting) look();
  };
  createInterface({ input: child.stdout }).on("line", heard(lines));
  createInterface({ input: child.stderr }).on("line", heard(errors));
  const left = once(child, "close").then(([code, signal]) => (code as number | null) ?? (signal as string));
  return {
    child,
    pid: child.pid ?? 0,
    lines,
    errors,
    left,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = [...lines, ...errors].map((line) => pattern.exec(line)).find((match) => match !== null);
          if (found === undefined || found === null) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        void left.then((code) => {
          look();
          reject(new Error(`left with ${code} without a line like ${pattern}: ${[...lines, ...errors].join("\n")}`));
        });
      }),
  };
}

export type Server = { readonly program: Program; readonly info: DevInfo };

/** An embedded server in a process of its own, from the moment it answers. */
export async function server(...args: readonly string[]): Promise<Server> {
  const program = lastbeat(["dev", "--port", "0", "--sweep", "1", ...args]);
  const [, url] = await program.line(/listens on (http:\S+)/);
  return { program, info: (await (await fetch(`${url}/dev/info`)).json()) as DevInfo };
}

export async function stop({ program }: Server): Promise<void> {
  program.child.kill("SIGTERM");
  await program.left;
}

async function ask<T>(method: string, url: string, body?: unknown): Promise<T> {
  const response = await fetch(url, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

export const register = async ({ info }: Server, run: string, spec: unknown = {}): Promise<string> =>
  (await ask<{ ticket: string }>("PUT", `${info.api}/v1/runs/${run}`, spec)).ticket;

export const post = ({ info }: Server, path: string, body: unknown = {}): Promise<unknown> =>
  ask("POST", `${info.api}${path}`, body);

export const record = ({ info }: Server, run: string): Promise<RecordView> => ask("GET", `${info.api}/v1/runs/${run}`);

/** The record once it is as asked; looked at every 100 ms, for as long as the test may take. */
export async function recordWhen(
  of: Server,
  run: string,
  isReached: (record: RecordView) => boolean,
): Promise<RecordView> {
  for (;;) {
    const found = await record(of, run);
    if (isReached(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The Node agent with its command. */
export const agent = (of: Server, ticket: string, ...command: readonly string[]): Program =>
  agentBy(NODE, of, ticket, ...command);

/** An agent with its command. */
export const agentBy = (
  program: readonly [string, ...string[]],
  { info }: Server,
  ticket: string,
  ...command: readonly string[]
): Program => {
  const environment = { LASTBEAT_URL: info.api, LASTBEAT_TICKET: ticket, LASTBEAT_HOST: "i-0e2e" };
  return lastbeat(["exec", "--", ...command], environment, program);
};

/** The addresses that a process listens on, as the kernel has them: `0100007F:1F90` is 127.0.0.1, port 8080. */
export function listeners(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // closed meanwhile
      }
    }),
  );
  return ["tcp", "tcp6"].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === "0A" && inodes.has(inode ?? ""))
      .map(([, local]) => local ?? ""),
  );
}
