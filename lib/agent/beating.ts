import { paceOf } from "../core/lease.ts";
import { after, earlier, type Instant, milliseconds, type Span, seconds } from "../core/time.ts";
import type { BeatBody } from "../wire/replies.ts";
import type { Answer } from "./answer.ts";
import { type Action, ENDING, type In, type Input, leave, report, type Step, stay } from "./heart-types.ts";
import {
  afterGrace,
  type ChildEnd,
  DRAIN,
  drainedAt,
  endOf,
  raised,
  type Signal,
  type Stop,
  selfFenceAt,
} from "./stopping.ts";
import { KILLED_IN_TIME, saidOfEnd, saidOfRebalance, saidOfSignal, saidOfStop } from "./voice.ts";

/**
 * After a failed beat the next one comes at the latest after this time, and after half an interval: with a short lease two beats that fail
 * take an interval, and the third still comes in time.
 */
const AFTER_A_FAILED_BEAT = seconds(5);
/** Jitter only shortens the interval, so it never costs a lease its third beat. */
const JITTER = 0.1;
/** Seconds. A server that asks for less is broken, and so is one that asks for more than a quarter of the lease. */
const SHORTEST_INTERVAL = 0.05;

/** When an attempt with a child wants to be woken. */
export function wakeBeatingAt(heart: In<"beating">): Instant | undefined {
  const killAt = heart.stop?.isKilled === false ? heart.stop.killAt : undefined;
  return [heart.beatAt, killAt, termAt(heart), stalledAt(heart)].reduce(soonest);
}

const soonest = (one: Instant | undefined, other: Instant | undefined): Instant | undefined =>
  one === undefined ? other : earlier(one, other);

/** An attempt with a child. Beats go out, and the child is told what their replies bring. */
export function beating(heart: In<"beating">, input: Input, now: Instant, roll: number): Step {
  switch (input.kind) {
    case "wake":
      return beatOrKill(heart, now);
    case "beaten":
      return beatAnswered({ ...heart, beatAt: nextBeatAfter(input, heart, now, roll) }, input, now);
    case "signaled":
      return passOn(heart, input);
    case "progressed":
      return stay({ ...heart, progressedAt: now, progress: input.progress ?? heart.progress });
    case "noticed":
      return noticed(heart, input, now);
    case "exited":
      return childGone(heart, input.end, now);
    default:
      return stay(heart);
  }
}

/** When the child is told to stop because no request was acknowledged in time. */
const termAt = ({ fenceFrom, lease, stop }: In<"beating">): Instant | undefined =>
  fenceFrom === undefined || stop?.isKilled ? undefined : selfFenceAt(fenceFrom, lease).termAt;

/**
 * When the child counts as stalled, because it has made no progress for too long. A leaving child need not make any.
 */
const stalledAt = ({ own, progressedAt, stop }: In<"beating">): Instant | undefined =>
  own?.stall === undefined || progressedAt === undefined || stop !== undefined
    ? undefined
    : after(progressedAt, own.stall);

function beatOrKill(heart: In<"beating">, now: Instant): Step {
  const { heart: next, actions } = stopInTime(heart, now);
  const { beatAt, token, progress } = next;
  if (beatAt === undefined || beatAt > now) return { heart: next, actions };
  return stay({ ...next, beatAt: undefined, sent: progress }, ...actions, {
    do: "beat",
    token,
    ...(progress !== undefined && { progress }),
  });
}

type Beating = { readonly heart: In<"beating">; readonly actions: readonly Action[] };

/** Stops the child where the clock alone demands it: at our own deadline, after a stall, or at the end of a grace. */
function stopInTime(heart: In<"beating">, now: Instant): Beating {
  const { fenceFrom, lease, stop } = heart;
  const [fenced, stalled] = [termAt(heart), stalledAt(heart)];
  if (fenceFrom !== undefined && fenced !== undefined && fenced <= now)
    return stopChild(
      { ...heart, fenceFrom: undefined },
      { why: "self-fenced", reason: "self-fenced", killAt: selfFenceAt(fenceFrom, lease).killAt },
      now,
    );
  if (stalled !== undefined && stalled <= now)
    return stopChild(heart, { why: "stalled", reason: "stalled", killAt: afterGrace(lease, now) }, now);
  if (stop === undefined || stop.isKilled || stop.killAt > now) return { heart, actions: [] };
  return {
    heart: { ...heart, stop: { ...stop, isKilled: true } },
    actions: [say(KILLED_IN_TIME), { do: "signal", signal: "SIGKILL" }],
  };
}

/**
 * The child gets every signal. The service hears of a TERM, too, because that is often all that a host says before it
 * goes.
 */
function passOn(heart: In<"beating">, { signal, number }: Signal): Step {
  const next = { ...heart, forwarded: [...heart.forwarded, { signal, number }] };
  const passed: readonly Action[] = [
    ...(ENDING.has(signal) ? [say(saidOfSignal(signal, heart.own?.onInterrupt))] : []),
    { do: "signal", signal },
  ];
  if (signal !== "SIGTERM" || heart.told?.includes("sigterm")) return stay(next, ...passed);
  return stay({ ...next, told: [...(heart.told ?? []), "sigterm"] }, ...passed, {
    do: "notice",
    token: heart.token,
    kind: "sigterm",
  });
}

