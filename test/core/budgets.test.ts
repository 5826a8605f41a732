import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { capacityFor, isLast, overdrawn, remaining, spent } from "../../lib/core/budgets.ts";
import { BUDGETS, type Cause, chargeOf } from "../../lib/core/causes.ts";
import { endAttempt } from "../../lib/core/ending.ts";
import type { LiveRun } from "../../lib/core/run.ts";
import type { Budgets } from "../../lib/core/spec.ts";
import { at, queued, registered, spec } from "./runs.ts";

const NONE = { crashes: 0, memory: 0, interruptions: 0, losses: 0, starts: 0 } as const;
const SOME = { crashes: 1, memory: 1, interruptions: 10, losses: 3, starts: 5 } as const;

const maximum = fc.integer({ min: 0, max: 4 });
const perKind = fc.record({
  crashes: maximum,
  memory: maximum,
  interruptions: maximum,
  losses: maximum,
  starts: maximum,
});
const budgets = fc.oneof(perKind, fc.record({ attempts: fc.integer({ min: 1, max: 6 }) }));
const charged = fc.constantFrom<Cause>("crashed", "overran", "out-of-memory", "interrupted", "lost", "never-started");

const sum = (of: Budgets): number =>
  "attempts" in of ? of.attempts - 1 : of.crashes + (of.memory ?? 1) + of.interruptions + of.losses + of.starts;

describe("a budget", () => {
  test("is spent by the letters of its kind", () => {
    expect(spent("cucmmiillls-+")).toStrictEqual({ crashes: 3, memory: 2, interruptions: 2, losses: 3, starts: 1 });
  });

  test("of n has n charges left at first", () => {
    expect([remaining(SOME, "", "crashes"), remaining(SOME, "", "starts")]).toStrictEqual([1, 5]);
  });

  test("is not touched by the charges of another kind", () => {
    expect(remaining(SOME, "cils", "interruptions")).toBe(9);
  });

  test("of n charges lets another attempt follow n times", () => {
    expect(overdrawn(SOME, "lll", "lost")).toBeUndefined();
    expect(overdrawn(SOME, "llll", "lost")).toBe("exhausted");
  });

  test("for all counts every kind of charge", () => {
    expect(remaining({ attempts: 4 }, "ci", "starts")).toBe(1);
  });

  test("for all counts no attempt that cost nothing", () => {
    expect(remaining({ attempts: 4 }, "--", "starts")).toBe(3);
  });

  test("of 3 attempts in all is used up by the third charge, whatever its kind", () => {
    expect(overdrawn({ attempts: 3 }, "ci", "interrupted")).toBeUndefined();
    expect(overdrawn({ attempts: 3 }, "cil", "lost")).toBe("exhausted");
  });

  test.each<[Cause, string]>([
    ["interrupted", "i"],
    ["lost", "l"],
    ["never-started", "s"],
  ])("of none is exhausted by the first attempt that was %s", (cause, letter) => {
    expect(overdrawn(NONE, letter, cause)).toBe("exhausted");
  });

  test("of interruptions ends no run before it is used up", () => {
    expect(overdrawn(SOME, "i".repeat(10), "interrupted")).toBeUndefined();
    expect(overdrawn(SOME, "i".repeat(11), "interrupted")).toBe("exhausted");
  });

  test("of starts ends no run before it is used up", () => {
    expect(overdrawn(SOME, "s".repeat(5), "never-started")).toBeUndefined();
    expect(overdrawn(SOME, "s".repeat(6), "never-started")).toBe("exhausted");
  });

  test.each<[Cause, string]>([
    ["requeued", "-"],
    ["canceled", "-"],
    ["succeeded", "+"],
  ])("is never overdrawn by an attempt that was %s", (cause, letter) => {
    expect(overdrawn(NONE, letter, cause)).toBeUndefined();
  });
});

describe("a command that could not be started", () => {
  const MANY = { ...SOME, crashes: 9 };

  test("is charged as a crash", () => {
    expect(overdrawn(NONE, "u", "unstartable")).toBe("failed");
    expect(overdrawn(SOME, "cu", "unstartable")).toBe("exhausted");
  });

  test("is tried once more, and twice in a row fails the run, however many crashes are left", () => {
    expect(overdrawn(MANY, "u", "unstartable")).toBeUndefined();
    expect(overdrawn(MANY, "uu", "unstartable")).toBe("failed");
    expect(overdrawn(MANY, "uiu", "unstartable")).toBeUndefined();
    expect(overdrawn({ attempts: 9 }, "uu", "unstartable")).toBe("failed");
  });

  test("does not shorten the life of a run whose command starts later", () => {
    expect(overdrawn(MANY, "ucccccccc", "crashed")).toBeUndefined();
    expect(overdrawn(MANY, "uccccccccc", "crashed")).toBe("exhausted");
  });
});

