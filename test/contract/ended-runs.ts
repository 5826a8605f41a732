import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Instant, instant, seconds } from "../../lib/core/time.ts";
import type { EndedRun, EndedRuns } from "../../lib/ports/records.ts";
import * as any from "./arbitraries.ts";
import { at, ended } from "./samples.ts";

const EXPIRY = at("23:00:00");
const HOUR = seconds(3600);

/** More pages than any test here needs. A cursor that does not end would reach this bound. */
const PAGES = 60;

/** Follows the cursors to the end. */
async function all(store: EndedRuns, now: Instant, since: Instant, limit: number): Promise<EndedRun[]> {
  const found: EndedRun[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await store.list(now, since, limit, cursor);
    expect(answer.runs.length).toBeLessThanOrEqual(limit);
    found.push(...answer.runs);
    cursor = answer.cursor;
    if (cursor === undefined) return found;
  }
  throw new Error(`the list did not end within ${PAGES} pages`);
}

const names = (runs: readonly EndedRun[]): string[] => runs.map(({ run }) => run);

/** What any adapter of the ended runs has to do. `open` gives an empty store each time. */
export function describeEndedRuns(name: string, open: () => Promise<EndedRuns>): void {
  describe(`ended runs: ${name}`, () => {
    test("where nothing ended, nothing is listed", async () => {
      const store = await open();
      expect(await store.list(at("12:00:00"), at("11:00:00"), 10)).toEqual({ runs: [] });
    });

    test("the newest comes first, over hours and within one", async () => {
      const store = await open();
      for (const [run, time] of [
        ["b", "11:59:59.999"],
        ["d", "12:30:00"],
        ["a", "10:00:00"],
        ["c", "12:00:00"],
      ] as const)
        await store.add(ended(run, at(time)), 1, EXPIRY);
      expect(names(await all(store, at("12:30:00"), at("10:00:00"), 10))).toEqual(["d", "c", "b", "a"]);
    });

    test("what ended before since or after now is left out; what ended right then is in", async () => {
      const store = await open();
      for (const time of ["11:10:00", "11:09:59.999", "12:10:00", "12:10:00.001"])
        await store.add(ended(time, at(time)), 1, EXPIRY);
      expect(names(await all(store, at("12:10:00"), at("11:10:00"), 10))).toEqual(["12:10:00", "11:10:00"]);
    });

    test("a run that is added again is listed once, as it is now", async () => {
      const store = await open();
      await store.add(ended("train", at("12:00:00")), 1, EXPIRY);
      const again: EndedRun = { ...ended("train", at("12:00:00")), outcome: "exhausted", cause: "lost" };
      expect(await store.add(again, 2, EXPIRY)).toBe("written");
      expect(await all(store, at("12:30:00"), at("12:00:00"), 10)).toEqual([again]);
    });

    test("a slow archiver does not land last", async () => {
      const store = await open();
      const late: EndedRun = { ...ended("train", at("12:00:00")), outcome: "succeeded", cause: "succeeded" };
      await store.add(late, 3, EXPIRY);
      expect(await store.add({ ...late, outcome: "exhausted", cause: "lost" }, 2, EXPIRY)).toBe("stale");
      expect(await all(store, at("12:30:00"), at("12:00:00"), 10)).toEqual([late]);
    });

    test("a cursor from the future begins now", async () => {
      const store = await open();
      await store.add(ended("train", at("12:00:00")), 1, EXPIRY);
      const { runs } = await store.list(at("12:30:00"), at("11:00:00"), 10, "9999-01-01T00:00:00.000Z#");
      expect(names(runs)).toEqual(["train"]);
    });

    test("runs that ended in the same millisecond are all listed, one per page too", async () => {
      const store = await open();
      const same = ["abc", "acb", "bac", "bca", "cab", "cba", "x", "y", "z"]; // the first six share a bucket
      await Promise.all(same.map((run) => store.add(ended(run, at("12:00:00")), 1, EXPIRY)));
      expect(names(await all(store, at("12:30:00"), at("12:00:00"), 1)).toSorted()).toEqual(same);
    });

    test("a run that ends while its list is read does not move the pages", async () => {
      const store = await open();
      for (const run of ["a", "b", "c"]) await store.add(ended(run, at(`12:00:0${run === "c" ? 1 : 0}`)), 1, EXPIRY);
      const { runs, cursor } = await store.list(at("12:30:00"), at("12:00:00"), 1);
      await store.add(ended("d", at("12:00:02")), 1, EXPIRY);
      const rest = await store.list(at("12:30:00"), at("12:00:00"), 10, cursor);
      expect(names([...runs, ...rest.runs])).toEqual(["c", "b", "a"]);
    });

    test("cursors lead over days in which nothing ended", { timeout: 30_000 }, async () => {
      const store = await open();
      const hours = [0, 1, 46, 47, 48, 49, 50];
      const runs = hours.map((each) => ended(String(each), instant(at("11:30:00") - each * HOUR)));
      for (const run of runs) await store.add(run, 1, EXPIRY);
      expect(await all(store, at("12:00:00"), instant(at("11:30:00") - 50 * HOUR), 5)).toEqual(runs);
    });

    test("pages of any size give everything since then once, the newest first", { timeout: 30_000 }, async () => {
      const store = await open();
      const ends = fc.array(fc.tuple(any.ids, fc.nat({ max: 2 * HOUR })), { maxLength: 7 });
      let day = 0;
      await fc.assert(
        fc.asyncProperty(ends, fc.integer({ min: 1, max: 8 }), fc.nat({ max: HOUR }), async (some, limit, skipped) => {
          day += 1;
          const start = instant(at("09:47:11") + day * 24 * HOUR);
          const since = instant(start + skipped);
          const runs = some.map(([run, offset]) => ended(any.unique(run), instant(start + offset)));
          await Promise.all(runs.map((run) => store.add(run, 1, EXPIRY)));
          const listed = await all(store, instant(start + 2 * HOUR), since, limit);
          const times = listed.map(({ endedAt }) => endedAt);
          expect(times).toEqual(times.toSorted((one, other) => other - one));
          const expected = runs.filter(({ endedAt }) => endedAt >= since);
          expect(names(listed).toSorted()).toEqual(names(expected).toSorted());
        }),
        { numRuns: 15 },
      );
    });
  });
}
