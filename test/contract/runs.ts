import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Renewal, renewal, renews } from "../../lib/core/lease.ts";
import {
  type Canceling,
  type Ended,
  fence,
  type Leaving,
  type Queued,
  type Run,
  type Running,
} from "../../lib/core/run.ts";
import { instant, seconds } from "../../lib/core/time.ts";
import type { Runs, Sighting, Write } from "../../lib/ports/runs.ts";
import * as any from "./arbitraries.ts";
import { at, FENCE, lost, queued, running } from "./samples.ts";

/** A property writes and reads a store over HTTP some hundred times. */
const LONG = { timeout: 30_000 };

/** What any adapter of the run items has to do. `open` gives an empty store each time. */
export function describeRuns(name: string, open: () => Promise<Runs>): void {
  describe(`run items: ${name}`, () => {
    describeCreate(open);
    describeReplace(open);
    describeRenew(open);
    describeRemove(open);
    describePages(open);
  });
}

const renamed = (run: Run): Run => ({ ...run, run: any.unique(run.run) });

/** How many were written; the rest was stale. */
const written = (writes: readonly Write[]): number => writes.filter((write) => write === "written").length;

function describeCreate(open: () => Promise<Runs>): void {
  test("a run without an item reads as undefined", async () => {
    const runs = await open();
    expect(await runs.read({ run: "unknown", shard: 2 })).toBeUndefined();
  });

  test("a run that is absent is created", async () => {
    const runs = await open();
    expect(await runs.create(queued("train"))).toBe("written");
    expect(await runs.read({ run: "train", shard: 2 })).toEqual(queued("train"));
  });

  test("a run that is there is not created again, and stays as it is", async () => {
    const runs = await open();
    await runs.create(running("train"));
    expect(await runs.create(queued("train"))).toBe("stale");
    expect(await runs.read(queued("train"))).toEqual(running("train"));
  });

  test("the same run id in another shard is another item", async () => {
    const runs = await open();
    await runs.create(queued("train"));
    expect(await runs.create({ ...queued("train"), shard: 3 })).toBe("written");
  });

  test("of many creates at once, one writes", async () => {
    const runs = await open();
    const writes = await Promise.all(Array.from({ length: 10 }, () => runs.create(queued("train"))));
    expect(written(writes)).toBe(1);
  });

  test("every field of every state reads back as it was created", LONG, async () => {
    const runs = await open();
    await fc.assert(
      fc.asyncProperty(any.runs, async (some) => {
        const run = renamed(some);
        expect(await runs.create(run)).toBe("written");
        expect(await runs.read(run)).toEqual(run);
      }),
      { numRuns: 120 },
    );
  });
}

