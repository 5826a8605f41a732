import { describe, expect, test } from "vitest";
import type { Control } from "../../lib/ports/control.ts";
import { at } from "./samples.ts";

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
      expect(await control.beginSweep(at("12:00:10"), at("12:00:05"))).toBe(true);
    });

    test("a sweep does not begin when the last began after the given instant", async () => {
      const control = await open();
      await control.beginSweep(at("12:00:10"), at("12:00:05"));
      expect(await control.beginSweep(at("12:00:11"), at("12:00:09.999"))).toBe(false);
    });

    test("a sweep begins when the last began at the given instant", async () => {
      const control = await open();
      await control.beginSweep(at("12:00:10"), at("12:00:05"));
      expect(await control.beginSweep(at("12:00:15"), at("12:00:10"))).toBe(true);
      expect(await control.beginSweep(at("12:00:16"), at("12:00:11"))).toBe(false);
    });

    test("a sweep that did not begin is not the last one", async () => {
      const control = await open();
      await control.beginSweep(at("12:00:10"), at("12:00:05"));
      await control.beginSweep(at("12:00:14"), at("12:00:09"));
      expect(await control.beginSweep(at("12:00:16"), at("12:00:11"))).toBe(true);
    });

    test("there was no freeze until one is remembered", async () => {
      const control = await open();
      expect(await control.freeze()).toBeUndefined();
    });

    test("the newest freeze is remembered, with all of its instants", async () => {
      const control = await open();
      const first = { floor: at("12:00:10"), since: at("12:00:10"), lastBad: at("12:00:10") };
      const open15 = { floor: at("12:15:00.001"), since: at("12:00:10"), lastBad: at("12:15:20") };
      await control.rememberFreeze(first);
      expect(await control.freeze()).toEqual(first);
      await control.rememberFreeze(open15);
      expect(await control.freeze()).toEqual(open15);
    });

    test("a sweep can know when the one before began, how many shards there are, and when the canary failed", async () => {
      const control = await open();
      expect(await control.standing()).toEqual({ shards: 4 });
      await control.beginSweep(at("12:00:10"), at("12:00:05"));
      await control.use(7);
      await control.canaryFailed(at("12:00:12"));
      expect(await control.standing()).toEqual({
        shards: 7,
        lastSweep: at("12:00:10"),
        canaryFailedAt: at("12:00:12"),
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
      await control.beginSweep(at("12:00:10"), at("12:00:05"));
      const freeze = { floor: at("12:00:10"), since: at("12:00:10"), lastBad: at("12:00:10") };
      await control.rememberFreeze(freeze);
      expect(await control.beginSweep(at("12:00:11"), at("12:00:09.999"))).toBe(false);
      expect(await control.freeze()).toEqual(freeze);
    });

    test("of many sweeps at once, one begins", async () => {
      const control = await open();
      const begun = await Promise.all(
        Array.from({ length: 10 }, () => control.beginSweep(at("12:00:10"), at("12:00:05"))),
      );
      expect(begun.filter((each) => each)).toHaveLength(1);
    });
  });
}
