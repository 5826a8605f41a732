import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Span } from "../core/time.ts";
import { type Claims, parseBearer } from "../wire/credentials.ts";
import { signalNumber, startChild } from "./child.ts";
import { frontDoors, type HolderFacts } from "./client.ts";
import { type Living, live } from "./driver.ts";
import { stateFolder } from "./folder.ts";
import { requestTimeout } from "./heart.ts";
import { pollMetadata } from "./instance-metadata.ts";
import { watchProgress } from "./progress.ts";
import { deliverLeftovers, keeper } from "./reports.ts";
import { EXIT } from "./stopping.ts";
import { logTermination } from "./termination.ts";

export type ExecSettings = {
  /** One front door, or several, separated by commas. */
  readonly url: string;
  readonly ticket: string;
  readonly command: readonly [string, ...string[]];
  /** Where the runner runs. The id is made here, once per process. */
  readonly holder: HolderFacts;
  readonly environment: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  /** How long a child may drain if nobody names a deadline. */
  readonly drain?: Span | undefined;
  /** How long the child may leave its progress file unchanged. */
  readonly stall?: Span | undefined;
  /** Where reports and progress files are kept. The default is a folder per user in the temporary folder. */
  readonly stateFolder?: string | undefined;
  /** The address of the instance metadata. If it is absent, the metadata is not asked. */
  readonly metadata?: string | undefined;
  readonly terminationLog?: string | undefined;
  /** The token of the cluster, for a front door that asks for one beside ticket and token. */
  readonly identity?: (() => string | undefined) | undefined;
  /** The exit codes to use in place of other exit codes. */
  readonly exitMap?: ReadonlyMap<number, number>;
};

/** The signals that are passed on to the child. The agent itself lives on until the child is gone. */
const FORWARDED = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

/** Claims, runs the command under the lease, and reports its end. Resolves to the exit code. */
export async function exec(settings: ExecSettings): Promise<number> {
  const { ticket, exitMap, say } = settings;
  const claims = parseBearer(`Bearer ${ticket}`)?.claims;
  if (claims === undefined)
    say("the ticket is not one of Lastbeat's: take it from the registration or from the requeue message");
  const code = claims === undefined ? EXIT.agentError : await attend(settings, claims);
  return exitMap?.get(code) ?? code;
}

/** One attempt, from its claim to its end. */
async function attend(settings: ExecSettings, claims: Claims): Promise<number> {
  const { url, ticket, command, environment, say, drain, stall, metadata, identity } = settings;
  const { run, lease } = claims;
  const id = randomBytes(16).toString("hex");
  const folder = await stateFolder(settings.stateFolder, say);
  const progressFile = folder === undefined ? undefined : join(folder, `${id}.progress`);
  if (stall !== undefined && progressFile === undefined) say("a stall is not seen: there is no progress file");
  // Requests that are still out when the attempt has ended would keep the process waiting for nothing.
  const over = new AbortController();
  const watches: { stop(): void | Promise<void> }[] = [{ stop: () => over.abort() }];
  if (folder !== undefined) void deliverLeftovers(folder, { url, identity }, say, over.signal);
  const living: Living = live({
    door: frontDoors(url, { run, timeout: requestTimeout(lease), until: over.signal, identity }),
    ticket,
    lease,
    holder: { ...settings.holder, id },
    own: {
      ...(drain !== undefined && { drain }),
      ...(stall !== undefined && progressFile !== undefined && { stall }),
    },
    keeper: keeper(folder, id, { url, run }, say),
    start: (attempt, fence, ended) => {
      say(`attempt ${attempt} of ${run} is ours, fence ${fence}`);
      if (progressFile !== undefined) watches.push(watchProgress(progressFile, living.progressed, say));
      if (metadata !== undefined) watches.push(pollMetadata(metadata, living.announced));
      return startChild(command, childEnvironment(environment, { run, attempt, fence, progressFile }), ended, drain);
    },
    say,
  });
  const onSignal = (signal: NodeJS.Signals): void => living.signal(signal, signalNumber(signal));
  for (const signal of FORWARDED) process.on(signal, onSignal);
  const left = await living.left;
  for (const signal of FORWARDED) process.off(signal, onSignal);
  for (const watch of watches) await watch.stop();
  logTermination(settings.terminationLog, claims, { ...left, code: settings.exitMap?.get(left.code) ?? left.code });
  return left.code;
}

/**
 * The child's environment: the run, the attempt, and the fence for its own writes. The child does not get the ticket.
 */
function childEnvironment(
  environment: NodeJS.ProcessEnv,
  {
    run,
    attempt,
    fence,
    progressFile,
  }: { run: string; attempt: number; fence: number; progressFile: string | undefined },
): NodeJS.ProcessEnv {
  const { LASTBEAT_TICKET: _, LASTBEAT_PROGRESS_FILE: __, ...rest } = environment;
  return {
    ...rest,
    LASTBEAT_RUN_ID: run,
    LASTBEAT_ATTEMPT: String(attempt),
    LASTBEAT_FENCE: String(fence),
    ...(progressFile !== undefined && { LASTBEAT_PROGRESS_FILE: progressFile }),
  };
}
