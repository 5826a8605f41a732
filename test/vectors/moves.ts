import fc from "fast-check";
import type { Answer } from "../../lib/agent/answer.ts";
import { type ChildEnd, type Heart, type Input, newHeart, step, wakeAt } from "../../lib/agent/heart.ts";
import type { Own } from "../../lib/agent/heart-types.ts";
import type { Progress } from "../../lib/core/run.ts";
import { type Instant, instant, milliseconds, type Span, seconds } from "../../lib/core/time.ts";
import type { ProblemName } from "../../lib/wire/problems.ts";
import type { BeatBody, ClaimBody, FinishBody } from "../../lib/wire/replies.ts";
import type { Played } from "./vector.ts";

/*
 * Lives of a heart, drawn by fast-check. A move is not an input yet: it is played against the heart as it is then, so that answers come
 * to questions that were asked, and wakes at the time that the heart has named. Some do not: a heart has to ignore these.
 */

type Move = { readonly wait: number; readonly roll: number; readonly what: Happening };
type Happening =
  | { readonly kind: "wake" }
  | {
      readonly kind: "answer";
      readonly claim: Answer<ClaimBody>;
      readonly beat: Answer<BeatBody>;
      readonly finish: Answer<FinishBody>;
    }
  | { readonly kind: "given"; readonly input: Input };

export type Life = { readonly lease: Span; readonly own: Own; readonly moves: readonly Move[] };

/** The wall clock of an agent that has just started. */
const WALL = Date.parse("2026-11-22T12:00:00Z");

const DEADLINES = [
  "2026-11-22T12:02:00.000Z",
  "2026-11-22T12:00:10Z",
  "2026-11-22T11:00:00Z",
  "2026-11-29T12:00:00Z",
  "soon",
];
const REASONS = ["canceled", "spot-interruption", "drain"];

const retryAfter = fc.constantFrom(
  {},
  {},
  {},
  { retryAfter: seconds(1) },
  { retryAfter: seconds(20) },
  { retryAfter: seconds(90) },
);
const unclear: fc.Arbitrary<Answer<never>> = fc
  .tuple(fc.constantFrom("the connection is refused", "status 503 with a body that is not ours"), retryAfter)
  .map(([detail, after]) => ({ kind: "unclear", detail, ...after }));
const refusal = (...names: readonly ProblemName[]): fc.Arbitrary<Answer<never>> =>
  fc
    .tuple(fc.constantFrom(...names), fc.constantFrom("", "attempt 2 with fence 7 is current; stop"), retryAfter)
    .map(([name, detail, after]) => ({ kind: "problem", name, detail, ...after }));
const ok = <T>(body: fc.Arbitrary<T>): fc.Arbitrary<Answer<T>> => body.map((one) => ({ kind: "ok", body: one }));
const nextBeatSeconds = fc.constantFrom(30, 30, 30, 5, 0, 0.01, 3600);
const optional = <T>(...values: readonly T[]): fc.Arbitrary<T | undefined> =>
  fc.constantFrom(undefined, undefined, ...values);
const without = <T extends object>(record: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  record.map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as T);

const claim: fc.Arbitrary<Answer<ClaimBody>> = fc.oneof(
  {
    weight: 6,
    arbitrary: ok(
      without(
        fc.record({
          attempt: fc.constantFrom(1, 2),
          fence: fc.constant(1_795_348_800),
          token: fc.constant("token-1"),
          leaseSeconds: fc.constant(120),
          nextBeatSeconds,
          directive: fc.constantFrom(
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "stop",
            "drain",
          ),
          onCutOff: optional("continue"),
        }),
      ) as fc.Arbitrary<ClaimBody>,
    ),
  },
  { weight: 1, arbitrary: unclear },
  {
    weight: 1,
    arbitrary: refusal(
      "hold",
      "hold",
      "superseded",
      "held-by-another",
      "ended",
      "overran",
      "unauthorized",
      "not-found",
      "foreign-origin",
    ),
  },
);
const beat: fc.Arbitrary<Answer<BeatBody>> = fc.oneof(
  {
    weight: 5,
    arbitrary: ok(
      without(
        fc.record({
          directive: fc.constantFrom("continue", "continue", "continue", "drain", "stop"),
          leaseSeconds: fc.constant(120),
          nextBeatSeconds,
          deadline: optional(...DEADLINES),
          reason: optional(...REASONS),
          token: optional("token-2", "token-3"),
        }),
      ) as fc.Arbitrary<BeatBody>,
    ),
  },
  { weight: 3, arbitrary: unclear },
  {
    weight: 1,
    arbitrary: refusal(
      "superseded",
      "ended",
      "overran",
      "malformed",
      "invalid",
      "too-large",
      "unauthorized",
      "wrong-run",
    ),
  },
);
const finish: fc.Arbitrary<Answer<FinishBody>> = fc.oneof(
  ok(
    without(
      fc.record({ state: fc.constantFrom("ended", "waiting", "queued"), outcome: optional("succeeded", "failed") }),
    ) as fc.Arbitrary<FinishBody>,
  ),
  unclear,
  refusal("superseded", "ended", "unauthorized", "wrong-run", "not-found", "finished-otherwise", "malformed"),
);

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGTERM: 15, SIGWINCH: 28 };
const signaled = fc
  .constantFrom(...Object.entries(SIGNALS), ["SIGINT", SIGNALS.SIGINT] as const, ["SIGTERM", SIGNALS.SIGTERM] as const)
  .map(([signal, number]): Input => ({ kind: "signaled", signal, number }));
