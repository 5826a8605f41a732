import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Action, type Heart, newHeart, requestTimeout, type Step, step, wakeAt } from "../../lib/agent/heart.ts";
import { paceOf } from "../../lib/core/lease.ts";
import { milliseconds, seconds } from "../../lib/core/time.ts";
import {
  asking,
  beatAnswered,
  beaten,
  beating,
  claimAnswered,
  claimed,
  exited,
  exitedWith,
  goingOn,
  type Happening,
  killedBy,
  LEASE,
  led,
  problem,
  REPORTED,
  refused,
  reported,
  reporting,
  second,
  signaled,
  stopping,
  UNCLEAR,
  WAKE,
} from "./hearts.ts";

const CLAIM: Action = { do: "claim" };
const BEAT: Action = { do: "beat", token: "the-token" };
const TERM: Action = { do: "signal", signal: "SIGTERM" };
const KILL: Action = { do: "signal", signal: "SIGKILL" };
const START: Action = { do: "start", attempt: 1, fence: 1_795_348_800 };

const finish = (report: object) => ({ do: "finish", token: "the-token", report });

/** What the agent does; what it says is in voice.test.ts. */
const done = ({ actions }: Step) => actions.filter((action) => action.do !== "say");
const actions = (from: Heart, ...happenings: readonly Happening[]) => done(led(from, ...happenings));

/** The second at which the heart wants to be woken. */
const wake = (from: Heart, ...happenings: readonly Happening[]): number | undefined => {
  const at = wakeAt(led(from, ...happenings).heart);
  return at === undefined ? undefined : at / 1000;
};

/** The exit code and the report of a child that ends as the last happening says. */
const exitOf = (from: Heart, ...happenings: readonly Happening[]): number | undefined => {
  const [action] = led(from, ...happenings, [100, REPORTED]).actions;
  return action?.do === "exit" ? action.code : undefined;
};

describe("a heart that claims", () => {
  test("asks at once", () => {
    expect(wakeAt(newHeart(LEASE, second(7)))).toBe(second(7));
    expect(actions(newHeart(LEASE, second(7)), [7, WAKE])).toEqual([CLAIM]);
  });

  test("asks once, and waits for the answer", () => {
    expect(actions(asking(), [1, WAKE])).toEqual([]);
    expect(wake(asking())).toBeUndefined();
  });

  test("does not ask before its time", () => {
    expect(actions(newHeart(LEASE, second(7)), [6.999, WAKE])).toEqual([]);
  });

  test("starts the child when the claim is granted", () => {
    expect(actions(asking(), [0.1, claimed(0)])).toEqual([START]);
  });

  test("beats one interval after the claim was sent, not after it was answered", () => {
    expect(wake(asking(), [2, claimed(0)])).toBe(30);
  });

  test("asks again after 1, 2, 4 and 8 s, then every 10 s, while the answers are unclear", () => {
    let heart = asking();
    const waits: number[] = [];
    let now = 0;
    for (let tries = 0; tries < 6; tries += 1) {
      heart = led(heart, [now, claimAnswered(now, UNCLEAR)]).heart;
      const next = (wakeAt(heart) ?? 0) / 1000;
      waits.push(next - now);
      now = next;
      heart = led(heart, [now, WAKE]).heart;
    }
    expect(waits).toEqual([1, 2, 4, 8, 10, 10]);
  });

  test("asks again every second while it is held, however long", () => {
    const held: Happening[] = Array.from({ length: 50 }, (_, index) => [
      index,
      index % 2 === 0 ? claimAnswered(index, problem("hold")) : WAKE,
    ]);
    expect(wake(asking(), ...held, [60, claimAnswered(60, problem("hold"))])).toBe(61);
  });

  test("begins its waits anew after a hold", () => {
    const { heart } = led(
      asking(),
      [0, claimAnswered(0, UNCLEAR)],
      [1, WAKE],
      [1, claimAnswered(1, UNCLEAR)],
      [3, WAKE],
      [3, claimAnswered(3, problem("hold"))],
      [4, WAKE],
      [4, claimAnswered(4, UNCLEAR)],
    );
    expect(wakeAt(heart)).toBe(second(5));
  });

  test.each(["superseded", "held-by-another", "ended", "overran"] as const)(
    "leaves with 81 when it is refused as %s",
    (name) => {
      expect(actions(asking(), [1, claimAnswered(0, problem(name, "too late"))])).toEqual([
        { do: "exit", code: 81, why: `not started: ${name}, too late` },
      ]);
    },
  );

  test("says only the name of a refusal that has no detail", () => {
    expect(actions(asking(), [1, claimAnswered(0, problem("ended"))])).toEqual([
      { do: "exit", code: 81, why: "not started: ended" },
    ]);
  });

  test.each(["unauthorized", "wrong-run", "malformed", "not-found"] as const)(
    "leaves with 125 when it is refused as %s",
    (name) => {
      expect(actions(asking(), [1, claimAnswered(0, problem(name, "no"))])).toEqual([
        { do: "exit", code: 125, why: `the claim was refused: ${name}, no` },
      ]);
    },
  );

  test("starts nothing when the claim is answered with stop, and reports that", () => {
    expect(actions(asking(), [1, claimed(0, { directive: "stop" })])).toEqual([
      finish({ outcome: "interrupted", reason: "stopped before the start" }),
    ]);
    expect(exitOf(asking(), [1, claimed(0, { directive: "stop" })])).toBe(81);
  });

  test("drops a granted claim that comes later than the request timeout, and claims again", () => {
    const { heart, actions: done } = led(asking(), [30.001, claimed(0)]);
    expect([heart.phase, done]).toEqual(["claiming", []]);
  });

  test("takes a granted claim that comes within the request timeout", () => {
    expect(actions(asking(), [30, claimed(0)])).toEqual([START]);
  });

  test("ignores what is not for it", () => {
    expect(led(asking(), [1, exitedWith(0)], [1, REPORTED], [1, beaten(0)])).toEqual({ heart: asking(), actions: [] });
  });
});

