import { describe, expect, test } from "vitest";
import type { Cause } from "../../lib/core/causes.ts";
import { reopen } from "../../lib/core/ended-run.ts";
import { endAttempt } from "../../lib/core/ending.ts";
import type { Result } from "../../lib/core/run.ts";
import { isDebtOld, SETTLE_DELAY, settled } from "../../lib/core/settling.ts";
import { startBy } from "../../lib/core/spec.ts";
import { seconds } from "../../lib/core/time.ts";
import { at, ended, fenceOf, following, leaving, lostLine, queued, registered, running, waiting } from "./runs.ts";

const end = (cause: Cause) => ({ cause, now: at("12:03:00"), roll: 0.5 });
const OWED = { since: at("12:03:00"), owes: "message" } as const;

describe("the end of an attempt", () => {
  test.each<[Cause, string]>([
    ["interrupted", "i"],
    ["lost", "l"],
    ["never-started", "s"],
    ["requeued", "-"],
  ])("that was %s charges the letter %s, once, and raises the fence by one", (cause, letter) => {
    const next = endAttempt(running(following("c")), registered(), end(cause));
    expect([next.charges, next.fence, next.attempt]).toStrictEqual([`c${letter}`, fenceOf(3), 3]);
  });

  test("keeps the number of the attempt when the run ends with it", () => {
    expect(endAttempt(running(following("i")), registered(), end("succeeded"))).toMatchObject({
      state: "ended",
      attempt: 2,
      endedByAttempt: 2,
      fence: fenceOf(3),
      charges: "i+",
    });
  });

  test("ends the run after 200 attempts, whatever they were charged to: an owner's requeues are free", () => {
    const outcome = (ended: number) => {
      const next = endAttempt(running(following("-".repeat(ended))), registered(), end("requeued"));
      return next.state === "ended" ? next.outcome : next.state;
    };
    expect([outcome(198), outcome(199)]).toStrictEqual(["queued", "exhausted"]);
  });

  test("records when the attempt was last heard of: one lease before its lease ran out", () => {
    const { debt } = endAttempt(running({ due: at("12:03:00") }), registered(), end("lost"));
    expect(debt?.ledger?.lastBeatAt).toBe(at("12:01:00"));
  });

  test("of a held attempt without a host names none", () => {
    expect(endAttempt(running(), registered(), end("lost")).debt?.ledger).not.toHaveProperty("host");
  });

  test("gives the ended item 60 s to linger", () => {
    expect(endAttempt(running(), registered(), end("succeeded")).due).toBe(at("12:04:00"));
  });

  test("lets the backoff end with the run's deadline, not after it", () => {
    const registration = registered({ deadline: seconds(185) });
    expect(endAttempt(running(), registration, end("lost"))).toMatchObject({ state: "waiting", due: at("12:03:05") });
  });

  test("past the run's deadline is the end of the run, although losses are left", () => {
    const registration = registered({ deadline: seconds(180) });
    expect(endAttempt(running(), registration, end("lost"))).toMatchObject({ state: "ended", outcome: "exhausted" });
  });

  test("by a crash past the run's deadline fails the run that may not crash", () => {
    const registration = registered({ deadline: seconds(180) });
    expect(endAttempt(running(), registration, end("overran"))).toMatchObject({ outcome: "failed" });
  });

  test("by a crash past the run's deadline exhausts the run that might have crashed again", () => {
    const registration = registered({ deadline: seconds(180), budgets: { attempts: 9 } });
    expect(endAttempt(running(), registration, end("overran"))).toMatchObject({ outcome: "exhausted" });
  });

  test("before the run's deadline has a successor", () => {
    const registration = registered({ deadline: seconds(180.001) });
    expect(endAttempt(running(), registration, end("interrupted")).state).toBe("queued");
  });

  test("of an attempt that its owner requeued ends no run whose budgets are spent", () => {
    const registration = registered({ budgets: { attempts: 1 } });
    expect(endAttempt(running(), registration, end("requeued")).state).toBe("queued");
  });
});

