import { describe, expect, test } from "vitest";
import { type Heart, newHeart, step, wakeAt } from "../../lib/agent/heart.ts";
import { seconds } from "../../lib/core/time.ts";
import {
  asking,
  beatAnswered,
  beaten,
  beating,
  claimAnswered,
  draining,
  exited,
  exitedWith,
  type Happening,
  instantAt,
  LEASE,
  led,
  problem,
  reporting,
  second,
  signaled,
  stopping,
  UNCLEAR,
  WAKE,
} from "./hearts.ts";

/** What the agent says at the last of these. */
const said = (from: Heart, ...happenings: readonly Happening[]): readonly string[] =>
  led(from, ...happenings).actions.flatMap((action) => (action.do === "say" ? [action.line] : []));

const SOON = "SIGTERM to the command, and SIGKILL in 20 s if it is still there";

describe("the agent says why it stops its command, and what comes next", () => {
  test.each([
    [{ directive: "stop", reason: "canceled" }, `the run is stopped (canceled): ${SOON}`],
    [
      { directive: "drain", reason: "spot-interruption", deadline: instantAt(120) },
      "the attempt is asked to leave (spot-interruption): SIGTERM to the command, and SIGKILL in 85 s if it is still there",
    ],
  ] as const)("told %j", (body, line) => {
    expect(said(beating(), [30, WAKE], [30, beaten(30, body)])).toEqual([line]);
  });

  test.each([
    ["superseded", `the attempt is over (superseded): ${SOON}`],
    ["ended", `the attempt is over (ended): ${SOON}`],
    ["overran", `the deadline of the attempt or of the run is over: ${SOON}`],
  ] as const)("refused as %s", (name, line) => {
    expect(said(beating(), [30, WAKE], [30, beatAnswered(30, problem(name))])).toEqual([line]);
  });

  test("when no beat was acknowledged in time", () => {
    const line = "no beat was acknowledged in time, and another attempt may start soon";
    expect(said(beating(), [30, WAKE], [95, WAKE])).toEqual([`${line}: ${SOON}`]);
    expect(said(beating(), [30, WAKE], [130, WAKE])).toEqual([`${line}: SIGKILL to the command`]);
  });

  test("when there was no progress", () => {
    const heart = beating(LEASE, { stall: seconds(60) });
    expect(said(heart, [60, WAKE])).toEqual([`there was no progress in time: ${SOON}`]);
  });

  test("when it is killed, because its time is over", () => {
    expect(said(stopping(), [50, WAKE])).toEqual(["the command has not left in time: SIGKILL to it"]);
  });

  test("once: a reason that outranks the first is said, too", () => {
    expect(said(draining(), [60, WAKE], [60, beaten(60, { directive: "drain", reason: "again" })])).toEqual([]);
    expect(said(draining(), [60, WAKE], [60, beaten(60, { directive: "stop", reason: "canceled" })])).toEqual([
      "the run is stopped (canceled): SIGKILL to the command in 20 s if it is still there",
    ]);
    expect(said(stopping(), [50, WAKE], [55, WAKE], [55, beatAnswered(55, problem("superseded"))])).toEqual([
      "the attempt is over (superseded): the command was killed already",
    ]);
  });
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("the agent says what %s means", (signal) => {
  expect(said(beating(), [10, signaled(signal)])).toEqual([
    `${signal} came and is passed on: if the command dies of it, the attempt counts as interrupted, and the run is started again`,
  ]);
});

test("the agent says nothing of signals that end no program", () => {
  expect(said(beating(), [10, signaled("SIGWINCH")])).toEqual([]);
});

test("the agent says that a rebalance is recommended", () => {
  expect(said(beating(), [10, { kind: "noticed", notice: "rebalance" }])).toEqual([
    "a rebalance of this instance is recommended: the service is told, the command works on",
  ]);
});

test("the agent says why its command could not be started", () => {
  const message = "trian: spawn trian ENOENT";
  expect(said(beating(), [0, exited({ exitCode: 127, status: 127, message })])).toEqual([
    `the command could not be started: ${message}`,
  ]);
});

describe("nothing is waited for without a bound", () => {
  const late = newHeart(LEASE, second(0), { startBy: second(60) });

  test("a claim that nobody answers is given up when the attempt had to start", () => {
    const asked = led(late, [0, WAKE], [59, claimAnswered(59, UNCLEAR)]).heart;
    expect(wakeAt(asked)).toBe(second(60));
    expect(led(asked, [60, WAKE], [60, claimAnswered(60, UNCLEAR)]).actions).toEqual([
      {
        do: "exit",
        code: 125,
        why: "no front door has answered until the attempt had to start: status 403 with a body that is not ours",
      },
    ]);
  });

  test("a claim that is held at the gate is not given up: somebody answers", () => {
    const held = led(late, [0, WAKE], [70, claimAnswered(70, problem("hold"))]);
    expect([held.actions, wakeAt(held.heart)]).toEqual([[], second(71)]);
  });

  test("a report is repeated for 15 minutes, or after a cut-off for as long as was chosen", () => {
    const fenced = (own = {}): Heart => led(beating(LEASE, own), [30, WAKE], [95, WAKE], [96, exitedWith(3)]).heart;
    const until = (heart: Heart): unknown => (heart.phase === "reporting" ? heart.until : undefined);
    expect(until(fenced())).toBe(second(96 + 900));
    expect(until(fenced({ reportFor: seconds(5) }))).toBe(second(101));
    expect(until(reporting())).toBe(second(40 + 900));
  });
});

describe("a server that asks for a pause gets it", () => {
  const busy = (retryAfter: number) => ({ ...UNCLEAR, retryAfter: seconds(retryAfter) }) as const;

  test("before the next claim, where that is longer than our own wait", () => {
    expect(wakeAt(led(asking(), [0, claimAnswered(0, busy(20))]).heart)).toBe(second(20));
    expect(wakeAt(led(asking(), [0, claimAnswered(0, busy(0.5))]).heart)).toBe(second(1));
    const hold = { ...problem("hold"), retryAfter: seconds(3) } as const;
    expect(wakeAt(led(asking(), [0, claimAnswered(0, hold)]).heart)).toBe(second(3));
  });

  test("before the next beat, but for an interval at most: it must not cost the lease", () => {
    const next = (retryAfter: number) =>
      wakeAt(led(beating(), [30, WAKE], [31, beatAnswered(30, busy(retryAfter))]).heart);
    expect([next(1), next(20), next(90)]).toEqual([second(36), second(51), second(61)]);
  });

  test("and half of each wait is left to chance, so that those that were cut off together do not come back together", () => {
    const at = (roll: number) => wakeAt(step(asking(), claimAnswered(0, UNCLEAR), second(0), roll).heart);
    expect([at(0), at(0.5), at(0.999)]).toEqual([1000, 750, 500]);
  });
});