describe("a signal while the heart claims", () => {
  const waiting = () => led(asking(), [0, claimAnswered(0, problem("hold"))]).heart;

  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("%s makes it leave with %d between two claims", (signal, code) => {
    expect(actions(waiting(), [0.5, signaled(signal)])).toEqual([
      { do: "exit", code, why: `${signal} before the attempt was claimed` },
    ]);
  });

  test("of another kind is ignored", () => {
    expect(led(waiting(), [0.5, signaled("SIGWINCH")])).toEqual({ heart: waiting(), actions: [] });
  });

  test("while the claim is out waits for its answer", () => {
    expect(led(asking(), [0.5, signaled("SIGTERM")])).toMatchObject({ heart: { phase: "claiming" }, actions: [] });
  });

  test("starts no child when the claim is granted after it, and gives the attempt back", () => {
    expect(actions(asking(), [0.5, signaled("SIGTERM")], [1, claimed(0)])).toEqual([
      finish({ outcome: "interrupted", reason: "sigterm" }),
    ]);
    expect(exitOf(asking(), [0.5, signaled("SIGTERM")], [1, claimed(0)])).toBe(143);
  });

  test.each([UNCLEAR, problem("hold"), problem("ended")])(
    "makes it leave when the claim is not granted (%j)",
    (answer) => {
      expect(actions(asking(), [0.5, signaled("SIGTERM")], [1, claimAnswered(0, answer)])).toEqual([
        { do: "exit", code: 143, why: "SIGTERM before the attempt was claimed" },
      ]);
    },
  );
});

