import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Action, type Heart, type Input, type Step, step, wakeAt } from "../../lib/agent/heart.ts";
import { paceOf } from "../../lib/core/lease.ts";
import { instant, seconds } from "../../lib/core/time.ts";
import {
  asking,
  beatAnswered,
  beaten,
  beating,
  claimed,
  draining,
  exitedWith,
  goingOn,
  type Happening,
  instantAt,
  killedBy,
  led,
  problem,
  REPORTED,
  reported,
  second,
  signaled,
  stopping,
  UNCLEAR,
  WAKE,
} from "./hearts.ts";

const TERM: Action = { do: "signal", signal: "SIGTERM" };
const KILL: Action = { do: "signal", signal: "SIGKILL" };
const BEAT: Action = { do: "beat", token: "the-token" };
const finish = (report: object) => ({ do: "finish", token: "the-token", report });

/** What the agent does; what it says is in voice.test.ts. */
const done = ({ actions }: Step) => actions.filter((action) => action.do !== "say");
const actions = (from: Heart, ...happenings: readonly Happening[]) => done(led(from, ...happenings));
const wake = (from: Heart, ...happenings: readonly Happening[]): number => {
  const at = wakeAt(led(from, ...happenings).heart);
  return at === undefined ? Number.NaN : at / 1000;
};
const exitOf = (from: Heart, ...happenings: readonly Happening[]) => led(from, ...happenings).actions[0];

/** A heart whose beat at second 30 is out and never answered. */
const cutOff = (from = beating()): Heart => led(from, [30, WAKE]).heart;

