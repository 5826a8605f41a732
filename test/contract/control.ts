import { describe, expect, test } from "vitest";
import type { Freeze } from "../../lib/core/freeze.ts";
import { seconds } from "../../lib/core/time.ts";
import type { Control } from "../../lib/ports/control.ts";
import { at } from "./samples.ts";

const PERIOD = seconds(10);

/** A control whose number of shards an operator can raise. */
export type Operated = Control & { use(shards: number): unknown };

/** What any adapter of the control has to do. `open` gives an empty store each time. */
export function describeControl(name: string, open: () => Promise<Operated>): void {
  describe(`control: ${name}`, () => {
    test("there are four shards until somebody asks for more", async () => {
      const control = await open();
      expect(await control.shards()).toBe(4);
      await control.use(7);
      expect(await control.shards()).toBe(7);
    });

    test("the first sweep of all begins", async () => {
      const control = await open();
      expect(await control.beginSweep(at("12:00:10"), at("12:00:05"), PERIOD)).toBe(true);
    });

    test("a sweep does not begin when the last began after the given instant", async () => {
      const control = await open();
      await control.beginSweep(at("12:00:10"), at("12:00:05"), PERIOD);
      expect(await control.beginSweep(at("12:00:11"), at("12:00:09.999"), PERIOD)).toBe(false);
    });

    test("a sweep begins when the last began at the given instant", async () => {
      const control = await open();
      await control.beginSweep(at("12:00:10"), at("12:00:05"), PERIOD);
      expect(await control.beginSweep(at("12:00:15"), at("12:00:10"), PERIOD)).toBe(true);
      expect(await control.beginSweep(at("12:00:16"), at("12:00:11"), PERIOD)).toBe(false);
    });

    test("a sweep that did not begin is not the last one", async () => {
      const control = await open();
      await control.beginSweep(at("12:00:10"), at("12:00:05"), PERIOD);
      await control.beginSweep(at("12:00:14"), at("12:00:09"), PERIOD);
      expect(await control.beginSweep(at("12:00:16"), at("12:00:11"), PERIOD)).toBe(true);
    });

    test("there was no freeze until one is remembered", async () => {
      const control = await open();
      expect((await control.frontDoor()).freeze).toBeUndefined();
    });

    test("the newest freeze is remembered, with all of its instants", async () => {
      const control = await open();
      const first: Freeze = {
        since: at("12:00:10"),
        lastBad: at("12:00:10"),
        why: "silence",
        floors: { 6: at("12:00:10") },
      };
      const second: Freeze = { ...first, lastBad: at("12:15:20"), why: "canary", floor: at("12:15:20.001") };
      expect(await control.rememberFreeze(first)).toBe("written");
      expect((await control.frontDoor()).freeze).toEqual(first);
      expect(await control.rememberFreeze(second)).toBe("written");
      expect((await control.frontDoor()).freeze).toEqual(second);
    });

    test("a freeze that was found earlier does not take the place of a later one", async () => {
      const control = await open();
      const later: Freeze = {
        since: at("12:00:10"),
        lastBad: at("12:00:20"),
        why: "silence",
        floors: { 6: at("12:00:20") },
      };
      await control.rememberFreeze(later);
      expect(await control.rememberFreeze({ ...later, lastBad: at("12:00:19.999") })).toBe("stale");
      expect((await control.frontDoor()).freeze).toEqual(later);
    });

    test("a freeze that two sweeps have found at once is that of the one that wrote last", async () => {
      const control = await open();
      const first: Freeze = { since: at("12:00:10"), lastBad: at("12:00:20"), why: "silence" };
      await control.rememberFreeze(first);
      expect(await control.rememberFreeze({ ...first, why: "canary" })).toBe("written");
      expect((await control.frontDoor()).freeze).toEqual({ ...first, why: "canary" });
    });

    test("a last sweep that lies ahead by more than a period, by a wrong clock, stands in nobody's way", async () => {
      const control = await open();
      await control.beginSweep(at("13:00:00"), at("12:59:55"), PERIOD);
      expect(await control.beginSweep(at("12:59:50"), at("12:59:45"), PERIOD)).toBe(false);
      expect(await control.beginSweep(at("12:59:49.999"), at("12:59:44"), PERIOD)).toBe(true);
    });

    test("a canary that fails keeps when it last sang, and begins anew", async () => {
      const control = await open();
      await control.canarySang(at("12:01:00"), true);
      await control.canarySang(at("12:02:00"), true);
      expect((await control.standing()).canary).toEqual({ throughAt: at("12:02:00"), throughSince: at("12:01:00") });
      await control.canaryFailed(at("12:03:00"));
      expect((await control.standing()).canary).toEqual({ throughAt: at("12:02:00"), failedAt: at("12:03:00") });
      await control.canarySang(at("12:04:00"), true);
      expect((await control.standing()).canary).toMatchObject({
        throughAt: at("12:04:00"),
        throughSince: at("12:04:00"),
      });
    });

    test("a canary that sang after a beat that failed begins anew, too", async () => {
      const control = await open();
      await control.canarySang(at("12:01:00"), true);
      await control.canarySang(at("12:02:00"), false);
      expect((await control.standing()).canary).toEqual({ throughAt: at("12:02:00"), throughSince: at("12:02:00") });
    });

    test("a sweep can know the freeze that is remembered", async () => {
      const control = await open();
      const freeze: Freeze = {
        since: at("12:00:10"),
        lastBad: at("12:00:20"),
        why: "silence",
        floors: { 6: at("12:00:20") },
      };
      await control.rememberFreeze(freeze);
      expect(await control.standing()).toEqual({ shards: 4, canary: {}, freeze });
    });

    test("a sweep can know when the one before began, how many shards there are, and when the canary failed", async () => {
      const control = await open();
      expect(await control.standing()).toEqual({ shards: 4, canary: {} });
      await control.beginSweep(at("12:00:10"), at("12:00:05"), PERIOD);
      await control.use(7);
      await control.canaryFailed(at("12:00:12"));
      expect(await control.standing()).toEqual({
        shards: 7,
        lastSweep: at("12:00:10"),
        canary: { failedAt: at("12:00:12") },
      });
    });

    test("the number of shards never falls", async () => {
      const control = await open();
      await control.use(7);
      await control.use(5);
      expect(await control.shards()).toBe(7);
    });

    test("a freeze and the last sweep do not disturb each other", async () => {
      const control = await open();
      await control.beginSweep(at("12:00:10"), at("12:00:05"), PERIOD);
      const freeze = { floor: at("12:00:10"), since: at("12:00:10"), lastBad: at("12:00:10") };
      await control.rememberFreeze(freeze);
      expect(await control.beginSweep(at("12:00:11"), at("12:00:09.999"), PERIOD)).toBe(false);
      expect((await control.frontDoor()).freeze).toEqual(freeze);
    });

    test("of many sweeps at once, one begins", async () => {
      const control = await open();
      const begun = await Promise.all(
        Array.from({ length: 10 }, () => control.beginSweep(at("12:00:10"), at("12:00:05"), PERIOD)),
      );
      expect(begun.filter((each) => each)).toHaveLength(1);
    });
  });
}