describe("an attempt that ran out of memory", () => {
  test("has a budget of its own", () => {
    expect(overdrawn(SOME, "cm", "out-of-memory")).toBeUndefined();
    expect(overdrawn(SOME, "mm", "out-of-memory")).toBe("exhausted");
  });

  test("is as final as a crash in a registration of version 0.1.0, which knew no such budget", () => {
    const { memory: _, ...old } = NONE;
    expect(overdrawn(old, "m", "out-of-memory")).toBe("failed");
    const { memory: __, ...retried } = { ...SOME, crashes: 2 };
    expect(overdrawn(retried, "mm", "out-of-memory")).toBeUndefined();
    expect(overdrawn(retried, "mmm", "out-of-memory")).toBe("exhausted");
  });

  test("fails the run where none may have a successor", () => {
    expect(overdrawn(NONE, "m", "out-of-memory")).toBe("failed");
  });
});

describe("a crash", () => {
  test("fails the run where no crash may have a successor", () => {
    expect(overdrawn(NONE, "c", "crashed")).toBe("failed");
  });

  test("exhausts the run where a budget above 0 is spent", () => {
    expect(overdrawn(SOME, "cc", "crashed")).toBe("exhausted");
  });

  test("has a successor while its budget lasts", () => {
    expect(overdrawn(SOME, "c", "crashed")).toBeUndefined();
  });

  test("fails the run whose one attempt is its only one", () => {
    expect(overdrawn({ attempts: 1 }, "c", "crashed")).toBe("failed");
  });

  test("exhausts the run that had more than one attempt", () => {
    expect(overdrawn({ attempts: 2 }, "ic", "crashed")).toBe("exhausted");
  });
});

describe("the last attempt", () => {
  test("is the one that nothing may follow, whatever ends it", () => {
    expect(isLast(NONE, "")).toBe(true);
  });

  test.each(BUDGETS)("is not one that %s may follow", (budget) => {
    expect(isLast({ ...NONE, [budget]: 1 }, "")).toBe(false);
  });

  test("of three in all is the third", () => {
    expect([isLast({ attempts: 3 }, "c"), isLast({ attempts: 3 }, "ci")]).toStrictEqual([false, true]);
  });

  test("is announced as the last if, and only if, every charge would end the run", () => {
    fc.assert(
      fc.property(budgets, fc.array(charged, { maxLength: 8 }), (of, causes) => {
        const charges = causes.map(chargeOf).join("");
        const ends = (["crashed", "out-of-memory", "interrupted", "lost", "never-started"] as const).every(
          (cause) => overdrawn(of, charges + chargeOf(cause), cause) !== undefined,
        );
        expect(isLast(of, charges)).toBe(ends);
      }),
    );
  });
});

describe("the capacity of the next attempt", () => {
  test("is any while more interruptions are left than onDemandLast", () => {
    expect(capacityFor(spec(), "i".repeat(8))).toBe("any");
  });

  test("is on-demand once the interruptions left are onDemandLast", () => {
    expect(capacityFor(spec(), "i".repeat(9))).toBe("on-demand");
  });

  test("is on-demand once no interruption is left", () => {
    expect(capacityFor(spec({ onDemandLast: 0 }), "i".repeat(10))).toBe("on-demand");
  });

  test("is not changed by charges of other kinds", () => {
    expect(capacityFor(spec(), "c".repeat(9))).toBe("any");
  });
});

test("budgets always bound a run: it ends within their sum and one more attempt", () => {
  fc.assert(
    fc.property(budgets, fc.array(charged, { minLength: 30, maxLength: 30 }), (of, causes) => {
      const registration = registered({ budgets: of });
      let run: LiveRun = queued();
      let attempts = 0;
      for (const cause of causes) {
        attempts += 1;
        const next = endAttempt(run, registration, { cause, now: at("12:05:00"), roll: 0.5 });
        if (next.state === "ended") break;
        run = next;
      }
      expect(attempts).toBeLessThanOrEqual(sum(of) + 1);
    }),
  );
});

describe("an interruption that got further than any attempt before", () => {
  test("starts the count of interruptions anew", () => {
    expect(spent("iif").interruptions).toBe(0);
    expect(spent("iifi").interruptions).toBe(1);
    expect(spent("ficfl").interruptions).toBe(0);
  });

  test("counts like any other where one budget pays for all", () => {
    expect(remaining({ attempts: 3 }, "ff", "crashes")).toBe(0);
  });
});
