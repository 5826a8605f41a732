import fc from "fast-check";
import { expect, test } from "vitest";
import { type Renewal, renewal, renews } from "../../lib/core/lease.ts";
import { asFence, type Canceling, type Ended, type Leaving, type Run, type Running } from "../../lib/core/run.ts";
import { instant, seconds } from "../../lib/core/time.ts";
import type { Runs, Write } from "../../lib/ports/runs.ts";
import * as any from "./arbitraries.ts";
import { at, FENCE, LONG, queued, running } from "./samples.ts";

/** A run, and a beat so close to it that each clause of the guard decides now and then. */
const beats: fc.Arbitrary<{ run: Run; beat: Renewal }> = fc
  .record({
    run: any.runs,
    fenceOff: fc.constantFrom(0, 0, 0, -1, 1),
    dueOff: fc.constantFrom(-1, 0, 1, 60_000),
    nowOff: fc.constantFrom(-1, 0, 1, -60_000),
    progress: fc.option(any.progress, { nil: undefined }),
  })
  .map(({ run, fenceOff, dueOff, nowOff, progress }) => {
    const stop = "lastRenewable" in run && run.lastRenewable !== undefined ? run.lastRenewable : run.due;
    const beat: Renewal = {
      fence: asFence(run.fence + fenceOff),
      due: instant(run.due + dueOff),
      now: instant(stop + nowOff),
    };
    return { run, beat: progress === undefined ? beat : { ...beat, progress } };
  });

/** The part of the run items that beats write. The guard is `renews` of the core, clause by clause. */
export function describeRenewals(open: () => Promise<Runs>): void {
  const plain = running("train");
  const beat: Renewal = renewal(FENCE, at("12:00:30"), seconds(120));
  const drained: Leaving = { ...plain, state: "leaving", directive: "drain" };
  const canceling: Canceling = { ...plain, state: "canceling", lastRenewable: at("12:01:00") };
  const ended: Ended = {
    ...queued("train"),
    state: "ended",
    outcome: "failed",
    cause: "crashed",
    endedByAttempt: 1,
    endedAt: at("12:00:20"),
    due: at("12:01:20"),
  };

  test.each<[string, Run, Renewal, Write]>([
    ["of the current fence is written", plain, beat, "written"],
    ["of an older fence is stale", plain, { ...beat, fence: asFence(FENCE - 1) }, "stale"],
    ["of a newer fence is stale", plain, { ...beat, fence: asFence(FENCE + 1) }, "stale"],
    ["of a leaving run is written", drained, beat, "written"],
    ["of a canceling run is stale", canceling, beat, "stale"],
    ["of a queued run is stale", { ...queued("train"), due: at("12:02:00") }, beat, "stale"],
    ["of a waiting run is stale", { ...queued("train"), state: "waiting", due: at("12:02:00") }, beat, "stale"],
    ["of an ended run is stale", ended, beat, "stale"],
    ["that is a millisecond later than due is written", plain, { ...beat, due: at("12:02:00.001") }, "written"],
    ["that repeats due is stale", plain, { ...beat, due: at("12:02:00") }, "stale"],
    ["that would shorten the lease is stale", plain, { ...beat, due: at("12:01:59.999") }, "stale"],
    [
      "a millisecond before the last renewable instant is written",
      { ...plain, lastRenewable: at("12:00:30.001") },
      beat,
      "written",
    ],
    ["at the last renewable instant is stale", { ...plain, lastRenewable: at("12:00:30") }, beat, "stale"],
    ["after the last renewable instant is stale", { ...drained, lastRenewable: at("12:00:29.999") }, beat, "stale"],
    ["after due, before it was reaped, is written", { ...plain, due: at("12:00:00") }, beat, "written"],
  ])("a beat %s", async (_, run, renewed, write) => {
    const runs = await open();
    await runs.create(run);
    expect(renews(run, renewed) ? "written" : "stale").toBe(write);
    const then = write === "written" ? { ...run, due: renewed.due } : run;
    expect(await runs.renew(run, renewed)).toEqual({ write, run: then });
    expect(await runs.read(run)).toEqual(then);
  });

  test("a beat of a run without an item is stale, and creates nothing", async () => {
    const runs = await open();
    expect(await runs.renew(plain, beat)).toEqual({ write: "stale", run: undefined });
    expect(await runs.read(plain)).toBeUndefined();
  });

  test("a beat brings its progress, and one without progress leaves the last", async () => {
    const runs = await open();
    await runs.create(plain);
    const progress = { value: 3, of: 7, note: "epoch 3" };
    await runs.renew(plain, { ...beat, progress });
    const next = { ...beat, now: at("12:01:00"), due: at("12:03:00") };
    expect(await runs.renew(plain, next)).toEqual({
      write: "written",
      run: { ...plain, due: at("12:03:00"), progress },
    });
  });

  test("a refused beat leaves the progress as it was", async () => {
    const runs = await open();
    const told: Running = { ...plain, progress: { value: 3 } };
    await runs.create(told);
    const late = { ...beat, due: at("12:01:00"), progress: { value: 2 } };
    expect(await runs.renew(told, late)).toEqual({ write: "stale", run: told });
    expect(await runs.read(told)).toEqual(told);
  });

  test("of beats that arrive in any order, the latest due stays", LONG, async () => {
    const runs = await open();
    const dues = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(dues, async (offsets) => {
        const run = any.unique("train");
        await runs.create(running(run));
        const beats = offsets.map((offset) => ({ ...beat, due: instant(plain.due + offset) }));
        await Promise.all(beats.map((each) => runs.renew(running(run), each)));
        expect((await runs.read(running(run)))?.due).toBe(plain.due + Math.max(...offsets));
      }),
      { numRuns: 20 },
    );
  });

  test("the guard agrees with the core on any run and any beat, and returns the item as it is", LONG, async () => {
    const runs = await open();
    const seen = { written: 0, stale: 0 };
    await fc.assert(
      fc.asyncProperty(beats, async ({ run: some, beat: renewed }) => {
        const run = any.renamed(some);
        const { progress } = renewed;
        await runs.create(run);
        const write = renews(run, renewed) ? "written" : "stale";
        const told = progress === undefined ? {} : { progress };
        const then = write === "written" ? { ...run, due: renewed.due, ...told } : run;
        expect(await runs.renew(run, renewed)).toEqual({ write, run: then });
        expect(await runs.read(run)).toEqual(then);
        seen[write] += 1;
      }),
      { numRuns: 150 },
    );
    expect(seen.written).toBeGreaterThan(0);
    expect(seen.stale).toBeGreaterThan(0);
  });
}