describe("self-fence: from the send time of the newest acknowledged request", () => {
  test("TERM comes at lease - grace - margin", () => {
    expect(wake(cutOff())).toBe(95);
    expect(actions(cutOff(), [94.999, WAKE])).toEqual([]);
    expect(actions(cutOff(), [95, WAKE])).toEqual([TERM]);
  });

  test("KILL comes at lease - margin", () => {
    expect(wake(cutOff(), [95, WAKE])).toBe(115);
    expect(actions(cutOff(), [95, WAKE], [114.999, WAKE])).toEqual([]);
    expect(actions(cutOff(), [95, WAKE], [115, WAKE])).toEqual([KILL]);
    expect(wake(cutOff(), [95, WAKE], [115, WAKE])).toBeNaN();
  });

  test("it counts from when the claim was sent, not from its answer", () => {
    expect(wake(asking(), [20, claimed(0)], [30, WAKE])).toBe(95);
  });

  test("it counts from when an acknowledged beat was sent, not from its answer", () => {
    expect(wake(beating(), [30, WAKE], [50, beaten(30)], [60, WAKE])).toBe(125);
  });

  test("a beat that was not acknowledged moves nothing, nor does one that is answered with stop", () => {
    for (const answer of [UNCLEAR, problem("unauthorized"), problem("hold"), problem("malformed")])
      expect(actions(beating(), [30, WAKE], [40, beatAnswered(30, answer)], [95, WAKE])).toContainEqual(TERM);
    const stopped = led(beating(), [90, WAKE], [94, beaten(90, { directive: "stop" })], [94, WAKE], [95, WAKE]);
    expect(actions(stopped.heart, [114, WAKE])).toContainEqual(KILL);
  });

  test("the child dies a margin before anybody else may claim, whatever the answers and their times", () => {
    const gaps = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 40 }), ok: fc.boolean() }), { maxLength: 12 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 5, max: 400 }), (beats, lease) => {
        let heart = beating(seconds(lease));
        let now = second(0);
        let acknowledged = second(0);
        let isKilled = false;
        const feed = (input: Input): void => {
          const next = step(heart, input, now, 0);
          heart = next.heart;
          isKilled ||= next.actions.some((action) => action.do === "signal" && action.signal === "SIGKILL");
        };
        for (const { gap, ok } of beats) {
          const until = instant(now + seconds(gap));
          for (let at = wakeAt(heart); at !== undefined && at <= until && !isKilled; at = wakeAt(heart)) {
            now = at > now ? at : now;
            feed(WAKE);
          }
          if (isKilled) break;
          if (ok) acknowledged = now;
          feed(ok ? { ...(beaten(0) as Extract<Input, { kind: "beaten" }>), sentAt: now } : beatAnswered(0, UNCLEAR));
          now = until;
        }
        for (let at = wakeAt(heart); !isKilled && at !== undefined; at = wakeAt(heart)) {
          now = at > now ? at : now;
          feed(WAKE);
        }
        expect(isKilled).toBe(true);
        expect(now).toBeLessThanOrEqual(acknowledged + seconds(lease) - paceOf(seconds(lease)).margin);
      }),
    );
  });

  test("after a suspend that was longer than the lease it is KILL at once, not TERM, and the beats go on", () => {
    expect(actions(beating(), [500, WAKE])).toEqual([KILL, BEAT]);
    expect(actions(beating(), [500, WAKE], [500.1, killedBy("SIGKILL")])).toEqual([
      finish({ outcome: "interrupted", reason: "self-fenced" }),
    ]);
  });

  test("after a suspend that ends between the two it is TERM, and KILL at its time", () => {
    expect(actions(cutOff(), [110, WAKE])).toEqual([TERM]);
    expect(wake(cutOff(), [110, WAKE])).toBe(115);
  });

  test("a beat that is acknowledged after the TERM does not save the child", () => {
    const late = led(cutOff(), [95, WAKE], [96, beaten(30)]).heart;
    expect(actions(late, [115, WAKE])).toContainEqual(KILL);
    expect(actions(late, [100, killedBy("SIGTERM")])).toEqual([
      finish({ outcome: "interrupted", reason: "self-fenced" }),
    ]);
  });

  test.each([killedBy("SIGTERM"), killedBy("SIGKILL"), exitedWith(143), exitedWith(1)])(
    "it is reported as interrupted, with the reason self-fenced and exit code 80 (%j)",
    (end) => {
      const gone = led(cutOff(), [95, WAKE], [96, end]);
      expect(done(gone)).toEqual([finish({ outcome: "interrupted", reason: "self-fenced" })]);
      expect(exitOf(gone.heart, [97, REPORTED])).toEqual({ do: "exit", code: 80 });
      expect(exitOf(gone.heart, [97, reported(problem("superseded"))])).toMatchObject({ code: 80 });
      expect(exitOf(gone.heart, [996, reported(UNCLEAR)])).toMatchObject({ code: 80 });
    },
  );

  test("a child that has succeeded by then is reported so, and its code is 80 where that does not count", () => {
    const gone = led(cutOff(), [95, WAKE], [96, exitedWith(0)]);
    expect(done(gone)).toEqual([finish({ outcome: "succeeded", exitCode: 0 })]);
    expect(exitOf(gone.heart, [97, reported(problem("superseded"))])).toMatchObject({ code: 80 });
  });

  test("onCutOff continue turns it off", () => {
    expect(wake(goingOn(), [30, WAKE])).toBeNaN();
    expect(actions(goingOn(), [30, WAKE], [5000, WAKE])).toEqual([]);
    expect(wake(goingOn(), [30, WAKE], [31, beaten(30)], [60, WAKE])).toBeNaN();
  });
});

