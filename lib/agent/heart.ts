import { paceOf } from "../core/lease.ts";
import type { Report } from "../core/run.ts";
import { after, type Instant, milliseconds, type Span, seconds } from "../core/time.ts";
import type { BeatBody, ClaimBody, FinishBody } from "../wire/replies.ts";
import type { Answer } from "./answer.ts";

/** How the agent leaves when it does not leave with its child's own code. */
export const EXIT = { superseded: 81, agentError: 125, notExecutable: 126, notFound: 127 } as const;

/** What happened to the agent. `sentAt` is when the request went out, by the agent's own monotonic clock. */
export type Input =
  | { readonly kind: "wake" }
  | { readonly kind: "claimed"; readonly sentAt: Instant; readonly answer: Answer<ClaimBody> }
  | { readonly kind: "beaten"; readonly sentAt: Instant; readonly answer: Answer<BeatBody> }
  | { readonly kind: "reported"; readonly answer: Answer<FinishBody> }
  | { readonly kind: "signaled"; readonly signal: string; readonly number: number }
  | { readonly kind: "exited"; readonly end: ChildEnd };

/** How the child ended. A command that could not be started has a code of its own (126, 127). */
export type ChildEnd = {
  readonly exitCode?: number;
  readonly signal?: string;
  /** 128 + the signal's number, or the exit code. */
  readonly status: number;
  readonly message?: string;
};

/** What the agent does next. */
export type Action =
  | { readonly do: "claim" }
  | { readonly do: "start"; readonly attempt: number; readonly fence: number }
  | { readonly do: "beat"; readonly token: string }
  | { readonly do: "signal"; readonly signal: string }
  | { readonly do: "finish"; readonly token: string; readonly report: Report }
  | { readonly do: "exit"; readonly code: number; readonly why?: string };

type Signal = { readonly signal: string; readonly number: number };

type Stop = {
  readonly why: "superseded" | "overran" | "stop";
  readonly reason: string;
  readonly killAt: Instant;
  readonly isKilled: boolean;
};

export type Heart =
  | {
      readonly phase: "claiming";
      readonly lease: Span;
      readonly tries: number;
      /** When to ask again; undefined while a request is out. */
      readonly askAt: Instant | undefined;
      /** A signal that came while the claim was out: the child is not started any more. */
      readonly leaving?: Signal;
    }
  | {
      readonly phase: "beating";
      readonly lease: Span;
      readonly token: string;
      /** When to beat next; undefined while a beat is out. */
      readonly beatAt: Instant | undefined;
      /** What was passed on to the child, in order. */
      readonly forwarded: readonly Signal[];
      readonly stop?: Stop;
    }
  | {
      readonly phase: "reporting";
      readonly token: string;
      readonly report: Report;
      readonly code: number;
      readonly tries: number;
      readonly reportAt: Instant | undefined;
      readonly until: Instant;
    }
  | { readonly phase: "gone" };

export type Step = { readonly heart: Heart; readonly actions: readonly Action[] };

/** After a beat that failed, the next one comes at once enough to fit several into a lease. */
const AFTER_A_FAILED_BEAT = seconds(5);
/** Between two claims or reports that failed: from 1 s, doubled, up to 10 s. */
const LONGEST_RETRY = seconds(10);
/** Signals that end a program that does not handle them: an agent without a child does not. */
const ENDING = new Set(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]);
/** How long an end is reported in vain: the longest freeze of verdicts, after which the attempt counts as lost anyway. */
const REPORT_FOR = seconds(15 * 60);
/** Jitter only shortens the interval, so it never costs a lease its third beat. */
const JITTER = 0.1;

const stay = (heart: Heart, ...actions: readonly Action[]): Step => ({ heart, actions });
const leave = (code: number, why?: string): Step =>
  stay({ phase: "gone" }, { do: "exit", code, ...(why !== undefined && { why }) });
const retry = (tries: number): Span => milliseconds(Math.min(LONGEST_RETRY, seconds(1) * 2 ** Math.min(tries, 10)));

/** A heart that has not asked yet. The lease is the one that the ticket names. */
export const newHeart = (lease: Span, now: Instant): Heart => ({ phase: "claiming", lease, tries: 0, askAt: now });

/** How long an answer is waited for; what comes later is dropped. */
export const requestTimeout = (lease: Span): Span => paceOf(lease).interval;

/** When the heart wants to be woken; undefined when only an answer or the child can move it. */
export function wakeAt(heart: Heart): Instant | undefined {
  switch (heart.phase) {
    case "claiming":
      return heart.askAt;
    case "beating": {
      const { beatAt, stop } = heart;
      const killAt = stop === undefined || stop.isKilled ? undefined : stop.killAt;
      if (beatAt === undefined || killAt === undefined) return beatAt ?? killAt;
      return beatAt < killAt ? beatAt : killAt;
    }
    case "reporting":
      return heart.reportAt;
    case "gone":
      return undefined;
  }
}

