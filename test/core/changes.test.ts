import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changesBetween } from "../../lib/core/changes.ts";
import { decide } from "../../lib/core/transitions.ts";
import { moves, stepsOf } from "./lives.ts";
import { at, leaving, queued, registered, running, waiting, written } from "./runs.ts";

describe("the changes between two states", () => {
  test("are none when nothing changed", () => {
    expect(changesBetween(running(), running())).toStrictEqual({ set: {}, removed: [] });
  });

  test("name each field that has another value", () => {
    expect(changesBetween(running(), running({ due: at("12:04:00"), rev: 7 }))).toStrictEqual({
      set: { due: at("12:04:00"), rev: 7 },
      removed: [],
    });
  });

  test("name a field that is new", () => {
    expect(changesBetween(running(), running({ host: "i-0abc" }))).toStrictEqual({
      set: { host: "i-0abc" },
      removed: [],
    });
  });

  test("name a field that is gone", () => {
    expect(changesBetween(running({ host: "i-0abc" }), running())).toStrictEqual({ set: {}, removed: ["host"] });
  });

  test("keep a debt that is the same object", () => {
    const debt = { since: at("12:00:00"), owes: "message" } as const;
    expect(changesBetween(waiting({ debt }), waiting({ debt, rev: 7 })).set).toStrictEqual({ rev: 7 });
  });

  test("set a debt that was made anew, even if it says the same", () => {
    const debt = { since: at("12:00:00"), owes: "message" } as const;
    expect(changesBetween(waiting({ debt }), waiting({ debt: { ...debt } })).set).toStrictEqual({ debt });
  });

  test("of an owner's stop leave due alone, so that no beat is undone", () => {
    const seen = running();
    const cancel = { kind: "cancel", now: at("12:02:00"), registration: registered() } as const;
    const requeue = { ...cancel, kind: "requeue" } as const;
    for (const event of [cancel, requeue])
      expect(changesBetween(seen, written(decide(seen, event))).set).not.toHaveProperty("due");
  });

  test("of a stop that follows a drain remove what only the drain had", () => {
    const seen = leaving({ deadline: at("12:02:30") });
    const next = written(decide(seen, { kind: "cancel", now: at("12:02:00"), registration: registered() }));
    expect(changesBetween(seen, next).removed).toStrictEqual(["directive", "deadline"]);
  });

  test("of a claim remove the debt that it replaces", () => {
    const seen = queued({ debt: { since: at("12:00:00"), owes: "message" } });
    expect(changesBetween(seen, queued()).removed).toStrictEqual(["debt"]);
  });

  test("of an attempt's end remove its progress, which a beat may have told of meanwhile", () => {
    const { removed } = changesBetween(running(), waiting());
    expect(removed).toContain("progress");
    expect(changesBetween(running(), leaving()).removed).not.toContain("progress");
  });

  test("make the next state out of the seen one, in every life", () => {
    fc.assert(
      fc.property(moves, (all) => {
        for (const { seen, next } of stepsOf(all)) {
          const { set, removed } = changesBetween(seen, next);
          const kept = Object.entries(seen).filter(([name]) => !removed.includes(name));
          expect({ ...Object.fromEntries(kept), ...set }).toStrictEqual(next);
        }
      }),
    );
  });
});
