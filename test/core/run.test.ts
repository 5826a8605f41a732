import { describe, expect, test } from "vitest";

import { directiveOf, isClaimed, nextFence, previousFence } from "../../lib/core/run.ts";
import { canceling, ended, fenceOf, leaving, queued, released, running, waiting } from "./runs.ts";

describe("a directive", () => {
  test("of a running attempt is continue", () => {
    expect(directiveOf(running())).toBe("continue");
  });

  test("of a leaving attempt is drain", () => {
    expect(directiveOf(leaving())).toBe("drain");
  });

  test("of a released attempt is stop", () => {
    expect(directiveOf(released())).toBe("stop");
  });

  test("of a canceled attempt is stop", () => {
    expect(directiveOf(canceling())).toBe("stop");
  });
});

describe("a run", () => {
  test.each([running(), leaving(), canceling()])("in state $state is held", (run) => {
    expect(isClaimed(run)).toBe(true);
  });

  test.each([queued(), waiting(), ended()])("in state $state is not held", (run) => {
    expect(isClaimed(run)).toBe(false);
  });
});

test("a fence rises by one with each attempt: the one before has the number below, the one after that above", () => {
  expect([previousFence({ fence: fenceOf(2) }), nextFence({ fence: fenceOf(2) })]).toStrictEqual([
    fenceOf(1),
    fenceOf(3),
  ]);
});