/**
 * The agent's whole behaviour: pure, so that the simulator runs this very code. Time is the agent's monotonic clock and
 * `roll` in [0, 1) its dice.
 */
export function step(heart: Heart, input: Input, now: Instant, roll: number): Step {
  switch (heart.phase) {
    case "claiming":
      return claiming(heart, input, now, roll);
    case "beating":
      return beating(heart, input, now, roll);
    case "reporting":
      return reporting(heart, input, now);
    case "gone":
      return stay(heart);
  }
}

type In<P extends Heart["phase"]> = Extract<Heart, { phase: P }>;

function claiming(heart: In<"claiming">, input: Input, now: Instant, roll: number): Step {
  switch (input.kind) {
    case "wake":
      if (heart.askAt === undefined || heart.askAt > now) return stay(heart);
      return stay({ ...heart, askAt: undefined }, { do: "claim" });
    case "signaled":
      if (!ENDING.has(input.signal)) return stay(heart);
      if (heart.askAt !== undefined) return leave(128 + input.number, `${input.signal} before the attempt was claimed`);
      return stay({ ...heart, leaving: { signal: input.signal, number: input.number } });
    case "claimed":
      return claimAnswered(heart, input.sentAt, input.answer, now, roll);
    default:
      return stay(heart);
  }
}

function claimAnswered(
  heart: In<"claiming">,
  sentAt: Instant,
  given: Answer<ClaimBody>,
  now: Instant,
  roll: number,
): Step {
  const { leaving, tries } = heart;
  // Our process was suspended, or the network was slow: the lease that was granted then may be over by now.
  const isLate = after(sentAt, requestTimeout(heart.lease)) < now;
  const answer: typeof given = given.kind === "ok" && isLate ? { kind: "unclear", detail: "granted too late" } : given;
  if (answer.kind === "ok") {
    const { token, directive, attempt, fence } = answer.body;
    if (leaving !== undefined)
      return report(token, interrupted(leaving.signal.toLowerCase()), 128 + leaving.number, now);
    if (directive === "stop") return report(token, interrupted("stopped before the start"), EXIT.superseded, now);
    const beatAt = nextBeat(sentAt, answer.body.nextBeatSeconds, roll);
    return stay(
      { phase: "beating", lease: heart.lease, token, beatAt, forwarded: [] },
      { do: "start", attempt, fence },
    );
  }
  if (leaving !== undefined) return leave(128 + leaving.number, `${leaving.signal} before the attempt was claimed`);
  if (answer.kind === "unclear" || isLate) return stay({ ...heart, tries: tries + 1, askAt: after(now, retry(tries)) });
  switch (answer.name) {
    case "hold":
      return stay({ ...heart, tries: 0, askAt: after(now, seconds(1)) });
    case "superseded":
    case "held-by-another":
    case "ended":
    case "overran":
      return leave(EXIT.superseded, `not started: ${answer.name}${answer.detail === "" ? "" : `, ${answer.detail}`}`);
    default:
      return leave(EXIT.agentError, `the claim was refused: ${answer.name}, ${answer.detail}`);
  }
}

function beating(heart: In<"beating">, input: Input, now: Instant, roll: number): Step {
  switch (input.kind) {
    case "wake":
      return beatOrKill(heart, now);
    case "beaten":
      return beatAnswered({ ...heart, beatAt: nextBeatAfter(input, heart, now, roll) }, input.answer, now);
    case "signaled":
      return stay(
        { ...heart, forwarded: [...heart.forwarded, { signal: input.signal, number: input.number }] },
        { do: "signal", signal: input.signal },
      );
    case "exited":
      return childGone(heart, input.end, now);
    default:
      return stay(heart);
  }
}

function beatOrKill(heart: In<"beating">, now: Instant): Step {
  const { stop, beatAt, token } = heart;
  const actions: Action[] = [];
  let next: Heart = heart;
  if (stop !== undefined && !stop.isKilled && stop.killAt <= now) {
    next = { ...next, stop: { ...stop, isKilled: true } };
    actions.push({ do: "signal", signal: "SIGKILL" });
  }
  if (beatAt !== undefined && beatAt <= now) {
    next = { ...next, beatAt: undefined };
    actions.push({ do: "beat", token });
  }
  return stay(next, ...actions);
}

const nextBeat = (sentAt: Instant, intervalSeconds: number, roll: number): Instant =>
  after(sentAt, seconds(intervalSeconds * (1 - JITTER * roll)));

