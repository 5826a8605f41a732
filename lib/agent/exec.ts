import { randomBytes } from "node:crypto";
import { parseBearer } from "../wire/credentials.ts";
import { signalNumber, startChild } from "./child.ts";
import { type HolderFacts, httpDoor } from "./door.ts";
import { EXIT, requestTimeout } from "./heart.ts";
import { live } from "./live.ts";

export type ExecSettings = {
  readonly url: string;
  readonly ticket: string;
  readonly command: readonly [string, ...string[]];
  /** Where the runner runs; the id is made here, once per process. */
  readonly holder: HolderFacts;
  readonly environment: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
};

/** What is passed on to the child. The agent itself lives on until the child is gone. */
const FORWARDED = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

/** Claims, runs the command under the lease, reports its end. Resolves to the exit code. */
export async function exec({ url, ticket, command, holder, environment, say }: ExecSettings): Promise<number> {
  const claims = parseBearer(`Bearer ${ticket}`)?.claims;
  if (claims === undefined) {
    say("the ticket is not one of Lastbeat's: take it from the registration or from the requeue message");
    return EXIT.agentError;
  }
  const { run, lease } = claims;
  const living = live({
    door: httpDoor(url, run, requestTimeout(lease)),
    ticket,
    lease,
    holder: { ...holder, id: randomBytes(16).toString("hex") },
    start: (attempt, fence, ended) => {
      say(`attempt ${attempt} of ${run} is ours, fence ${fence}`);
      return startChild(command, childEnvironment(environment, run, attempt, fence), ended);
    },
    say,
  });
  const onSignal = (signal: NodeJS.Signals): void => living.signal(signal, signalNumber(signal));
  for (const signal of FORWARDED) process.on(signal, onSignal);
  const code = await living.code;
  for (const signal of FORWARDED) process.off(signal, onSignal);
  return code;
}

/** What the child is told: who it is, and the fence for its own writes. It is not handed the ticket. */
function childEnvironment(
  environment: NodeJS.ProcessEnv,
  run: string,
  attempt: number,
  fence: number,
): NodeJS.ProcessEnv {
  const { LASTBEAT_TICKET: _, ...rest } = environment;
  return { ...rest, LASTBEAT_RUN_ID: run, LASTBEAT_ATTEMPT: String(attempt), LASTBEAT_FENCE: String(fence) };
}