describe("startBy", () => {
  test("is 15 minutes from now by default", () => {
    expect(startBy(registered(), at("12:03:00"))).toBe(at("12:18:00"));
  });

  test("is the run's deadline where that comes first", () => {
    expect(startBy(registered({ deadline: seconds(600) }), at("12:03:00"))).toBe(at("12:10:00"));
  });
});

describe("a settled debt", () => {
  test("is gone, and nothing else moved but rev", () => {
    const run = waiting({ debt: { since: at("12:10:00"), ledger: lostLine() } });
    expect(settled(run, registered(), at("12:10:01"))).toStrictEqual(waiting({ rev: run.rev + 1 }));
  });

  test("leaves the lease of a held attempt to its beats", () => {
    expect(settled(leaving({ debt: OWED }), registered(), at("12:09:00")).due).toBe(leaving().due);
  });

  test("of a message that went out in time leaves startBy as it was announced", () => {
    const owed = { ...OWED, since: at("12:03:00") };
    expect(settled(queued({ debt: owed }), registered(), at("12:03:29.999")).due).toBe(at("12:15:00"));
  });

  test("of a message that went out late gives it its full time to start", () => {
    const owed = { ...OWED, since: at("12:03:00") };
    expect(settled(queued({ debt: owed }), registered(), at("12:03:30")).due).toBe(at("12:18:30"));
    const short = registered({ startWithin: seconds(1) });
    const run = queued({ debt: owed, due: at("12:03:01") });
    expect(settled(run, short, at("12:03:01")).due).toBe(at("12:03:02"));
  });

  test("of a ledger line alone gives a due run no more time", () => {
    const run = queued({ debt: { since: at("12:03:00"), ledger: lostLine() } });
    expect(settled(run, registered(), at("12:20:00")).due).toBe(at("12:15:00"));
  });

  test("that stands no more changes nothing", () => {
    expect(settled(queued(), registered(), at("12:20:00"))).toStrictEqual(queued({ rev: queued().rev + 1 }));
  });

  test("of an archive lets the item linger for 60 s from now", () => {
    const run = ended({ debt: { since: at("12:03:00"), owes: "archive" } });
    expect(settled(run, registered(), at("12:10:00"))).toStrictEqual(ended({ rev: run.rev + 1, due: at("12:11:00") }));
  });

  test("is the sweep's to settle once it has stood for 30 s", () => {
    expect(SETTLE_DELAY).toBe(30_000);
    expect(isDebtOld(at("12:03:00"), at("12:03:29.999"))).toBe(false);
    expect(isDebtOld(at("12:03:00"), at("12:03:30"))).toBe(true);
  });
});

describe("an ended run whose item was deleted", () => {
  const { state: _, due: __, ...result } = ended({ rev: 41 });

  test("is put back as ended, with its archive owed and a rev above that of the item that was deleted", () => {
    expect(reopen(result satisfies Result, at("13:00:00"))).toStrictEqual(
      ended({ rev: 43, due: at("13:01:00"), debt: { since: at("13:00:00"), owes: "archive" } }),
    );
  });
});

describe("an interruption that got further than any attempt before", () => {
  const told = (value: number, furthest?: number) =>
    endAttempt(
      running({ progress: { value }, ...(furthest !== undefined && { furthest }) }),
      registered(),
      end("interrupted"),
    );

  test("is charged as such, and the furthest is remembered", () => {
    expect(told(40)).toMatchObject({ charges: "f", furthest: 40 });
    expect(told(82, 40)).toMatchObject({ charges: "f", furthest: 82 });
  });

  test("and one that did not is one like any other", () => {
    expect(told(40, 40)).toMatchObject({ charges: "i", furthest: 40 });
    expect(told(0)).toMatchObject({ charges: "i" });
  });

  test("never lets a run go on for ever: progress does not count for a crash or a loss", () => {
    const lost = endAttempt(running({ progress: { value: 40 } }), registered(), end("lost"));
    expect(lost).toMatchObject({ charges: "l", furthest: 40, debt: { ledger: { gotFurther: true } } });
  });

  test("is further than any attempt, also than one that was lost", () => {
    const after40 = running({ ...following("l"), furthest: 40, progress: { value: 10 } });
    expect(endAttempt(after40, registered(), end("interrupted"))).toMatchObject({ charges: "li", furthest: 40 });
  });
});