describe("the directive drain", () => {
  const drained = (own: object, from = beating()) =>
    led(from, [30, WAKE], [30, beaten(30, { directive: "drain", nextBeatSeconds: 10, ...own })]);

  test("sends TERM at once, once", () => {
    const first = drained({});
    expect(done(first)).toEqual([TERM]);
    expect(actions(first.heart, [40, WAKE], [40, beaten(40, { directive: "drain" })])).toEqual([]);
  });

  test("keeps beating until the child is gone", () => {
    expect(wake(drained({}).heart)).toBe(40);
    expect(actions(drained({}).heart, [40, WAKE])).toEqual([BEAT]);
  });

  test("kills at deadline - margin", () => {
    expect(actions(draining(), [114, WAKE])).not.toContainEqual(KILL);
    expect(actions(draining(), [115, WAKE])).toContainEqual(KILL);
  });

  test("reads the deadline against the wall clock, whatever the agent's own clock says", () => {
    const answer = { kind: "ok", body: { directive: "drain", nextBeatSeconds: 10, leaseSeconds: 120 } } as const;
    const body = { ...answer.body, deadline: "2026-11-22T12:01:00.000Z" };
    const wallAt = instant(Date.parse("2026-11-22T12:00:00.000Z"));
    const input: Input = { kind: "beaten", sentAt: second(30), answer: { ...answer, body }, wallAt };
    const { heart } = led(beating(), [30, WAKE], [30, input]);
    expect(actions(heart, [84.999, WAKE])).not.toContainEqual(KILL);
    expect(actions(heart, [85, WAKE])).toContainEqual(KILL);
  });

  test.each([{}, { deadline: "soon" }])("without a deadline kills after 90 s, or as long as was chosen (%j)", (own) => {
    const kept: Happening[] = [40, 70, 100, 119].flatMap((at): Happening[] => [
      [at, WAKE],
      [at, beaten(at)],
    ]);
    expect(actions(drained(own).heart, ...kept, [119.999, WAKE])).not.toContainEqual(KILL);
    expect(actions(drained(own).heart, ...kept, [120, WAKE])).toContainEqual(KILL);
    expect(actions(drained(own, beating(seconds(120), { drain: seconds(7) })).heart, [37, WAKE])).toEqual([KILL]);
  });

  test("an earlier kill time wins, in whatever order they come", () => {
    const sooner = led(draining(), [40, beaten(40, { directive: "drain", deadline: instantAt(60) })]).heart;
    expect(actions(sooner, [60, WAKE])).toContainEqual(KILL);
    const later = led(draining(), [40, beaten(40, { directive: "drain", deadline: instantAt(900) })]).heart;
    expect(actions(later, [115, WAKE])).toContainEqual(KILL);
  });

  test("a deadline that is near or past leaves the child its TERM and its grace: the lease is held", () => {
    const late = drained({ deadline: instantAt(10) });
    expect(done(late)).toEqual([TERM]);
    expect(actions(late.heart, [49, WAKE])).not.toContainEqual(KILL);
    expect(actions(late.heart, [60, WAKE])).toContainEqual(KILL);
  });

  test.each([
    [killedBy("SIGTERM"), { signal: "SIGTERM" }],
    [killedBy("SIGKILL"), { signal: "SIGKILL" }],
    [exitedWith(143), { exitCode: 143 }],
    [exitedWith(137), { exitCode: 137 }],
  ])("a child that ended by our TERM or KILL was interrupted, and the exit code is 82 (%j)", (end, facts) => {
    const gone = led(draining(), [50, end]);
    expect(done(gone)).toEqual([finish({ outcome: "interrupted", reason: "spot-interruption", ...facts })]);
    expect(exitOf(gone.heart, [51, REPORTED])).toEqual({ do: "exit", code: 82 });
    expect(exitOf(gone.heart, [51, reported(problem("superseded"))])).toMatchObject({ code: 81 });
  });

  test("a child with a real exit code of its own has failed, and leaves with that", () => {
    const gone = led(draining(), [50, exitedWith(3)]);
    expect(done(gone)).toEqual([finish({ outcome: "failed", exitCode: 3 })]);
    expect(exitOf(gone.heart, [51, REPORTED])).toEqual({ do: "exit", code: 3 });
    expect(actions(draining(), [50, killedBy("SIGHUP")])).toEqual([finish({ outcome: "failed", signal: "SIGHUP" })]);
  });

  test("a child that got to its end has succeeded", () => {
    const gone = led(draining(), [50, exitedWith(0)]);
    expect(done(gone)).toEqual([finish({ outcome: "succeeded", exitCode: 0 })]);
    expect(exitOf(gone.heart, [51, REPORTED])).toEqual({ do: "exit", code: 0 });
  });

  test("that comes with the claim starts nothing", () => {
    const { heart, actions: done } = led(asking(), [1, claimed(0, { directive: "drain" })]);
    expect(done).toEqual([finish({ outcome: "interrupted", reason: "drained before the start" })]);
    expect(exitOf(heart, [2, REPORTED])).toEqual({ do: "exit", code: 82 });
  });

  test("of a child that is cut off ends at its own deadline all the same", () => {
    expect(actions(drained({ deadline: instantAt(900) }).heart, [40, WAKE], [125, WAKE])).toEqual([]);
    expect(actions(drained({ deadline: instantAt(900) }).heart, [40, WAKE], [125, WAKE], [145, WAKE])).toEqual([KILL]);
  });
});

