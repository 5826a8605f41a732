import { paceOf } from "../core/lease.ts";
import { after, type Instant, milliseconds, type Span, seconds } from "../core/time.ts";
import type { ClaimBody } from "../wire/replies.ts";
import { type Answer, isDefinite } from "./answer.ts";
import { beating, nextBeat, wakeBeatingAt } from "./beating.ts";
import { ENDING, type Heart, type In, type Input, leave, type Own, report, type Step, stay } from "./heart-types.ts";
import { EXIT, endedBy, interrupted } from "./stopping.ts";
import { saidOfNobody } from "./voice.ts";

export type { Action, Heart, Input, Step } from "./heart-types.ts";
export type { ChildEnd } from "./stopping.ts";

/** The longest wait after a failed claim or report. The wait begins at 1 s and doubles. */
const LONGEST_RETRY = seconds(10);
/** Between two claims that are held at the gate. */
const HOLD = seconds(1);

/** So much of a wait is left to chance: agents that were cut off together do not come back together. */
const RETRY_JITTER = 0.5;

/** The larger of our own wait and of what the server asks for. */
function retry(tries: number, roll: number, asked: Span | undefined): Span {
  const longest = Math.min(LONGEST_RETRY, seconds(1) * 2 ** Math.min(tries, 10));
  return milliseconds(Math.max(Math.trunc(longest * (1 - RETRY_JITTER * roll)), asked ?? 0));
}

/** A heart that has not claimed yet. The ticket names the lease. */
export const newHeart = (lease: Span, now: Instant, own: Own = {}): Heart => ({
  phase: "claiming",
  lease,
  own,
  tries: 0,
  askAt: now,
});

/** How long the agent waits for an answer. A later answer is dropped. */
export const requestTimeout = (lease: Span): Span => paceOf(lease).timeout;

/** When the heart wants to be woken; undefined if only an answer or the child can move it. */
export function wakeAt(heart: Heart): Instant | undefined {
  switch (heart.phase) {
    case "claiming":
      return heart.askAt;
    case "beating":
      return wakeBeatingAt(heart);
    case "reporting":
      return heart.reportAt;
    case "gone":
      return undefined;
  }
}

/**
 * The agent's whole behaviour. It is pure, so that the simulator runs this very code. The time is the agent's monotonic
 * clock, and `roll` in [0, 1) is its dice.
 */
export function step(heart: Heart, input: Input, now: Instant, roll: number): Step {
  switch (heart.phase) {
    case "claiming":
      return claiming(heart, input, now, roll);
    case "beating":
      return beating(heart, input, now, roll);
    case "reporting":
      return reporting(heart, input, now, roll);
    case "gone":
      return stay(heart);
  }
}

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
  // Our process was suspended, or the network was slow. The lease that was granted then may be over.
  const isLate = after(sentAt, requestTimeout(heart.lease)) < now;
  const answer: typeof given = given.kind === "ok" && isLate ? { kind: "unclear", detail: "granted too late" } : given;
  if (answer.kind === "ok") {
    const { token, directive, attempt, fence } = answer.body;
    if (leaving !== undefined)
      return report({ token, what: endedBy(leaving.signal, heart.own.onInterrupt), code: 128 + leaving.number }, now);
    if (directive === "stop")
      return report({ token, what: interrupted("stopped before the start"), code: EXIT.superseded }, now);
    if (directive === "drain")
      return report({ token, what: interrupted("drained before the start"), code: EXIT.preempted }, now);
    const beatAt = nextBeat(sentAt, heart.lease, answer.body.nextBeatSeconds, roll);
    const fenceFrom = answer.body.onCutOff === "continue" ? undefined : sentAt;
    const { lease, own } = heart;
    return stay(
      { phase: "beating", lease, own, token, beatAt, fenceFrom, progressedAt: now, forwarded: [] },
      { do: "start", attempt, fence },
    );
  }
  if (leaving !== undefined) return leave(128 + leaving.number, `${leaving.signal} before the attempt was claimed`);
  if (answer.kind === "unclear" || isLate) {
    if (heart.own.startBy !== undefined && heart.own.startBy <= now)
      return leave(EXIT.agentError, saidOfNobody(answer.detail));
    return stay({ ...heart, tries: tries + 1, askAt: after(now, retry(tries, roll, answer.retryAfter)) });
  }
  switch (answer.name) {
    case "hold":
      return stay({ ...heart, tries: 0, askAt: after(now, milliseconds(Math.max(HOLD, answer.retryAfter ?? 0))) });
    case "superseded":
    case "held-by-another":
    case "ended":
    case "overran":
      return leave(EXIT.superseded, `not started: ${answer.name}${answer.detail === "" ? "" : `, ${answer.detail}`}`);
    default:
      return leave(EXIT.agentError, `the claim was refused: ${answer.name}, ${answer.detail}`);
  }
}

/**
 * A signal asks the agent to go. It makes one more try at once, and the next signal ends it. The report stays on disk.
 */
function hurried(heart: In<"reporting">, now: Instant): Step {
  const { reportAt, token, report: what, until, codeIfLate } = heart;
  if (until <= now) return leave(codeIfLate ?? EXIT.agentError, "told to end before the end was reported");
  const last: Heart = { ...heart, until: now };
  return reportAt === undefined
    ? stay(last)
    : stay({ ...last, reportAt: undefined }, { do: "finish", token, report: what });
}

function reporting(heart: In<"reporting">, input: Input, now: Instant, roll: number): Step {
  const { token, report: what, reportAt, tries, until, code, codeIfLate } = heart;
  if (input.kind === "wake" && reportAt !== undefined && reportAt <= now)
    return stay({ ...heart, reportAt: undefined }, { do: "finish", token, report: what });
  if (input.kind === "signaled" && ENDING.has(input.signal)) return hurried(heart, now);
  if (input.kind !== "reported") return stay(heart);
  const { answer } = input;
  if (answer.kind === "ok")
    return leave(answer.body.outcome === "succeeded" && what.outcome === "succeeded" ? 0 : code);
  if (!isDefinite(answer)) {
    if (now >= until) return leave(codeIfLate ?? EXIT.agentError, `the end could not be reported: ${answer.detail}`);
    return stay({ ...heart, tries: tries + 1, reportAt: after(now, retry(tries, roll, answer.retryAfter)) });
  }
  switch (answer.name) {
    case "superseded":
    case "ended":
      return leave(codeIfLate ?? EXIT.superseded, `the end came too late: ${answer.name}`);
    default:
      return leave(EXIT.agentError, `the end was refused: ${answer.name}, ${answer.detail}`);
  }
}