describe("a heart that beats", () => {
  test("beats when its interval is over", () => {
    expect(wake(beating())).toBe(30);
    expect(actions(beating(), [29.999, WAKE])).toEqual([]);
    expect(actions(beating(), [30, WAKE])).toEqual([BEAT]);
  });

  test("has one beat out at a time", () => {
    expect(actions(beating(), [30, WAKE], [31, WAKE])).toEqual([]);
    expect(wake(goingOn(), [30, WAKE])).toBeUndefined();
  });

  test("counts the interval from when the beat was sent", () => {
    expect(wake(beating(), [30, WAKE], [45, beaten(30)])).toBe(60);
  });

  test("beats at the interval that the server names", () => {
    expect(wake(beating(), [30, WAKE], [30, beaten(30, { nextBeatSeconds: 10 })])).toBe(40);
  });

  test("goes on with a new token when it is given one", () => {
    expect(actions(beating(), [30, WAKE], [30, beaten(30, { token: "new" })], [60, WAKE])).toEqual([
      { do: "beat", token: "new" },
    ]);
  });

  test("has jitter that only shortens the interval, by a tenth at most", () => {
    const rolls = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(rolls, (roll) => {
        const out = led(beating(), [30, WAKE]).heart;
        const next = wakeAt(step(out, beaten(30), second(30), roll).heart) ?? 0;
        expect(next).toBeGreaterThanOrEqual(second(57));
        expect(next).toBeLessThanOrEqual(second(60));
      }),
    );
  });

  test("has jitter in its first interval too", () => {
    expect(wakeAt(step(asking(), claimed(0), second(0), 0.5).heart)).toBe(second(28.5));
  });

  test("beats again 5 s after a beat that failed", () => {
    expect(wake(beating(), [30, WAKE], [32, beatAnswered(30, UNCLEAR)])).toBe(37);
  });

  test("beats again after half its interval after a failed one, where the lease is so short", () => {
    const short = led(beating(seconds(8)), [30, WAKE]);
    expect(wake(short.heart, [30, beatAnswered(30, UNCLEAR)])).toBe(31);
  });

  test.each([5, 8, 12, 20, 30, 60, 120, 3600])(
    "with a lease of %d s, two beats that fail leave time for a third",
    (lease) => {
      const { interval, grace, margin } = paceOf(seconds(lease));
      const afterTwo = interval + 2 * Math.min(5000, interval / 2);
      expect(afterTwo).toBeLessThan(lease * 1000 - grace - margin);
      const cutOff = led(beating(seconds(lease)), [interval / 1000, WAKE], [interval / 1000, beatAnswered(0, UNCLEAR)]);
      expect(wake(cutOff.heart)).toBe((interval + Math.min(5000, interval / 2)) / 1000);
    },
  );

  test("never retries a beat in place", () => {
    expect(actions(beating(), [30, WAKE], [32, beatAnswered(30, UNCLEAR)])).toEqual([]);
  });

  test("waits for an answer as long as its interval", () => {
    expect(requestTimeout(LEASE)).toBe(milliseconds(30_000));
  });

  test("survives two failed beats in a row: the third comes before the lease runs out", () => {
    const failed = led(
      beating(),
      [30, WAKE],
      [60, beatAnswered(30, UNCLEAR)],
      [65, WAKE],
      [95, beatAnswered(65, UNCLEAR)],
    );
    expect((wakeAt(failed.heart) ?? 0) / 1000).toBeLessThan(120);
  });

  test("ignores what is not for it", () => {
    expect(led(beating(), [1, claimed(0)], [1, REPORTED])).toEqual({ heart: beating(), actions: [] });
  });
});