describe("reasons only rise", () => {
  test("stop over drain: after the grace it is KILL, and the report is that of the stop", () => {
    const told = led(draining(), [40, beaten(40, { directive: "stop", reason: "canceled" })]);
    const { heart } = told;
    expect(done(told)).toEqual([]);
    expect(actions(heart, [60, WAKE])).toContainEqual(KILL);
    expect(actions(heart, [50, killedBy("SIGTERM")])).toEqual([finish({ outcome: "interrupted", reason: "canceled" })]);
  });

  test("drain does not come after stop", () => {
    const { heart } = led(stopping(), [40, beaten(40, { directive: "drain", reason: "spot-interruption" })]);
    expect(actions(heart, [45, killedBy("SIGTERM")])).toEqual([finish({ outcome: "interrupted", reason: "canceled" })]);
  });

  test("superseded over stop, and overran over drain", () => {
    const superseded = led(stopping(), [40, beatAnswered(40, problem("superseded"))]).heart;
    expect(actions(superseded, [45, killedBy("SIGTERM")])).toMatchObject([{ do: "exit", code: 81 }]);
    const overran = led(draining(), [40, beatAnswered(40, problem("overran"))]).heart;
    expect(actions(overran, [45, exitedWith(3)])).toEqual([
      finish({ outcome: "failed", reason: "overran", exitCode: 3 }),
    ]);
  });

  test("self-fenced over drain; of superseded and self-fenced the first stays", () => {
    const fenced = led(draining(), [40, WAKE], [125, WAKE]).heart;
    expect(actions(fenced, [126, exitedWith(3)])).toEqual([finish({ outcome: "interrupted", reason: "self-fenced" })]);
    const both = led(cutOff(), [95, WAKE], [96, beatAnswered(30, problem("superseded"))]).heart;
    expect(actions(both, [97, killedBy("SIGTERM")])).toEqual([
      finish({ outcome: "interrupted", reason: "self-fenced" }),
    ]);
  });
});

