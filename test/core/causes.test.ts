import { describe, expect, test } from "vitest";
import { budgetOf, type Cause, chargeAt, chargeOf, count, paidBy, recharge } from "../../lib/core/causes.ts";

describe("a cause", () => {
  test.each<[Cause, string, string | undefined]>([
    ["interrupted", "i", "interruptions"],
    ["crashed", "c", "crashes"],
    ["overran", "c", "crashes"],
    ["stalled", "c", "crashes"],
    ["never-started", "s", "starts"],
    ["out-of-memory", "m", "memory"],
    ["unstartable", "u", "crashes"],
    ["lost", "l", "losses"],
    ["canceled", "-", undefined],
    ["requeued", "-", undefined],
    ["cut-off", "-", undefined],
    ["succeeded", "+", undefined],
  ])("%s leaves the letter %s, charged to %s", (cause, letter, budget) => {
    expect([chargeOf(cause), budgetOf(cause)]).toStrictEqual([letter, budget]);
  });
});

describe("the charges", () => {
  test("name the budget that paid for an attempt, counted from 1", () => {
    expect(["c", "i", "l", "s"].map((_, index) => paidBy("cils", index + 1))).toStrictEqual([
      "crashes",
      "interruptions",
      "losses",
      "starts",
    ]);
  });

  test("name the budget of interruptions for one whose interruption was found out later", () => {
    expect(paidBy("f", 1)).toBe("interruptions");
  });

  test("name no budget for an attempt that cost nothing", () => {
    expect([paidBy("-+", 1), paidBy("-+", 2)]).toStrictEqual([undefined, undefined]);
  });

  test("name no budget for an attempt that has not ended", () => {
    expect(paidBy("c", 2)).toBeUndefined();
  });

  test("hold one letter per attempt", () => {
    expect([chargeAt("li", 1), chargeAt("li", 2), chargeAt("li", 3)]).toStrictEqual(["l", "i", undefined]);
  });

  test("count the attempts with one of the letters", () => {
    expect(count("cilsc-+", "cs")).toBe(3);
  });

  test("are moved for one attempt, and for no other", () => {
    expect(recharge("lls", 2, "+")).toBe("l+s");
  });

  test("are moved for the first attempt", () => {
    expect(recharge("lls", 1, "i")).toBe("ils");
  });

  test("are moved for the last attempt", () => {
    expect(recharge("lls", 3, "-")).toBe("ll-");
  });
});
