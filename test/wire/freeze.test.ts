import { expect, test } from "vitest";
import type { Freeze } from "../../lib/core/freeze.ts";
import { freezeView } from "../../lib/wire/freeze.ts";
import { at } from "../core/runs.ts";

/** As the sweeps of four minutes have found it. */
const FREEZE: Freeze = { since: at("12:01:00"), lastBad: at("12:05:00"), floor: at("12:05:00"), floors: {} };

test.each(["canary", "silence"] as const)(
  "a freeze for %s is told with the quarter of an hour that it may last",
  (why) => {
    expect(freezeView({ ...FREEZE, why })).toEqual({
      since: "2026-11-22T12:01:00.000Z",
      until: "2026-11-22T12:16:00.000Z",
      why,
    });
  },
);

test("a freeze that does not say why, as 0.1.0 has kept it, is one of silence", () => {
  expect(freezeView(FREEZE).why).toBe("silence");
});