const PROGRESS: readonly Progress[] = [{ value: 1 }, { value: 82.5, of: 100, note: "epoch 3" }];
const progressed = optional(...PROGRESS).map(
  (progress): Input => ({ kind: "progressed", ...(progress !== undefined && { progress }) }),
);
const noticed = fc
  .record({
    notice: fc.constantFrom("spot", "rebalance"),
    at: optional("2026-11-22T12:00:00.000Z"),
    deadline: optional(...DEADLINES),
  })
  .map(
    (all) =>
      ({
        kind: "noticed",
        ...Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
      }) as Input,
  );
const exited = fc
  .constantFrom<ChildEnd>(
    { exitCode: 0, status: 0 },
    { exitCode: 0, status: 0 },
    { exitCode: 3, status: 3 },
    { exitCode: 143, status: 143 },
    { exitCode: 137, status: 137 },
    { exitCode: 130, status: 130 },
    { exitCode: 130, status: 130 },
    { signal: "SIGTERM", status: 143 },
    { signal: "SIGKILL", status: 137 },
    { signal: "SIGHUP", status: 129 },
    { signal: "SIGINT", status: 130 },
    { exitCode: 127, status: 127, message: "trian: not found" },
    { signal: "SIGKILL", status: 137, outOfMemory: { limitBytes: 536_870_912 } },
    { exitCode: 1, status: 1, outOfMemory: {} },
  )
  .map((end): Input => ({ kind: "exited", end }));

/** Answers to questions of another phase, as of a request that was out when the command ended. */
const stray = fc.oneof(
  claim.map((answer): Input => ({ kind: "claimed", sentAt: instant(0), answer })),
  beat.map((answer): Input => ({ kind: "beaten", sentAt: instant(0), answer })),
  finish.map((answer): Input => ({ kind: "reported", answer })),
);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Happening>({ kind: "wake" }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("answer" as const), claim, beat, finish }) },
  ...[signaled, progressed, noticed, exited, stray].map((input) => ({
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("given" as const), input }),
  })),
);

/** Leases whose pace is bounded by the lease, by the constants, and by neither. */
const LEASES = [5, 20, 60, 80, 120, 3600].map(seconds);

export const life: fc.Arbitrary<Life> = fc.record({
  lease: fc.constantFrom(...LEASES),
  own: without(
    fc.record({
      drain: optional(seconds(10)),
      stall: optional(seconds(30)),
      startBy: optional(instant(60_000)),
      reportFor: optional(seconds(5)),
      onInterrupt: optional("cancel", "cancel"),
    }),
  ) as fc.Arbitrary<Own>,
  moves: fc.array(
    fc.record({
      wait: fc.constantFrom(0, 0, 0, 50, 1000, 5000, 31_000, 130_000),
      // Halves of halves: the same number in every language.
      roll: fc.integer({ min: 0, max: 1023 }).map((part) => part / 1024),
      what: happening,
    }),
    { minLength: 4, maxLength: 16 },
  ),
});

/** What the moves come to, from a heart that has just started. */
export function played({ lease, own, moves }: Life): Played {
  let now = instant(0);
  let heart: Heart = newHeart(lease, now, own);
  let sentAt = { claim: now, beat: now };
  const inputs: { now: Instant; roll: number; input: Input }[] = [];
  const feed = (input: Input, roll: number): void => {
    const next = step(heart, input, now, roll);
    heart = next.heart;
    for (const action of next.actions)
      if (action.do === "claim" || action.do === "beat") sentAt = { ...sentAt, [action.do]: now };
    inputs.push({ now, roll, input });
  };
  for (const { wait, roll, what } of moves) {
    now = instant(now + wait);
    const wallAt = instant(WALL + now);
    if (what.kind === "wake") {
      const wake = wakeAt(heart);
      if (wait === 0 && wake !== undefined && wake > now) now = wake;
      feed({ kind: "wake" }, roll);
    } else if (what.kind === "given")
      feed(what.input.kind === "noticed" ? { ...what.input, wallAt: instant(WALL + now) } : what.input, roll);
    else if (heart.phase === "claiming") feed({ kind: "claimed", sentAt: sentAt.claim, answer: what.claim }, roll);
    else if (heart.phase === "beating") feed({ kind: "beaten", sentAt: sentAt.beat, answer: what.beat, wallAt }, roll);
    else feed({ kind: "reported", answer: what.finish }, roll);
    if (heart.phase === "gone" && inputs.length > 3) break;
  }
  return { lease, own, start: milliseconds(0), inputs };
}
