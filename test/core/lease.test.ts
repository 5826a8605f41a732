import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isRenewable, paceOf, renewal, renews } from "../../lib/core/lease.ts";
import { instant, milliseconds, seconds } from "../../lib/core/time.ts";
import { at, canceling, ended, fenceOf, leaving, queued, released, running, waiting } from "./runs.ts";

const leases = fc.integer({ min: 5000, max: 3_600_000 }).map(milliseconds);

describe("the pace of a lease", () => {
  test("the default lease of 120 s: beats every 30 s, 20 s of grace, 5 s of margin", () => {
    expect(paceOf(seconds(120))).toStrictEqual({
      interval: seconds(30),
      timeout: seconds(30),
      grace: seconds(20),
      margin: seconds(5),
    });
  });

  test("a lease of 60 s: a quarter, a sixth and a twelfth of it", () => {
    expect(paceOf(seconds(60))).toStrictEqual({
      interval: seconds(15),
      timeout: seconds(15),
      grace: seconds(10),
      margin: seconds(5),
    });
  });

  test("the shortest lease, 5 s, still has a pace", () => {
    expect(paceOf(seconds(5))).toStrictEqual({
      interval: milliseconds(1250),
      timeout: milliseconds(1250),
      grace: milliseconds(833),
      margin: milliseconds(416),
    });
  });

  test("a long lease beats rarely, every five minutes at least, and waits no longer for an answer", () => {
    const rest = { timeout: seconds(30), grace: seconds(20), margin: seconds(5) };
    expect(paceOf(seconds(600))).toStrictEqual({ interval: seconds(150), ...rest });
    expect(paceOf(seconds(3600))).toStrictEqual({ interval: seconds(300), ...rest });
  });

  test("three intervals, the grace and the margin fit into any lease", () => {
    fc.assert(
      fc.property(leases, (lease) => {
        const { interval, grace, margin } = paceOf(lease);
        expect(3 * interval + grace + margin).toBeLessThanOrEqual(lease);
      }),
    );
  });
});

describe("a renewal", () => {
  test("moves due to one lease from now", () => {
    expect(renewal(fenceOf(1), at("12:02:00"), seconds(120))).toStrictEqual({
      fence: fenceOf(1),
      now: at("12:02:00"),
      due: at("12:04:00"),
    });
  });

  test("is accepted while the attempt runs", () => {
    expect(renews(running(), renewal(fenceOf(1), at("12:02:00"), seconds(120)))).toBe(true);
  });

  test("is accepted while the attempt drains", () => {
    expect(renews(leaving(), renewal(fenceOf(1), at("12:02:00"), seconds(120)))).toBe(true);
  });

  test("is accepted after the lease ran out, as long as nobody acted on that", () => {
    expect(renews(running(), renewal(fenceOf(1), at("12:30:00"), seconds(120)))).toBe(true);
  });

  test("is refused to an older fence", () => {
    expect(renews(running({ fence: fenceOf(2) }), renewal(fenceOf(1), at("12:02:00"), seconds(120)))).toBe(false);
  });

  test("is refused to a fence that is still to come", () => {
    expect(renews(running(), renewal(fenceOf(2), at("12:02:00"), seconds(120)))).toBe(false);
  });

  test("is refused when the lease already runs as long: it would move nothing", () => {
    expect(renews(running(), renewal(fenceOf(1), at("12:01:00"), seconds(120)))).toBe(false);
  });

  test("is refused from the last renewable instant on", () => {
    const run = running({ lastRenewable: at("12:02:00") });
    expect(isRenewable(run, at("12:01:59.999"))).toBe(true);
    expect(isRenewable(run, at("12:02:00"))).toBe(false);
  });

  test.each([queued(), waiting(), canceling(), ended()])("is refused in state $state", (run) => {
    expect(renews({ ...run, fence: fenceOf(1) }, renewal(fenceOf(1), at("12:30:00"), seconds(120)))).toBe(false);
  });

  test("is refused once a stop was asked for", () => {
    expect(renews(released(), renewal(fenceOf(1), at("12:02:00"), seconds(120)))).toBe(false);
  });

  test("never shortens a lease, however late its retry comes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300_000 }),
        fc.integer({ min: 0, max: 300_000 }),
        leases,
        (due, now, lease) => {
          const run = running({ due: instant(at("12:00:00") + due) });
          const asked = renewal(fenceOf(1), instant(at("12:00:00") + now), lease);
          expect(renews(run, asked)).toBe(asked.due > run.due);
        },
      ),
    );
  });
});