describe("progress", () => {
  const progressed = (value: number): Input => ({ kind: "progressed", progress: { value } });

  test("goes with the next beat, once", () => {
    const sent = led(beating(), [10, progressed(1)], [30, WAKE]);
    expect(done(sent)).toEqual([{ ...BEAT, progress: { value: 1 } }]);
    expect(actions(sent.heart, [30, beaten(30)], [60, WAKE])).toEqual([BEAT]);
  });

  test("is the newest there is", () => {
    expect(actions(beating(), [10, progressed(1)], [20, progressed(2)], [30, WAKE])).toEqual([
      { ...BEAT, progress: { value: 2 } },
    ]);
  });

  test("that no beat has brought yet goes with the one after", () => {
    expect(actions(beating(), [10, progressed(1)], [30, WAKE], [32, beatAnswered(30, UNCLEAR)], [37, WAKE])).toEqual([
      { ...BEAT, progress: { value: 1 } },
    ]);
  });

  test("that came while a beat was out goes with the next", () => {
    expect(
      actions(beating(), [10, progressed(1)], [30, WAKE], [31, progressed(2)], [32, beaten(30)], [60, WAKE]),
    ).toEqual([{ ...BEAT, progress: { value: 2 } }]);
  });

  test.each(["malformed", "invalid", "too-large"] as const)(
    "that the service refuses as %s does not cost the lease: the next beat goes without it",
    (name) => {
      expect(
        actions(beating(), [10, progressed(1)], [30, WAKE], [30, beatAnswered(30, problem(name))], [35, WAKE]),
      ).toEqual([BEAT]);
    },
  );

  test("that cannot be sent is progress all the same", () => {
    expect(actions(beating(), [10, { kind: "progressed" }], [30, WAKE])).toEqual([BEAT]);
  });
});

describe("a stall", () => {
  const watched = () => beating(seconds(120), { stall: seconds(20) });

  test("stops a child that has left its progress file alone for so long", () => {
    expect(wake(watched())).toBe(20);
    expect(actions(watched(), [20, WAKE])).toEqual([TERM]);
    expect(actions(watched(), [20, WAKE], [40, WAKE])).toContainEqual(KILL);
  });

  test("does not come as long as the file changes", () => {
    expect(wake(watched(), [15, { kind: "progressed" }])).toBe(30);
    expect(actions(watched(), [15, { kind: "progressed" }], [30, WAKE], [34.999, WAKE])).toEqual([]);
    expect(actions(watched(), [15, { kind: "progressed" }], [30, WAKE], [35, WAKE])).toEqual([TERM]);
  });

  test("is reported as a failure with the reason stalled", () => {
    const gone = led(watched(), [20, WAKE], [21, killedBy("SIGTERM")]);
    expect(done(gone)).toEqual([finish({ outcome: "failed", reason: "stalled", signal: "SIGTERM" })]);
    expect(exitOf(gone.heart, [22, REPORTED])).toEqual({ do: "exit", code: 143 });
  });

  test("is none in a child that was told to leave, and none without a limit", () => {
    const { heart } = led(watched(), [10, beaten(10, { directive: "drain", reason: "spot-interruption" })]);
    expect(actions(heart, [25, killedBy("SIGTERM")])).toMatchObject([{ report: { reason: "spot-interruption" } }]);
    expect(actions(beating(), [29, WAKE])).toEqual([]);
  });
});

describe("what the instance metadata announces", () => {
  const spot: Input = { kind: "noticed", notice: "spot", deadline: instantAt(100) };

  test("a spot notice is told to the service and is a drain with that deadline, at once", () => {
    const told = led(beating(), [10, spot]);
    const { heart } = told;
    expect(done(told)).toEqual([
      TERM,
      { do: "notice", token: "the-token", kind: "spot", deadline: "1970-01-01T00:01:40.000Z" },
    ]);
    expect(actions(heart, [94, WAKE])).not.toContainEqual(KILL);
    expect(actions(heart, [95, WAKE])).toContainEqual(KILL);
    expect(actions(heart, [20, killedBy("SIGTERM")])).toMatchObject([{ report: { reason: "spot-interruption" } }]);
  });

  test("a rebalance recommendation is told, and stops nobody", () => {
    const at = "2026-11-22T12:00:00.000Z";
    expect(actions(beating(), [10, { kind: "noticed", notice: "rebalance", at }])).toEqual([
      { do: "notice", token: "the-token", kind: "rebalance", at },
    ]);
  });

  test("is told once each", () => {
    expect(actions(beating(), [10, spot], [15, spot])).toEqual([]);
    expect(actions(beating(), [10, signaled("SIGTERM")], [15, spot])).toMatchObject([TERM, { kind: "spot" }]);
  });
});
