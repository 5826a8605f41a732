import { randomBytes } from "node:crypto";
import { devNull } from "node:os";
import { join } from "node:path";
import { paceOf } from "../core/lease.ts";
import { type Instant, instant, milliseconds, type Span, seconds } from "../core/time.ts";
import { type Credential, parseBearer } from "../wire/credentials.ts";
import { type Child, signalNumber, startChild } from "./child.ts";
import { frontDoors, type HolderFacts } from "./client.ts";
import { type Living, live } from "./driver.ts";
import { stateFolder } from "./folder.ts";
import { requestTimeout } from "./heart.ts";
import { pollMetadata } from "./instance-metadata.ts";
import { watchMemory } from "./memory.ts";
import { watchProgress } from "./progress.ts";
import { deliverLeftovers, keeper } from "./reports.ts";
import { DRAIN, EXIT } from "./stopping.ts";
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
  /** Until when the attempt has to start, in Unix milliseconds; the ticket tells it to the hour. */
  readonly startBy?: number | undefined;
  /** How long the report of an attempt that was cut off is repeated. */
  readonly reportFor?: Span | undefined;
  /** What SIGINT means, if the command ends by it. Without it the run is started again. */
  readonly onInterrupt?: "cancel" | undefined;
  /** Whether signals go to the command alone, and not to its process group. KILL goes to all. */
  readonly isSingleChild?: boolean;
  /** The token of the cluster, for a front door that asks for one beside ticket and token. */
  readonly identity?: (() => string | undefined) | undefined;
  /** The exit codes to use in place of other exit codes. */
  readonly exitMap?: ReadonlyMap<number, number>;
};

/** The signals that are passed on. Node cannot catch real-time signals; the binary can. */
export const FORWARDED = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
  "SIGALRM",
  "SIGVTALRM",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGPWR",
  "SIGIO",
] as const;

/** A ticket ends a day after its attempt has to start (docs/decisions/0020-credentials-end-by-themselves.md). */
const TICKET_OUTLIVES_START = seconds(24 * 3600);
/** A front door that never answers is asked at least this long, whatever the clock here says of the ticket. */
const SHORTEST_START = seconds(60);
/** A ticket of 0.1.0 does not say when its attempt has to start: the longest start window is a day. */
const LONGEST_START = seconds(24 * 3600);

/** How long from now the attempt may still start. */
function startWindow(startBy: number | undefined, expiry: Instant | undefined): Span {
  const latest = startBy ?? (expiry === undefined ? undefined : expiry - TICKET_OUTLIVES_START);
  return latest === undefined ? LONGEST_START : milliseconds(Math.max(SHORTEST_START, latest - Date.now()));
}

/** Claims, runs the command under the lease, and reports its end. Resolves to the exit code. */
export async function exec(settings: ExecSettings): Promise<number> {
  const { ticket, exitMap, say } = settings;
  const credential = parseBearer(`Bearer ${ticket}`);
  if (credential === undefined)
    say("the ticket is not one of Lastbeat's: take it from the registration or from the requeue message");
  const code = credential === undefined ? EXIT.agentError : await attend(settings, credential);
  return exitMap?.get(code) ?? code;
}

/** One attempt, from its claim to its end. */
async function attend(settings: ExecSettings, { claims, expiry }: Credential): Promise<number> {
  const { url, ticket, command, environment, say, drain, stall, metadata, identity, reportFor } = settings;
  const { run, lease } = claims;
  const id = randomBytes(16).toString("hex");
  const folder = await stateFolder(settings.stateFolder, say);
  if (stall !== undefined && folder === undefined) {
    say("--stall needs a progress file, and no folder for it can be used: name one with --state-dir");
    return EXIT.agentError;
  }
  // A program that writes its progress without asking must not fail where there is no folder.
  const progressFile = folder === undefined ? devNull : join(folder, `${id}.progress`);
  // Requests that are still out when the attempt has ended would keep the process waiting for nothing.
  const over = new AbortController();
  const watches: { stop(): void | Promise<void> }[] = [{ stop: () => over.abort() }];
  if (folder !== undefined) void deliverLeftovers(folder, { url, identity }, () => {}, over.signal); // not this run's matter
  let child: Child | undefined;
  const living: Living = live({
    door: frontDoors(url, { run, timeout: requestTimeout(lease), until: over.signal, identity }),
    ticket,
    lease,
    holder: { ...settings.holder, id },
    own: {
      ...(drain !== undefined && { drain }),
      ...(stall !== undefined && { stall }),
      ...(reportFor !== undefined && { reportFor }),
      ...(settings.onInterrupt !== undefined && { onInterrupt: settings.onInterrupt }),
      startBy: instant(startWindow(settings.startBy, expiry)), // the driver's clock begins at 0
    },
    keeper: keeper(folder, id, { url, run }, say),
    start: (attempt, fence, ended) => {
      say(`attempt ${attempt} of ${run} is ours, fence ${fence}`);
      if (folder !== undefined) watches.push(watchProgress(progressFile, living.progressed, say));
      if (metadata !== undefined) watches.push(pollMetadata(metadata, living.announced, say));
      const outOfMemory = watchMemory();
      child = startChild(command, childEnvironment(environment, { run, attempt, fence, progressFile }), {
        ended: (end) => {
          const memory = outOfMemory();
          ended(memory === undefined ? end : { ...end, outOfMemory: memory });
        },
        say,
        isSingleChild: settings.isSingleChild === true,
        grace: paceOf(lease).grace,
        linger: drain ?? DRAIN,
      });
      return child;
    },
    say,
  });
  const onSignal = (signal: NodeJS.Signals): void => living.signal(signal, signalNumber(signal));
  for (const signal of FORWARDED) process.on(signal, onSignal);
  // Ctrl-Z, or a scheduler that suspends: the command stops, and then the agent. Afterwards the agent's own deadline decides.
  const suspend = (): void => {
    child?.signal("SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  };
  const resume = (): void => child?.signal("SIGCONT");
  process.on("SIGTSTP", suspend).on("SIGCONT", resume);
  const left = await living.left;
  process.off("SIGTSTP", suspend).off("SIGCONT", resume);
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
  { run, attempt, fence, progressFile }: { run: string; attempt: number; fence: number; progressFile: string },
): NodeJS.ProcessEnv {
  const { LASTBEAT_TICKET: _, LASTBEAT_PROGRESS_FILE: __, ...rest } = environment;
  return {
    ...rest,
    LASTBEAT_RUN_ID: run,
    LASTBEAT_ATTEMPT: String(attempt),
    LASTBEAT_FENCE: String(fence),
    LASTBEAT_PROGRESS_FILE: progressFile,
  };
}
