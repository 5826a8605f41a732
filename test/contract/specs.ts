import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULTS, type Registration } from "../../lib/core/spec.ts";
import { instant } from "../../lib/core/time.ts";
import type { Specs } from "../../lib/ports/records.ts";
import * as any from "./arbitraries.ts";
import { at, FENCE } from "./samples.ts";

const registered = (time: string, hash = "aa"): Registration => ({
  run: "train",
  shard: 2,
  fence: FENCE,
  registeredAt: at(time),
  hash,
  spec: DEFAULTS,
});

/** What any adapter of the specs has to do. `open` gives an empty store each time. */
export function describeSpecs(name: string, open: () => Promise<Specs>): void {
  describe(`specs: ${name}`, () => {
    test("a run that was never registered has no spec", async () => {
      const specs = await open();
      expect(await specs.read("train", at("12:00:00"))).toBeUndefined();
    });

    test("a registration is created once, and its first form stays", async () => {
      const specs = await open();
      expect(await specs.create(registered("12:00:00"))).toBe("written");
      expect(await specs.create(registered("12:00:01", "bb"))).toBe("stale");
      expect(await specs.read("train", at("13:00:00"))).toEqual(registered("12:00:00"));
    });

    test("of many registrations at once, one is created", async () => {
      const specs = await open();
      const writes = await Promise.all(
        Array.from({ length: 10 }, (_, n) => specs.create(registered("12:00:00", String(n)))),
      );
      expect(writes.filter((write) => write === "written")).toHaveLength(1);
    });

    test("a spec that is to expire is there until then, and absent from then on", async () => {
      const specs = await open();
      await specs.create(registered("12:00:00"));
      await specs.expire(registered("12:00:00"), at("12:30:00"));
      expect(await specs.read("train", at("12:29:59.999"))).toEqual(registered("12:00:00"));
      expect(await specs.read("train", at("12:30:00"))).toBeUndefined();
    });

    test("a run id may not be used again before its spec expired", async () => {
      const specs = await open();
      await specs.create(registered("12:00:00"));
      await specs.expire(registered("12:00:00"), at("12:30:00"));
      expect(await specs.create(registered("12:29:59.999", "bb"))).toBe("stale");
      expect(await specs.read("train", at("12:29:59.999"))).toEqual(registered("12:00:00"));
    });

    test("a run id may be used again from the expiry of its spec on, and its new spec does not expire", async () => {
      const specs = await open();
      await specs.create(registered("12:00:00"));
      await specs.expire(registered("12:00:00"), at("12:30:00"));
      expect(await specs.create(registered("12:30:00", "bb"))).toBe("written");
      expect(await specs.read("train", at("23:00:00"))).toEqual(registered("12:30:00", "bb"));
    });

    test("no spec expires before its time, and each within a second after it", async () => {
      const specs = await open();
      await fc.assert(
        fc.asyncProperty(any.registrations, any.instants, async (some, expiry) => {
          const run = any.unique(some.run);
          const registration = { ...some, run };
          await specs.create(registration);
          await specs.expire(registration, expiry);
          expect(await specs.read(run, instant(expiry - 1))).toEqual(registration);
          expect(await specs.read(run, instant(expiry + 1000))).toBeUndefined();
        }),
        { numRuns: 20 },
      );
    });

    test("a run that has no spec gets none by expiring it", async () => {
      const specs = await open();
      await specs.expire(registered("12:00:00"), at("12:30:00"));
      expect(await specs.read("train", at("12:00:00"))).toBeUndefined();
      expect(await specs.create(registered("12:00:00"))).toBe("written");
    });

    test("the registration of a later life of the id does not expire with the former one", async () => {
      const specs = await open();
      await specs.create(registered("12:00:00"));
      await specs.expire(registered("12:00:00"), at("12:30:00"));
      await specs.create(registered("12:30:00", "bb"));
      expect(await specs.expire(registered("12:00:00"), at("12:31:00"))).toBe("stale");
      expect(await specs.read("train", at("23:00:00"))).toEqual(registered("12:30:00", "bb"));
    });

    test("a registration is replaced by another one only while it is the one that was seen", async () => {
      const specs = await open();
      await specs.create(registered("12:00:00"));
      expect(await specs.replace(registered("12:00:00"), registered("12:20:00", "bb"))).toBe("written");
      expect(await specs.replace(registered("12:00:00"), registered("12:21:00", "cc"))).toBe("stale");
      expect(await specs.read("train", at("12:30:00"))).toEqual(registered("12:20:00", "bb"));
    });

    test("every field of a registration reads back as it was created", async () => {
      const specs = await open();
      await fc.assert(
        fc.asyncProperty(any.registrations, async (some) => {
          const registration = { ...some, run: any.unique(some.run) };
          expect(await specs.create(registration)).toBe("written");
          expect(await specs.read(registration.run, registration.registeredAt)).toEqual(registration);
        }),
        { numRuns: 40 },
      );
    });
  });
}