function describeReplace(open: () => Promise<Runs>): void {
  const claimed: Running = { ...running("train"), rev: queued("train").rev + 1 };

  test("a replace writes while rev is what was seen", async () => {
    const runs = await open();
    await runs.create(queued("train"));
    expect(await runs.replace(queued("train"), claimed)).toBe("written");
    expect(await runs.read(claimed)).toEqual(claimed);
  });

  test("a replace is stale once rev has moved, and changes nothing", async () => {
    const runs = await open();
    await runs.create(queued("train"));
    await runs.replace(queued("train"), claimed);
    expect(await runs.replace(queued("train"), { ...queued("train"), rev: claimed.rev, attempt: 2 })).toBe("stale");
    expect(await runs.read(claimed)).toEqual(claimed);
  });

  test("a replace of an absent run is stale, and creates nothing", async () => {
    const runs = await open();
    expect(await runs.replace(queued("train"), claimed)).toBe("stale");
    expect(await runs.read(claimed)).toBeUndefined();
  });

  test("of many replaces that saw the same rev, one writes", async () => {
    const runs = await open();
    await runs.create(queued("train"));
    const writes = await Promise.all(
      Array.from({ length: 10 }, (_, n) => runs.replace(queued("train"), { ...claimed, rev: claimed.rev + n })),
    );
    expect(written(writes)).toBe(1);
  });

  test("a replace that names due writes while due is what was seen", async () => {
    const runs = await open();
    const seen = running("train");
    await runs.create(seen);
    const reaped: Queued = { ...queued("train"), rev: seen.rev + 1, attempt: 2, fence: fence(FENCE + 1), charges: "l" };
    expect(await runs.replace(seen, reaped, at("12:02:00"))).toBe("written");
    expect(await runs.read(seen)).toEqual(reaped);
  });

  test("a replace that names due is stale once a beat moved it, although rev did not move", async () => {
    const runs = await open();
    const seen = running("train");
    await runs.create(seen);
    await runs.renew(seen, { fence: FENCE, now: at("12:00:30"), due: at("12:02:30") });
    const reaped: Queued = { ...queued("train"), rev: seen.rev + 1, attempt: 2, fence: fence(FENCE + 1), charges: "l" };
    expect(await runs.replace(seen, reaped, at("12:02:00"))).toBe("stale");
    expect(await runs.read(seen)).toEqual({ ...seen, due: at("12:02:30") });
  });

  test("a replace that does not mean due leaves the later due of a beat alone", async () => {
    const runs = await open();
    const seen = running("train");
    await runs.create(seen);
    await runs.renew(seen, { fence: FENCE, now: at("12:00:30"), due: at("12:02:30") });
    const drained: Leaving = { ...seen, state: "leaving", directive: "drain", rev: seen.rev + 1 };
    expect(await runs.replace(seen, drained)).toBe("written");
    expect(await runs.read(seen)).toEqual({ ...drained, due: at("12:02:30") });
  });

  test("a replace that does not mean progress leaves that of a beat alone", async () => {
    const runs = await open();
    const seen: Running = { ...running("train"), progress: { value: 1 } };
    await runs.create(seen);
    await runs.renew(seen, { fence: FENCE, now: at("12:00:30"), due: at("12:02:30"), progress: { value: 2 } });
    const canceling: Canceling = { ...seen, state: "canceling", rev: seen.rev + 1 };
    await runs.replace(seen, canceling);
    expect(await runs.read(seen)).toEqual({ ...canceling, due: at("12:02:30"), progress: { value: 2 } });
  });

  test("the progress that a beat left meanwhile goes with its attempt", async () => {
    const runs = await open();
    const seen = running("train");
    await runs.create(seen);
    await runs.renew(seen, { fence: FENCE, now: at("12:00:30"), due: at("12:02:30"), progress: { value: 1 } });
    const requeued: Queued = {
      ...queued("train"),
      rev: seen.rev + 1,
      attempt: 2,
      fence: fence(FENCE + 1),
      charges: "i",
    };
    expect(await runs.replace(seen, requeued)).toBe("written");
    expect(await runs.read(seen)).toEqual(requeued);
  });

  test("any run replaced by any other reads back as that other", LONG, async () => {
    const runs = await open();
    await fc.assert(
      fc.asyncProperty(any.runs, any.runs, async (some, other) => {
        const seen = renamed(some);
        const next: Run = { ...other, run: seen.run, shard: seen.shard, rev: seen.rev + 1 };
        await runs.create(seen);
        expect(await runs.replace(seen, next, seen.due)).toBe("written");
        expect(await runs.read(seen)).toEqual(next);
      }),
      { numRuns: 80 },
    );
  });
}

/** A run, and a beat close enough to it that each clause of the guard decides now and then. */
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
      fence: fence(run.fence + fenceOff),
      due: instant(run.due + dueOff),
      now: instant(stop + nowOff),
    };
    return { run, beat: progress === undefined ? beat : { ...beat, progress } };
  });