describe("a beat's answer", () => {
  test.each([
    UNCLEAR,
    problem("unauthorized"),
    problem("wrong-run"),
    problem("malformed"),
    problem("not-found"),
    problem("too-large"),
  ])("never stops the child when it is %j", (answer) => {
    const { heart, actions: done } = led(beating(), [30, WAKE], [30, beatAnswered(30, answer)]);
    expect(done).toEqual([]);
    expect(wakeAt(heart)).toBe(second(35));
  });

  test("that is unclear never stops the child by itself before our own deadline, nor at all with onCutOff continue", () => {
    const until = (from: Heart, end: number): readonly Action[] => {
      let heart = from;
      const done: Action[] = [];
      for (let now = 30; now < end; now += 5) {
        const beat = led(heart, [now, WAKE]);
        const answered = led(beat.heart, [now, beatAnswered(now, UNCLEAR)]);
        done.push(...beat.actions, ...answered.actions);
        heart = answered.heart;
      }
      return done.filter((action) => action.do === "signal");
    };
    expect(until(beating(), 95)).toEqual([]);
    expect(until(beating(), 100)).toEqual([TERM]);
    expect(until(goingOn(), 3600)).toEqual([]);
  });

  test.each(["superseded", "ended", "overran"] as const)("%s sends TERM to the child at once", (name) => {
    expect(actions(beating(), [30, WAKE], [30, beatAnswered(30, problem(name))])).toEqual([TERM]);
  });

  test("with the directive stop sends TERM to the child at once", () => {
    expect(actions(beating(), [30, WAKE], [30, beaten(30, { directive: "stop" })])).toEqual([TERM]);
  });

  test("with the directive continue does nothing", () => {
    expect(actions(beating(), [30, WAKE], [30, beaten(30)])).toEqual([]);
  });
});

describe("a child that has to stop", () => {
  test("is killed when its grace is over", () => {
    expect(wake(refused("superseded"), [35, WAKE])).toBe(50);
    expect(actions(refused("superseded"), [35, WAKE], [50, WAKE])).toEqual([KILL]);
  });

  test("is not killed before", () => {
    expect(actions(refused("superseded"), [35, WAKE], [49.999, WAKE])).toEqual([]);
  });

  test("is killed once", () => {
    expect(actions(refused("superseded"), [35, WAKE], [50, WAKE], [51, WAKE])).toEqual([]);
    expect(wake(refused("superseded"), [35, WAKE], [50, WAKE])).toBeUndefined();
  });

  test("is beaten for until it is gone", () => {
    expect(actions(stopping(), [60, WAKE])).toEqual([KILL, BEAT]);
  });

  test("wakes the heart for whichever comes first, the kill or the beat", () => {
    expect(wake(refused("superseded"))).toBe(35);
    expect(wake(stopping())).toBe(50);
  });

  test("is given its grace once: a later reason does not start over", () => {
    const again = led(stopping(), [45, beatAnswered(44, problem("superseded"))]);
    expect(done(again)).toEqual([]);
    expect(actions(again.heart, [50, WAKE])).toContainEqual(KILL);
  });

  test("has a grace of a sixth of a short lease", () => {
    const { heart } = led(beating(seconds(60)), [15, WAKE], [15, beatAnswered(15, problem("superseded"))]);
    expect(actions(heart, [24.999, WAKE])).not.toContainEqual(KILL);
    expect(actions(heart, [25, WAKE])).toContainEqual(KILL);
  });
});

describe("a signal to the agent", () => {
  test.each(["SIGINT", "SIGHUP", "SIGUSR1", "SIGWINCH"] as const)("%s is passed on to the child", (signal) => {
    expect(actions(beating(), [10, signaled(signal)])).toEqual([{ do: "signal", signal }]);
  });

  test("SIGTERM is passed on every time, and the service hears of it once", () => {
    const first = led(beating(), [10, signaled("SIGTERM")]);
    expect(done(first)).toEqual([TERM, { do: "notice", token: "the-token", kind: "sigterm" }]);
    expect(actions(first.heart, [11, signaled("SIGTERM")])).toEqual([TERM]);
  });

  test("does not stop the beats: the child drains under its lease", () => {
    expect(wake(beating(), [10, signaled("SIGTERM")])).toBe(30);
  });

  test("does not end a report that is out: its answer is waited for", () => {
    expect(actions(reporting(), [41, signaled("SIGTERM")])).toEqual([]);
    const left = led(led(reporting(), [41, signaled("SIGTERM")]).heart, [42, REPORTED]);
    expect(left.actions).toMatchObject([{ do: "exit" }]);
  });

  test("makes a report that waits for its next try try once more, and the second signal ends it", () => {
    const waiting = led(reporting(), [41, reported(UNCLEAR)]).heart;
    const last = led(waiting, [41.5, signaled("SIGTERM")]);
    expect(last.actions).toMatchObject([{ do: "finish" }]);
    expect(actions(last.heart, [41.6, reported(UNCLEAR)])).toMatchObject([{ do: "exit", code: 125 }]);
    expect(actions(last.heart, [41.6, signaled("SIGTERM")])).toEqual([
      { do: "exit", code: 125, why: "told to end before the end was reported" },
    ]);
  });

  test("such as WINCH does not hurry a report", () => {
    expect(led(reporting(), [41, signaled("SIGWINCH")])).toEqual({ heart: reporting(), actions: [] });
  });
});

