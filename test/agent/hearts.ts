import type { Answer } from "../../lib/agent/answer.ts";
import { type ChildEnd, type Heart, type Input, newHeart, type Step, step } from "../../lib/agent/heart.ts";
import type { Own } from "../../lib/agent/heart-types.ts";
import { type Instant, instant, type Span, seconds } from "../../lib/core/time.ts";
import type { ProblemName } from "../../lib/wire/problems.ts";
import type { BeatBody, ClaimBody } from "../../lib/wire/replies.ts";

/** That many seconds after the agent started, by its own monotonic clock. */
export const second = (count: number): Instant => instant(count * 1000);

/** The default lease: beats every 30 s, 20 s of grace. */
export const LEASE: Span = seconds(120);

export const problem = (name: ProblemName, detail = ""): Answer<never> => ({ kind: "problem", name, detail });

export const UNCLEAR: Answer<never> = { kind: "unclear", detail: "status 403 with a body that is not ours" };

const claimBody = (own: Partial<ClaimBody>): ClaimBody => ({
  attempt: 1,
  fence: 1_795_348_800,
  token: "the-token",
  leaseSeconds: 120,
  nextBeatSeconds: 30,
  directive: "continue",
  ...own,
});

const beatBody = (own: Partial<BeatBody>): BeatBody => ({
  directive: "continue",
  leaseSeconds: 120,
  nextBeatSeconds: 30,
  ...own,
});

export const claimed = (sentAt: number, own: Partial<ClaimBody> = {}): Input => ({
  kind: "claimed",
  sentAt: second(sentAt),
  answer: { kind: "ok", body: claimBody(own) },
});

export const claimAnswered = (sentAt: number, answer: Answer<never>): Input => ({
  kind: "claimed",
  sentAt: second(sentAt),
  answer,
});

export const beaten = (sentAt: number, own: Partial<BeatBody> = {}): Input => ({
  kind: "beaten",
  sentAt: second(sentAt),
  answer: { kind: "ok", body: beatBody(own) },
});

export const beatAnswered = (sentAt: number, answer: Answer<never>): Input => ({
  kind: "beaten",
  sentAt: second(sentAt),
  answer,
});

export const reported = (answer: Answer<never>): Input => ({ kind: "reported", answer });
export const REPORTED: Input = { kind: "reported", answer: { kind: "ok", body: { state: "ended" } } };

export const WAKE: Input = { kind: "wake" };

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGUSR1: 10, SIGTERM: 15, SIGWINCH: 28 } as const;
type Signal = keyof typeof NUMBERS;

export const signaled = (signal: Signal): Input => ({ kind: "signaled", signal, number: NUMBERS[signal] });

export const exitedWith = (exitCode: number): Input => ({ kind: "exited", end: { exitCode, status: exitCode } });
export const killedBy = (signal: Signal): Input => ({
  kind: "exited",
  end: { signal, status: 128 + NUMBERS[signal] },
});
export const exited = (end: ChildEnd): Input => ({ kind: "exited", end });

/** An input at a second of the agent's clock. */
export type Happening = readonly [at: number, input: Input];

/** Leads a heart through these inputs, with the dice at 0: no jitter. Answers with the last step. */
export function led(from: Heart, ...happenings: readonly Happening[]): Step {
  let last: Step = { heart: from, actions: [] };
  for (const [at, input] of happenings) last = step(last.heart, input, second(at), 0);
  return last;
}

/** A heart whose claim went out at second 0. */
export const asking = (): Heart => led(newHeart(LEASE, second(0)), [0, WAKE]).heart;

/** A heart whose claim went out at second 0 and was granted: its child runs, its next beat is at second 30. */
export const beating = (lease: Span = LEASE, own: Own = {}): Heart =>
  led(newHeart(lease, second(0), own), [0, WAKE], [0, claimed(0)]).heart;

/** A heart that beats and whose owner has chosen that it goes on when it is cut off. */
export const goingOn = (): Heart =>
  led(newHeart(LEASE, second(0)), [0, WAKE], [0, claimed(0, { onCutOff: "continue" })]).heart;

/** The instant that many seconds after the agent started, as the service writes it. */
export const instantAt = (count: number): string => new Date(second(count)).toISOString();

/** A heart that was told by its beat at second 30 to drain until second 120. */
export const draining = (): Heart =>
  led(
    beating(),
    [30, WAKE],
    [30, beaten(30, { directive: "drain", reason: "spot-interruption", deadline: instantAt(120) })],
  ).heart;

/** A heart that was told by its beat at second 30 to stop its child; the grace ends at second 50. */
export const stopping = (): Heart =>
  led(beating(), [30, WAKE], [30, beaten(30, { directive: "stop", reason: "canceled" })]).heart;

/** A heart whose beat at second 30 was refused by one of our problems. */
export const refused = (name: ProblemName): Heart =>
  led(beating(), [30, WAKE], [30, beatAnswered(30, problem(name))]).heart;

/** A heart whose child ended with code 3 at second 40, and whose report is out. */
export const reporting = (): Heart => led(beating(), [40, exitedWith(3)]).heart;