function nextBeatAfter(
  { sentAt, answer }: { sentAt: Instant; answer: Answer<BeatBody> },
  heart: In<"beating">,
  now: Instant,
  roll: number,
): Instant {
  if (answer.kind === "ok") return nextBeat(sentAt, answer.body.nextBeatSeconds, roll);
  return after(now, milliseconds(Math.min(AFTER_A_FAILED_BEAT, paceOf(heart.lease).interval)));
}

function beatAnswered(heart: In<"beating">, answer: Answer<BeatBody>, now: Instant): Step {
  if (answer.kind === "ok") {
    const renewed = { ...heart, token: answer.body.token ?? heart.token };
    return answer.body.directive === "stop"
      ? stopChild(renewed, { why: "stop", reason: answer.body.reason ?? "stopped" }, now)
      : stay(renewed);
  }
  if (answer.kind === "unclear") return stay(heart);
  switch (answer.name) {
    case "superseded":
    case "ended":
      return stopChild(heart, { why: "superseded", reason: answer.name }, now);
    case "overran":
      return stopChild(heart, { why: "overran", reason: "overran" }, now);
    default:
      return stay(heart); // 401, 403 and the like are about the request, not about the attempt
  }
}

/** TERM now, KILL when the grace is over. A later reason does not start over. */
function stopChild(heart: In<"beating">, { why, reason }: Pick<Stop, "why" | "reason">, now: Instant): Step {
  if (heart.stop !== undefined) return stay(heart);
  const stop: Stop = { why, reason, killAt: after(now, paceOf(heart.lease).grace), isKilled: false };
  return stay({ ...heart, stop }, { do: "signal", signal: "SIGTERM" });
}

const interrupted = (reason: string): Report => ({ outcome: "interrupted", reason });

/** An attempt that is over or unwanted is not reported, unless it has succeeded: that may still count. */
function childGone(heart: In<"beating">, end: ChildEnd, now: Instant): Step {
  const { stop, forwarded, token } = heart;
  if (end.exitCode === 0)
    return report(token, reportOf(end, forwarded, stop), isUnwanted(stop) ? EXIT.superseded : 0, now);
  if (stop?.why === "superseded") return leave(EXIT.superseded, `stopped: ${stop.reason}`);
  if (stop?.why === "stop") return report(token, interrupted(stop.reason), EXIT.superseded, now);
  return report(token, reportOf(end, forwarded, stop), end.status, now);
}

const isUnwanted = (stop: Stop | undefined): boolean => stop?.why === "superseded" || stop?.why === "stop";

/**
 * What an end means. Exit code 0 is a success even after a TERM: a child that stops without having finished must not say
 * 0. Death by a signal that was passed on to it, or with the exit code that shells give for it, is an interruption;
 * everything else is the child's own failure.
 */
function reportOf(end: ChildEnd, forwarded: readonly Signal[], stop: Stop | undefined): Report {
  const facts = {
    ...(end.exitCode !== undefined && { exitCode: end.exitCode }),
    ...(end.signal !== undefined && { signal: end.signal }),
    ...(end.message !== undefined && { message: end.message }),
  };
  if (end.exitCode === 0) return { outcome: "succeeded", ...facts };
  const by = forwarded.find(({ signal, number }) => end.signal === signal || end.exitCode === 128 + number);
  if (by !== undefined) return { outcome: "interrupted", reason: by.signal.toLowerCase(), ...facts };
  return { outcome: "failed", ...(stop !== undefined && { reason: stop.reason }), ...facts };
}

const report = (token: string, what: Report, code: number, now: Instant): Step =>
  stay(
    { phase: "reporting", token, report: what, code, tries: 0, reportAt: undefined, until: after(now, REPORT_FOR) },
    { do: "finish", token, report: what },
  );

function reporting(heart: In<"reporting">, input: Input, now: Instant): Step {
  const { token, report: what, reportAt, tries, until, code } = heart;
  if (input.kind === "wake" && reportAt !== undefined && reportAt <= now)
    return stay({ ...heart, reportAt: undefined }, { do: "finish", token, report: what });
  if (input.kind !== "reported") return stay(heart);
  const { answer } = input;
  if (answer.kind === "ok")
    return leave(answer.body.outcome === "succeeded" && what.outcome === "succeeded" ? 0 : code);
  if (answer.kind === "unclear") {
    if (now >= until) return leave(EXIT.agentError, `the end could not be reported: ${answer.detail}`);
    return stay({ ...heart, tries: tries + 1, reportAt: after(now, retry(tries)) });
  }
  switch (answer.name) {
    case "superseded":
    case "ended":
      return leave(EXIT.superseded, `the end came too late: ${answer.name}`);
    default:
      return leave(EXIT.agentError, `the end was refused: ${answer.name}, ${answer.detail}`);
  }
}
