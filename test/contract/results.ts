import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Result } from "../../lib/core/run.ts";
import { instant, seconds } from "../../lib/core/time.ts";
import type { Results } from "../../lib/ports/records.ts";
import * as any from "./arbitraries.ts";
import { at, FENCE } from "./samples.ts";

const exhausted = (rev: number): Result => ({
  run: "train",
  shard: 2,
  fence: FENCE,
  rev,
  attempt: 4,
  lease: seconds(120),
  charges: "llll",
  outcome: "exhausted",
  cause: "lost",
  endedByAttempt: 4,
  endedAt: at("12:00:00"),
});
const succeeded = (rev: number): Result => ({ ...exhausted(rev), outcome: "succeeded", cause: "succeeded" });

/** What any adapter of the results has to do. `open` gives an empty store each time. */
export function describeResults(name: string, open: () => Promise<Results>): void {
  describe(`results: ${name}`, () => {
    test("a run that has not ended has no result", async () => {
      const results = await open();
      expect(await results.read("train", at("12:00:00"))).toBeUndefined();
    });

    test("the first result is written", async () => {
      const results = await open();
      expect(await results.write(exhausted(7), at("13:00:00"))).toBe("written");
      expect(await results.read("train", at("12:00:00"))).toEqual(exhausted(7));
    });

    test("a result of a newer rev takes its place, with its own expiry", async () => {
      const results = await open();
      await results.write(exhausted(7), at("13:00:00"));
      expect(await results.write(succeeded(8), at("14:00:00"))).toBe("written");
      expect(await results.read("train", at("13:30:00"))).toEqual(succeeded(8));
    });

    test("a result of the same rev, or of an older one, is stale", async () => {
      const results = await open();
      await results.write(succeeded(8), at("13:00:00"));
      expect(await results.write(exhausted(8), at("14:00:00"))).toBe("stale");
      expect(await results.write(exhausted(7), at("14:00:00"))).toBe("stale");
      expect(await results.read("train", at("12:00:00"))).toEqual(succeeded(8));
      expect(await results.read("train", at("13:00:00"))).toBeUndefined();
    });

    test("a result is there until it expires, and absent from then on", async () => {
      const results = await open();
      await results.write(exhausted(7), at("13:00:00"));
      expect(await results.read("train", at("12:59:59.999"))).toEqual(exhausted(7));
      expect(await results.read("train", at("13:00:00"))).toBeUndefined();
    });

    test("every field of a result reads back as it was written, until it expires and not a second longer", async () => {
      const results = await open();
      await fc.assert(
        fc.asyncProperty(any.results, any.instants, async (some, expiry) => {
          const result = { ...some, run: any.unique(some.run) };
          expect(await results.write(result, expiry)).toBe("written");
          expect(await results.read(result.run, instant(expiry - 1))).toEqual(result);
          expect(await results.read(result.run, instant(expiry + 1000))).toBeUndefined();
        }),
        { numRuns: 40 },
      );
    });
  });
}
