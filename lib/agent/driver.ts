import type { Progress, Report } from "../core/run.ts";
import { type Instant, instant, type Span, seconds } from "../core/time.ts";
import { iso } from "../wire/instants.ts";
import { type Answer, isDefinite } from "./answer.ts";
import type { Child } from "./child.ts";
import type { Door, HolderFacts } from "./client.ts";
import { elapsed } from "./clock.ts";
import { newHeart, step, wakeAt } from "./heart.ts";
import type { Action, Heart, Input, Own } from "./heart-types.ts";
import type { Announcement } from "./instance-metadata.ts";
import type { Keeper } from "./reports.ts";
import type { ChildEnd } from "./stopping.ts";

/** What a heart is connected to. */
export type Body = {
  readonly door: Door;
  readonly ticket: string;
  readonly lease: Span;
  readonly holder: HolderFacts;
  /** Starts the work; `ended` is called once. */
  start(attempt: number, fence: number, ended: (end: ChildEnd) => void): Child;
  readonly say: (line: string) => void;
  readonly own?: Own;
  /** Where the report is kept until it is answered. */
  readonly keeper?: Keeper;
  /** The agent's own clock, which goes on during a suspend. */
  readonly clock?: () => Instant;
};

/** How the agent left: its exit code, its report and its reason. */
export type Left = { readonly code: number; readonly report?: Report; readonly why?: string };

/** A heart at work. Signals and other events go in, and an end comes out. */
export type Living = {
  signal(signal: string, number: number): void;
  progressed(progress: Progress | undefined): void;
  announced(what: Announcement): void;
  readonly left: Promise<Left>;
};

/**
 * The longest sleep. A timer stands still while the machine is suspended. So the clock is checked often, and a child
 * that should be gone already is stopped as soon as the machine is awake.
 */
const LONGEST_SLEEP: Span = seconds(1);

const wallClock = (): Instant => instant(Date.now());

/** Lets the heart beat on real time and a real front door until it leaves. */
export function live({ door, ticket, lease, holder, start, say, own = {}, keeper, clock = elapsed() }: Body): Living {
  const left = Promise.withResolvers<Left>();
  let heart: Heart = newHeart(lease, clock(), own);
  let child: Child | undefined;
  let timer: NodeJS.Timeout | undefined;
  let report: Report | undefined;

  /** A gate is asked every second, so the same answer is said once. */
  let said = "";
  const sayNews = (line: string): void => {
    if (line !== said) say(line);
    said = line;
  };

  /** Answers whether the heart itself has said something about it. */
  const feed = (input: Input): boolean => {
    const next = step(heart, input, clock(), Math.random());
    heart = next.heart;
    for (const action of next.actions) perform(action);
    clearTimeout(timer);
    const wake = wakeAt(heart);
    if (wake !== undefined)
      timer = setTimeout(() => feed({ kind: "wake" }), Math.min(LONGEST_SLEEP, Math.max(0, wake - clock())));
    return next.actions.some((action) => action.do === "say" || action.do === "exit");
  };

  const finish = async ({ token, report: what }: Extract<Action, { do: "finish" }>): Promise<Input> => {
    if (report === undefined) await keeper?.keep(token, what);
    report = what;
    const answer = await door.finish(token, what);
    if (isDefinite(answer)) await keeper?.forget();
    return { kind: "reported", answer };
  };

  const ask = async (action: Extract<Action, { do: "claim" | "beat" | "finish" }>): Promise<void> => {
    const sentAt = clock();
    const input =
      action.do === "claim"
        ? ({ kind: "claimed", sentAt, answer: await door.claim(ticket, holder) } as const)
        : action.do === "beat"
          ? ({ kind: "beaten", sentAt, answer: await door.beat(action.token, action.progress) } as const)
          : await finish(action);
    const isSaid = feed(input.kind === "beaten" ? { ...input, wallAt: wallClock() } : input);
    if (!isSaid && "answer" in input && input.answer.kind !== "ok")
      sayNews(`${action.do}: ${reasonOf(input.answer)}; it is tried again`);
  };

  const tell = async ({ token, kind, at, deadline }: Extract<Action, { do: "notice" }>): Promise<void> => {
    const when = at ?? iso(wallClock());
    const answer = await door.notice(token, { kind, at: when, ...(deadline !== undefined && { deadline }) });
    if (answer.kind !== "ok") say(`notice ${kind}: ${reasonOf(answer)}`);
  };

  const perform = (action: Action): void => {
    switch (action.do) {
      case "claim":
      case "beat":
      case "finish":
        void ask(action);
        return;
      case "notice":
        void tell(action);
        return;
      case "start":
        child = start(action.attempt, action.fence, (end) => feed({ kind: "exited", end }));
        return;
      case "signal":
        child?.signal(action.signal);
        return;
      case "say":
        say(action.line);
        return;
      case "exit":
        if (action.why !== undefined) say(action.why);
        left.resolve({
          code: action.code,
          ...(report !== undefined && { report }),
          ...(action.why !== undefined && { why: action.why }),
        });
    }
  };

  feed({ kind: "wake" });
  return {
    signal: (signal, number) => void feed({ kind: "signaled", signal, number }),
    progressed: (progress) => void feed({ kind: "progressed", ...(progress !== undefined && { progress }) }),
    announced: (what) => void feed({ kind: "noticed", ...what, wallAt: wallClock() }),
    left: left.promise,
  };
}

const reasonOf = (answer: Exclude<Answer<unknown>, { kind: "ok" }>): string =>
  answer.kind === "problem" ? `${answer.name}, ${answer.detail}` : answer.detail;
