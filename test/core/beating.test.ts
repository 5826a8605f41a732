import { describe, expect, test } from "vitest";
import { seconds } from "../../lib/core/time.ts";
import { decide } from "../../lib/core/transitions.ts";
import {
  at,
  beating,
  canceling,
  ended,
  fenceOf,
  following,
  leaving,
  queued,
  released,
  running,
  waiting,
} from "./runs.ts";

const renewed = (more: object = {}) => ({ kind: "renewed", lease: seconds(120), directive: "continue", ...more });

describe("a beat", () => {
  test("renews the lease in one write of its own", () => {
    expect(decide(running(), beating(at("12:02:00")))).toStrictEqual({
      write: "renew",
      renewal: { fence: fenceOf(1), now: at("12:02:00"), due: at("12:04:00") },
      reply: renewed(),
    });
  });

  test("accepted in time wins, at the very instant when the lease runs out", () => {
    expect(decide(running(), beating(at("12:03:00"))).write).toBe("renew");
  });

  test("of a draining attempt renews, and brings the directive, its reason and its deadline", () => {
    const run = leaving({ reason: "spot-interruption", deadline: at("12:04:00") });
    expect(decide(run, beating(at("12:02:00")))).toStrictEqual({
      write: "renew",
      renewal: { fence: fenceOf(1), now: at("12:02:00"), due: at("12:04:00") },
      reply: renewed({ directive: "drain", reason: "spot-interruption", deadline: at("12:04:00") }),
    });
  });

  test("that was overtaken by a later one is answered as renewed, and shortens nothing", () => {
    expect(decide(running({ due: at("12:05:00") }), beating(at("12:02:00")))).toStrictEqual({
      write: "none",
      reply: renewed(),
    });
  });

  test("of a released attempt is told to stop, and is not renewed", () => {
    expect(decide(released(), beating(at("12:02:30")))).toStrictEqual({
      write: "none",
      reply: renewed({ directive: "stop", reason: "requeued" }),
    });
  });

  test("of a canceled attempt is told to stop, and is not renewed", () => {
    expect(decide(canceling(), beating(at("12:02:30")))).toStrictEqual({
      write: "none",
      reply: renewed({ directive: "stop", reason: "canceled" }),
    });
  });

  test.each([running, leaving])("past the deadline is refused as overran", (of) => {
    expect(decide(of({ lastRenewable: at("12:02:00") }), beating(at("12:02:00")))).toStrictEqual({
      write: "none",
      reply: { kind: "overran" },
    });
  });

  test("past the deadline is refused as overran even when a later one was faster", () => {
    const run = running({ lastRenewable: at("12:02:00"), due: at("12:06:00") });
    expect(decide(run, beating(at("12:02:00"))).reply).toStrictEqual({ kind: "overran" });
  });

  test.each([queued, waiting, running, leaving, canceling])("of an ended attempt is superseded", (of) => {
    expect(decide(of(following("l")), beating(at("12:02:00"), fenceOf(1)))).toStrictEqual({
      write: "none",
      reply: { kind: "superseded", attempt: 2, fence: fenceOf(2) },
    });
  });

  test("of an ended run is refused as ended, never as superseded", () => {
    expect(decide(ended(), beating(at("12:04:00"), fenceOf(1)))).toStrictEqual({
      write: "none",
      reply: { kind: "ended" },
    });
  });
});