describe("the end of a child", () => {
  test("with code 0 is a success", () => {
    expect(actions(beating(), [40, exitedWith(0)])).toEqual([finish({ outcome: "succeeded", exitCode: 0 })]);
    expect(exitOf(beating(), [40, exitedWith(0)])).toBe(0);
  });

  test("with another code is its own failure", () => {
    expect(actions(beating(), [40, exitedWith(3)])).toEqual([finish({ outcome: "failed", exitCode: 3 })]);
    expect(exitOf(beating(), [40, exitedWith(3)])).toBe(3);
  });

  test("by a signal that nobody passed on is its own failure", () => {
    expect(actions(beating(), [40, killedBy("SIGKILL")])).toEqual([finish({ outcome: "failed", signal: "SIGKILL" })]);
    expect(exitOf(beating(), [40, killedBy("SIGKILL")])).toBe(137);
  });

  test("that could not be started says why", () => {
    const end = { exitCode: 127, status: 127, message: "trian: spawn ENOENT" };
    expect(actions(beating(), [1, exited(end)])).toEqual([
      finish({ outcome: "failed", reason: "unstartable", exitCode: 127, message: "trian: spawn ENOENT" }),
    ]);
    expect(exitOf(beating(), [1, exited(end)])).toBe(127);
  });

  test("by a kill for want of memory says so, with the limit, whatever code it left with", () => {
    const limited = { signal: "SIGKILL", status: 137, outOfMemory: { limitBytes: 536_870_912 } };
    expect(actions(beating(), [1, exited(limited)])).toEqual([
      finish({ outcome: "failed", reason: "out-of-memory", signal: "SIGKILL", memoryLimitBytes: 536_870_912 }),
    ]);
    const worker = { exitCode: 1, status: 1, outOfMemory: {} };
    expect(actions(beating(), [1, exited(worker)])).toEqual([
      finish({ outcome: "failed", reason: "out-of-memory", exitCode: 1 }),
    ]);
    expect(exitOf(beating(), [1, exited(worker)])).toBe(1);
  });

  test("by a signal that was passed on is an interruption, although a process had run out of memory before", () => {
    const end = { exitCode: 143, status: 143, outOfMemory: {} };
    expect(actions(beating(), [10, signaled("SIGTERM")], [12, exited(end)])).toEqual([
      finish({ outcome: "interrupted", reason: "sigterm", exitCode: 143 }),
    ]);
  });

  test("with code 0 is a success, although one of its processes ran out of memory", () => {
    expect(actions(beating(), [1, exited({ exitCode: 0, status: 0, outOfMemory: {} })])).toEqual([
      finish({ outcome: "succeeded", exitCode: 0 }),
    ]);
  });

  test("by a SIGINT cancels the run if its user wants that, and any other signal does not", () => {
    const heart = beating(seconds(120), { onInterrupt: "cancel" });
    expect(actions(heart, [10, signaled("SIGINT")], [12, exitedWith(130)])).toEqual([
      finish({ outcome: "canceled", reason: "sigint", exitCode: 130 }),
    ]);
    expect(actions(heart, [10, signaled("SIGTERM")], [12, exitedWith(143)])).toEqual([
      finish({ outcome: "interrupted", reason: "sigterm", exitCode: 143 }),
    ]);
    expect(actions(heart, [10, signaled("SIGINT")], [12, exitedWith(0)])).toEqual([
      finish({ outcome: "succeeded", exitCode: 0 }),
    ]);
  });

  test("is reported with the newest token", () => {
    expect(actions(beating(), [30, WAKE], [30, beaten(30, { token: "new" })], [40, exitedWith(0)])).toEqual([
      { ...finish({ outcome: "succeeded", exitCode: 0 }), token: "new" },
    ]);
  });

  test("by a TERM that was passed on is an interruption", () => {
    expect(actions(beating(), [10, signaled("SIGTERM")], [12, killedBy("SIGTERM")])).toEqual([
      finish({ outcome: "interrupted", reason: "sigterm", signal: "SIGTERM" }),
    ]);
    expect(exitOf(beating(), [10, signaled("SIGTERM")], [12, killedBy("SIGTERM")])).toBe(143);
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("after %s was passed on, with its usual code %d, is an interruption", (signal, code) => {
    expect(actions(beating(), [10, signaled(signal)], [12, exitedWith(code)])).toEqual([
      finish({ outcome: "interrupted", reason: signal.toLowerCase(), exitCode: code }),
    ]);
  });

  test("by a HUP that was passed on is an interruption", () => {
    expect(actions(beating(), [10, signaled("SIGHUP")], [12, killedBy("SIGHUP")])).toEqual([
      finish({ outcome: "interrupted", reason: "sighup", signal: "SIGHUP" }),
    ]);
  });

  test("with code 143 when nothing was passed on is its own failure", () => {
    expect(actions(beating(), [12, exitedWith(143)])).toEqual([finish({ outcome: "failed", exitCode: 143 })]);
  });

  test("with code 143 when only its window was resized is its own failure", () => {
    expect(actions(beating(), [10, signaled("SIGWINCH")], [12, exitedWith(143)])).toEqual([
      finish({ outcome: "failed", exitCode: 143 }),
    ]);
  });

  test.each(["SIGTERM", "SIGHUP"] as const)(
    "by a %s that was passed on is an interruption, whatever was passed on after it",
    (signal) => {
      const passedOn = led(beating(), [10, signaled(signal)], [11, signaled("SIGWINCH")]).heart;
      expect(actions(passedOn, [12, killedBy(signal)])).toEqual([
        finish({ outcome: "interrupted", reason: signal.toLowerCase(), signal }),
      ]);
    },
  );

  test("with code 0 after a TERM is a success", () => {
    expect(actions(beating(), [10, signaled("SIGTERM")], [12, exitedWith(0)])).toEqual([
      finish({ outcome: "succeeded", exitCode: 0 }),
    ]);
  });

  test("with a code of its own after a TERM is its own failure", () => {
    expect(actions(beating(), [10, signaled("SIGTERM")], [12, exitedWith(1)])).toEqual([
      finish({ outcome: "failed", exitCode: 1 }),
    ]);
  });
});

describe("the end of a child that had to stop", () => {
  test.each([killedBy("SIGTERM"), killedBy("SIGKILL"), exitedWith(143), exitedWith(1)])(
    "by directive is an interruption, for the reason that was given (%j)",
    (end) => {
      expect(actions(stopping(), [40, end])).toEqual([finish({ outcome: "interrupted", reason: "canceled" })]);
      expect(exitOf(stopping(), [40, end])).toBe(81);
    },
  );

  test("by directive without a reason says that it was stopped", () => {
    const { heart } = led(beating(), [30, WAKE], [30, beaten(30, { directive: "stop" })]);
    expect(actions(heart, [40, killedBy("SIGTERM")])).toEqual([finish({ outcome: "interrupted", reason: "stopped" })]);
  });

  test("by directive with code 0 is a success: it still wins where that counts", () => {
    expect(actions(stopping(), [40, exitedWith(0)])).toEqual([finish({ outcome: "succeeded", exitCode: 0 })]);
  });

  test("past its deadline is a failure that says so", () => {
    expect(actions(refused("overran"), [40, killedBy("SIGTERM")])).toEqual([
      finish({ outcome: "failed", reason: "overran", signal: "SIGTERM" }),
    ]);
    expect(exitOf(refused("overran"), [40, killedBy("SIGTERM")])).toBe(143);
  });

  test.each(["superseded", "ended"] as const)("because it was %s leaves with 81, with nothing to report", (name) => {
    expect(actions(refused(name), [40, killedBy("SIGTERM")])).toEqual([
      { do: "exit", code: 81, why: `stopped: ${name}` },
    ]);
  });

  test("because it was superseded, with code 0, is reported: a durable success beats an inferred loss", () => {
    expect(actions(refused("superseded"), [40, exitedWith(0)])).toEqual([
      finish({ outcome: "succeeded", exitCode: 0 }),
    ]);
  });
});

describe("a report", () => {
  test("that is accepted lets the agent leave with the child's code", () => {
    expect(led(reporting(), [41, REPORTED])).toEqual({
      heart: { phase: "gone" },
      actions: [{ do: "exit", code: 3 }],
    });
  });

  test("is sent again after 1, 2, 4 and 8 s, then every 10 s, while the answers are unclear", () => {
    let { heart } = led(reporting());
    const waits: number[] = [];
    let now = 40;
    for (let tries = 0; tries < 6; tries += 1) {
      heart = led(heart, [now, reported(UNCLEAR)]).heart;
      const next = (wakeAt(heart) ?? 0) / 1000;
      waits.push(next - now);
      now = next;
      const again = led(heart, [now, WAKE]);
      expect(done(again)).toEqual([finish({ outcome: "failed", exitCode: 3 })]);
      heart = again.heart;
    }
    expect(waits).toEqual([1, 2, 4, 8, 10, 10]);
  });

  test("is not sent again before its time", () => {
    expect(actions(reporting(), [40, reported(UNCLEAR)], [40.999, WAKE])).toEqual([]);
  });

  test("has one request out at a time", () => {
    expect(wake(reporting())).toBeUndefined();
    expect(actions(reporting(), [45, WAKE])).toEqual([]);
  });

  test("outlasts an outage of just under 15 minutes", () => {
    expect(led(reporting(), [939.999, reported(UNCLEAR)]).heart.phase).toBe("reporting");
  });

  test("is given up after 15 minutes, with 125", () => {
    expect(actions(reporting(), [940, reported(UNCLEAR)])).toEqual([
      { do: "exit", code: 125, why: "the end could not be reported: status 403 with a body that is not ours" },
    ]);
  });

  test.each(["superseded", "ended"] as const)("that comes too late (%s) makes the agent leave with 81", (name) => {
    expect(actions(reporting(), [41, reported(problem(name))])).toEqual([
      { do: "exit", code: 81, why: `the end came too late: ${name}` },
    ]);
  });

  test.each(["unauthorized", "wrong-run", "not-found", "method-not-allowed"] as const)(
    "that is refused as %s is sent again: a better deploy may take it",
    (name) => {
      const refused = led(reporting(), [41, reported(problem(name, "no"))]);
      expect(done(refused)).toEqual([]);
      expect(actions(refused.heart, [42, { kind: "wake" }])).toMatchObject([{ do: "finish" }]);
    },
  );

  test.each(["finished-otherwise", "malformed"] as const)(
    "that is refused as %s makes the agent leave with 125",
    (name) => {
      expect(actions(reporting(), [41, reported(problem(name, "no"))])).toEqual([
        { do: "exit", code: 125, why: `the end was refused: ${name}, no` },
      ]);
    },
  );

  test("is not moved by the answer of a beat that was still out", () => {
    expect(led(reporting(), [41, beatAnswered(30, problem("superseded"))])).toEqual({
      heart: reporting(),
      actions: [],
    });
  });
});

describe("a heart that is gone", () => {
  const gone = () => led(reporting(), [41, REPORTED]).heart;

  test("wants nothing more", () => {
    expect(wakeAt(gone())).toBeUndefined();
  });

  test.each([WAKE, claimed(0), beaten(0), REPORTED, signaled("SIGTERM"), exitedWith(0)])(
    "does nothing more (%j)",
    (input) => {
      expect(led(gone(), [50, input])).toEqual({ heart: { phase: "gone" }, actions: [] });
    },
  );
});
