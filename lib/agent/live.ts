import { type Instant, instant, type Span } from "../core/time.ts";
import type { Answer } from "./answer.ts";
import type { Child } from "./child.ts";
import type { Door, HolderFacts } from "./door.ts";
import { type Action, type ChildEnd, type Heart, type Input, newHeart, step, wakeAt } from "./heart.ts";

/** What a heart is connected to. */
export type Body = {
  readonly door: Door;
  readonly ticket: string;
  readonly lease: Span;
  readonly holder: HolderFacts;
  /** Starts the work; `ended` is called once. */
  start(attempt: number, fence: number, ended: (end: ChildEnd) => void): Child;
  readonly say: (line: string) => void;
};

/** A heart at work: signals go in, an exit code comes out. */
export type Living = { signal(signal: string, number: number): void; readonly code: Promise<number> };

/** Milliseconds of a clock that no adjustment of the wall clock moves. */
const monotonic = (): Instant => instant(performance.now());

/** Lets the heart beat on real time and a real door until it leaves. */
export function live({ door, ticket, lease, holder, start, say }: Body): Living {
  const left = Promise.withResolvers<number>();
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

  const ask = async (action: Extract<Action, { do: "claim" | "beat" | "finish" }>): Promise<void> => {
    const sentAt = monotonic();
    const input: Extract<Input, { answer: Answer<unknown> }> =
      action.do === "claim"
        ? { kind: "claimed", sentAt, answer: await door.claim(ticket, holder) }
        : action.do === "beat"
          ? { kind: "beaten", sentAt, answer: await door.beat(action.token) }
          : { kind: "reported", answer: await door.finish(action.token, action.report) };
    if (input.answer.kind !== "ok") say(`${action.do}: ${reasonOf(input.answer)}`);
    feed(input);
  };

  const perform = (action: Action): void => {
    switch (action.do) {
      case "claim":
      case "beat":
      case "finish":
        void ask(action);
        return;
      case "start":
        child = start(action.attempt, action.fence, (end) => feed({ kind: "exited", end }));
        return;
      case "signal":
        child?.signal(action.signal);
        return;
      case "exit":
        if (action.why !== undefined) say(action.why);
        left.resolve(action.code);
    }
  };

  feed({ kind: "wake" });
  return { signal: (signal, number) => feed({ kind: "signaled", signal, number }), code: left.promise };
}

const reasonOf = (answer: Exclude<Answer<unknown>, { kind: "ok" }>): string =>
  answer.kind === "problem" ? `${answer.name}, ${answer.detail}` : answer.detail;
