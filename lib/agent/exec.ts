import { randomBytes } from "node:crypto";
import { type Instant, instant } from "../core/time.ts";
import { parseBearer } from "../wire/credentials.ts";
import { type Child, signalNumber, startChild } from "./child.ts";
import { type HolderFacts, httpDoor } from "./door.ts";
import { type Action, EXIT, type Heart, type Input, newHeart, requestTimeout, step, wakeAt } from "./heart.ts";

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

/** Milliseconds of a clock that no adjustment of the wall clock moves. */
const monotonic = (): Instant => instant(performance.now());

/** Claims, runs the command under the lease, reports its end. Resolves to the exit code. */
export function exec({ url, ticket, command, holder, environment, say }: ExecSettings): Promise<number> {
  const claims = parseBearer(`Bearer ${ticket}`)?.claims;
  if (claims === undefined) {
    say("the ticket is not one of Lastbeat's: take it from the registration or from the requeue message");
    return Promise.resolve(EXIT.agentError);
  }
  const { run, lease } = claims;
  const door = httpDoor(url, run, requestTimeout(lease));
  const facts = { ...holder, id: randomBytes(16).toString("hex") };

  return new Promise((resolve) => {
    let heart: Heart = newHeart(lease, monotonic());
    let child: Child | undefined;
    let timer: NodeJS.Timeout | undefined;

    const feed = (input: Input): void => {
      const next = step(heart, input, monotonic(), Math.random());
      heart = next.heart;
      for (const action of next.actions) perform(action);
      clearTimeout(timer);
      const wake = wakeAt(heart);
      if (wake !== undefined) timer = setTimeout(() => feed({ kind: "wake" }), Math.max(0, wake - monotonic()));
    };

    const asked = async (action: Extract<Action, { do: "claim" | "beat" | "finish" }>): Promise<Input> => {
      const sentAt = monotonic();
      if (action.do === "claim") return { kind: "claimed", sentAt, answer: await door.claim(ticket, facts) };
      if (action.do === "beat") return { kind: "beaten", sentAt, answer: await door.beat(action.token) };
      return { kind: "reported", answer: await door.finish(action.token, action.report) };
    };

    const perform = (action: Action): void => {
      switch (action.do) {
        case "claim":
        case "beat":
        case "finish":
          void asked(action).then((input) => {
            if ("answer" in input && input.answer.kind !== "ok") say(`${action.do}: ${reasonOf(input.answer)}`);
            feed(input);
          });
          return;
        case "start": {
          const { attempt, fence } = action;
          say(`attempt ${attempt} of ${run} is ours, fence ${fence}`);
          child = startChild(command, childEnvironment(environment, run, attempt, fence), (end) =>
            feed({ kind: "exited", end }),
          );
          return;
        }
        case "signal":
          child?.signal(action.signal);
          return;
        case "exit":
          for (const signal of FORWARDED) process.off(signal, onSignal);
          if (action.why !== undefined) say(action.why);
          resolve(action.code);
      }
    };

    const onSignal = (signal: NodeJS.Signals): void => feed({ kind: "signaled", signal, number: signalNumber(signal) });
    for (const signal of FORWARDED) process.on(signal, onSignal);
    feed({ kind: "wake" });
  });
}

const reasonOf = (answer: { kind: string; detail?: string; name?: string }): string =>
  [answer.name, answer.detail].filter(Boolean).join(": ");

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