function describeRenew(open: () => Promise<Runs>): void {
  const plain = running("train");
  const beat: Renewal = renewal(FENCE, at("12:00:30"), seconds(120));
  const drained: Leaving = { ...plain, state: "leaving", directive: "drain" };
  const canceling: Canceling = { ...plain, state: "canceling", lastRenewable: at("12:01:00") };
  const ended: Ended = {
    ...queued("train"),
    state: "ended",
    outcome: "failed",
    cause: "crashed",
    by: 1,
    endedAt: at("12:00:20"),
    due: at("12:01:20"),
  };

  test.each<[string, Run, Renewal, Write]>([
    ["of the current fence is written", plain, beat, "written"],
    ["of an older fence is stale", plain, { ...beat, fence: fence(FENCE - 1) }, "stale"],
    ["of a newer fence is stale", plain, { ...beat, fence: fence(FENCE + 1) }, "stale"],
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
        const run = renamed(some);
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

function describeRemove(open: () => Promise<Runs>): void {
  test("a run is removed while rev is what was seen", async () => {
    const runs = await open();
    await runs.create(queued("train"));
    expect(await runs.remove(queued("train"))).toBe("written");
    expect(await runs.read(queued("train"))).toBeUndefined();
  });

  test("a remove is stale once rev has moved, and the run stays", async () => {
    const runs = await open();
    const moved = { ...queued("train"), rev: queued("train").rev + 1 };
    await runs.create(moved);
    expect(await runs.remove(queued("train"))).toBe("stale");
    expect(await runs.read(moved)).toEqual(moved);
  });

  test("a run that is gone already may be removed again", async () => {
    const runs = await open();
    expect(await runs.remove(queued("train"))).toBe("written");
  });
}

/** Everything that one walk over a shard meets, page by page. */
async function walk<P extends { readonly cursor?: string }, I>(
  pageAfter: (cursor?: string) => Promise<P>,
  itemsOf: (page: P) => readonly I[],
): Promise<{ items: I[]; largest: number }> {
  const items: I[] = [];
  let largest = 0;
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await pageAfter(cursor);
    const found = itemsOf(page);
    items.push(...found);
    largest = Math.max(largest, found.length);
    cursor = page.cursor;
    pages += 1;
  } while (cursor !== undefined && pages < 100);
  return { items, largest };
}

const byRun = (one: { run: string }, other: { run: string }): number => (one.run < other.run ? -1 : 1);

const sightingOf = ({ run, shard, state, due, debt }: Run): Sighting =>
  debt === undefined ? { run, shard, state, due } : { run, shard, state, due, owedSince: debt.since };

function describePages(open: () => Promise<Runs>): void {
  test("an empty shard is one empty page", async () => {
    const runs = await open();
    expect(await runs.page(1, 10)).toEqual({ sightings: [] });
    expect(await runs.list(1, 10)).toEqual({ runs: [] });
  });

  test("a sighting of a run that owes nothing has no debt's age", async () => {
    const runs = await open();
    await runs.create(running("train"));
    expect((await runs.page(2, 10)).sightings).toEqual([
      { run: "train", shard: 2, state: "running", due: at("12:02:00") },
    ]);
  });

  test("a sighting tells since when a debt stands, as long as it stands", async () => {
    const runs = await open();
    const sight = async () => (await runs.page(2, 10)).sightings.map(({ owedSince }) => owedSince);
    const first: Queued = { ...queued("train"), debt: { since: at("12:02:10"), ledger: lost, owes: "message" } };
    const second: Queued = { ...first, rev: first.rev + 1, debt: { since: at("12:03:10"), owes: "message" } };
    const { debt: _, ...settled } = { ...second, rev: second.rev + 1 };
    await runs.create(first);
    expect(await sight()).toEqual([at("12:02:10")]);
    await runs.replace(first, second);
    expect(await sight()).toEqual([at("12:03:10")]);
    await runs.replace(second, settled);
    expect(await sight()).toEqual([undefined]);
  });

  test("a sighting shows the due time that a beat moved", async () => {
    const runs = await open();
    await runs.create(running("train"));
    await runs.renew(running("train"), { fence: FENCE, now: at("12:00:30"), due: at("12:02:30") });
    expect((await runs.page(2, 10)).sightings.map(({ due }) => due)).toEqual([at("12:02:30")]);
  });

  test("pages of any size visit every run of the shard once, and no run of another", LONG, async () => {
    const runs = await open();
    let shard = 0;
    const some = fc.array(any.runs, { maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(some, any.runs, fc.integer({ min: 1, max: 10 }), async (members, stranger, limit) => {
        shard += 2;
        const here = members.map((run): Run => ({ ...renamed(run), shard })).sort(byRun);
        await Promise.all([...here, { ...stranger, shard: shard + 1 }].map((run) => runs.create(run)));
        const sighted = await walk(
          (cursor) => runs.page(shard, limit, cursor),
          ({ sightings }) => sightings,
        );
        const listed = await walk(
          (cursor) => runs.list(shard, limit, cursor),
          ({ runs: page }) => page,
        );
        expect(sighted.items.sort(byRun)).toEqual(here.map(sightingOf));
        expect(listed.items.sort(byRun)).toEqual(here);
        expect(Math.max(sighted.largest, listed.largest)).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 25 },
    );
  });

  test("a walk goes on after the run that its cursor names was removed", async () => {
    const runs = await open();
    for (const run of ["a", "b", "c", "d"]) await runs.create(queued(run));
    const { sightings, cursor } = await runs.page(2, 2);
    await runs.remove(queued("b"));
    const rest = await runs.page(2, 9, cursor);
    expect([...sightings, ...rest.sightings].map(({ run }) => run)).toEqual(["a", "b", "c", "d"]);
  });
}