/** A spot notice is a drain already. Waiting for the directive would cost the child a quarter of its two minutes. */
function noticed(heart: In<"beating">, input: Extract<Input, { kind: "noticed" }>, now: Instant): Step {
  const { notice: kind, at, deadline, wallAt = now } = input;
  if (heart.told?.includes(kind)) return stay(heart);
  const told = { ...heart, told: [...(heart.told ?? []), kind] };
  const notice: Action = {
    do: "notice",
    token: heart.token,
    kind,
    ...(at !== undefined && { at }),
    ...(deadline !== undefined && { deadline }),
  };
  if (kind === "rebalance") return stay(told, say(saidOfRebalance), notice);
  const { heart: next, actions } = drainChild(told, { reason: "spot-interruption", deadline }, now, wallAt);
  return stay(next, ...actions, notice);
}

export function nextBeat(sentAt: Instant, lease: Span, askedSeconds: number, roll: number): Instant {
  const interval = Math.min(paceOf(lease).interval / 1000, Math.max(SHORTEST_INTERVAL, askedSeconds));
  return after(sentAt, seconds(interval * (1 - JITTER * roll)));
}

function nextBeatAfter(
  { sentAt, answer }: { sentAt: Instant; answer: Answer<BeatBody> },
  heart: In<"beating">,
  now: Instant,
  roll: number,
): Instant {
  if (answer.kind === "ok") return nextBeat(sentAt, heart.lease, answer.body.nextBeatSeconds, roll);
  const { interval } = paceOf(heart.lease);
  const asked = Math.min(interval, answer.retryAfter ?? 0); // a server that is busy does not cost the lease
  return after(now, milliseconds(Math.max(Math.min(AFTER_A_FAILED_BEAT, Math.trunc(interval / 2)), asked)));
}

function beatAnswered(heart: In<"beating">, input: Extract<Input, { kind: "beaten" }>, now: Instant): Step {
  const { answer, sentAt, wallAt = now } = input;
  if (answer.kind === "unclear") return stay(heart);
  const killAt = afterGrace(heart.lease, now);
  if (answer.kind === "ok") {
    const { directive, reason, deadline } = answer.body;
    const renewed = { ...delivered(heart), token: answer.body.token ?? heart.token };
    // A beat that is answered with stop has not renewed the lease.
    if (directive === "stop") return stopChild(renewed, { why: "stop", reason: reason ?? "stopped", killAt }, now);
    const kept = { ...renewed, fenceFrom: later(heart.fenceFrom, sentAt) };
    return directive === "drain"
      ? drainChild(kept, { reason: reason ?? "drained", deadline }, now, wallAt)
      : stay(kept);
  }
  switch (answer.name) {
    case "superseded":
    case "ended":
    case "overran":
      return stopChild(
        heart,
        { why: answer.name === "overran" ? "overran" : "superseded", reason: answer.name, killAt },
        now,
      );
    case "malformed":
    case "invalid":
    case "too-large":
      // Progress that the service refuses must not cost the attempt its lease.
      return stay(delivered(heart));
    default:
      return stay(heart); // 401, 403 and the like are about the request, not about the attempt
  }
}

/** The agent's own deadline counts from the newest acknowledged request, in whatever order the answers came. */
const later = (from: Instant | undefined, sentAt: Instant): Instant | undefined =>
  from === undefined || from > sentAt ? from : sentAt;

/** What the last beat carried is not sent again. What the child has said meanwhile is sent. */
const delivered = (heart: In<"beating">): In<"beating"> => ({
  ...heart,
  progress: heart.progress === heart.sent ? undefined : heart.progress,
  sent: undefined,
});

function stopChild(heart: In<"beating">, next: Omit<Stop, "isKilled">, now: Instant): Beating {
  const { stop, signals } = raised(heart.stop, next, now);
  const isNews = signals.length > 0 || stop.why !== heart.stop?.why;
  return {
    heart: { ...heart, stop },
    actions: [
      ...(isNews ? [say(saidOfStop(stop, signals, now))] : []),
      ...signals.map((signal) => ({ do: "signal", signal }) as const),
    ],
  };
}

/** TERM comes at once. The beats go on until the child is gone, so that no other attempt starts before. */
function drainChild(
  heart: In<"beating">,
  { reason, deadline }: { reason: string; deadline: string | undefined },
  now: Instant,
  wall: Instant,
): Beating {
  const { lease, own } = heart;
  const killAt = drainedAt({ deadline, lease, drain: own?.drain ?? DRAIN }, now, wall);
  return stopChild(heart, { why: "drain", reason, killAt }, now);
}

function childGone({ stop, forwarded, token, own }: In<"beating">, childEnd: ChildEnd, now: Instant): Step {
  const {
    report: what,
    code,
    codeIfLate,
  } = endOf(childEnd, {
    forwarded,
    ...(stop !== undefined && { stop }),
    ...(own?.onInterrupt !== undefined && { onInterrupt: own.onInterrupt }),
  });
  if (what === undefined) return leave(code, `stopped: ${stop?.reason}`);
  const reportFor = stop?.why === "self-fenced" ? own?.reportFor : undefined;
  const { heart, actions } = report({ token, what, code, codeIfLate }, now, reportFor);
  const said = saidOfEnd(childEnd, what);
  return said === undefined ? { heart, actions } : { heart, actions: [say(said), ...actions] };
}

const say = (line: string): Action => ({ do: "say", line });
