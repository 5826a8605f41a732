import fc from "fast-check";
import { expect, test } from "vitest";
import { type Canceling, isClaimed, type Leaving, type Queued, type Run, type Running } from "../../lib/core/run.ts";
import { seconds } from "../../lib/core/time.ts";
import type { Runs, Sighting } from "../../lib/ports/runs.ts";
import * as any from "./arbitraries.ts";
import { at, FENCE, LONG, lost, queued, running } from "./samples.ts";

/** Everything that one walk over a shard finds, page by page. */
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

const sightingOf = (run: Run): Sighting => ({
  run: run.run,
  shard: run.shard,
  state: run.state,
  due: run.due,
  lease: run.lease,
  ...(isClaimed(run) && run.host !== undefined && { host: run.host }),
  ...(isClaimed(run) && run.isWatched === true && { isWatched: true }),
  ...(run.debt !== undefined && { owedSince: run.debt.since }),
});

/** The part of the run items that sweeps and people read. */
export function describePages(open: () => Promise<Runs>): void {
  test("an empty shard is one empty page", async () => {
    const runs = await open();
    expect(await runs.page(1, 10)).toEqual({ sightings: [] });
    expect(await runs.list(1, 10)).toEqual({ runs: [] });
  });

  test("a sighting of a run that owes nothing has no debt's age", async () => {
    const runs = await open();
    await runs.create(running("train"));
    expect((await runs.page(2, 10)).sightings).toEqual([
      {
        run: "train",
        shard: 2,
        state: "running",
        due: at("12:02:00"),
        lease: seconds(120),
        host: "i-0123456789abcdef0",
      },
    ]);
  });

  test("a sighting tells that an attempt has no agent", async () => {
    const runs = await open();
    await runs.create({ ...running("train"), isWatched: true });
    expect((await runs.page(2, 10)).sightings).toMatchObject([{ run: "train", isWatched: true }]);
  });

  test("a sighting tells the host of an attempt that is held, and of no other", async () => {
    const runs = await open();
    const { host: _, ...hostless } = running("d-hostless");
    const all: readonly Run[] = [
      running("a-running"),
      { ...running("b-leaving"), state: "leaving", directive: "drain" } satisfies Leaving,
      { ...running("c-canceling"), state: "canceling" } satisfies Canceling,
      hostless satisfies Running,
      queued("e-queued"),
    ];
    for (const run of all) await runs.create(run);
    const sighted = (await runs.page(2, 10)).sightings.toSorted(byRun);
    expect(sighted.map(({ run, host }) => [run, host])).toEqual([
      ["a-running", "i-0123456789abcdef0"],
      ["b-leaving", "i-0123456789abcdef0"],
      ["c-canceling", "i-0123456789abcdef0"],
      ["d-hostless", undefined],
      ["e-queued", undefined],
    ]);
  });

  test("a sighting tells no host any more once its attempt has ended", async () => {
    const runs = await open();
    const seen = running("train");
    await runs.create(seen);
    const next: Queued = { ...queued("train"), rev: seen.rev + 1, attempt: 2, charges: "l" };
    expect(await runs.replace(seen, next)).toBe("written");
    expect((await runs.page(2, 10)).sightings).toEqual([
      { run: "train", shard: 2, state: "queued", due: at("12:15:00"), lease: seconds(120) },
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
        const here = members.map((run): Run => ({ ...any.renamed(run), shard })).sort(byRun);
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
