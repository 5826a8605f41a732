import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asFence, type Canceling, type Leaving, type Queued, type Run, type Running } from "../../lib/core/run.ts";
import type { Runs, Write } from "../../lib/ports/runs.ts";
import * as any from "./arbitraries.ts";
import { describePages } from "./pages.ts";
import { describeRenewals } from "./renewals.ts";
import { at, FENCE, LONG, queued, running } from "./samples.ts";

/** What any adapter of the run items has to do. `open` gives an empty store each time. */
export function describeRuns(name: string, open: () => Promise<Runs>): void {
  describe(`run items: ${name}`, () => {
    describeCreate(open);
    describeReplace(open);
    describeRenewals(open);
    describeRemove(open);
    describePages(open);
  });
}

/** How many were written. The others were stale. */
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
        const run = any.renamed(some);
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

  test("a replace is stale while rev is older than what was seen", async () => {
    const runs = await open();
    await runs.create(queued("train"));
    expect(await runs.replace(claimed, { ...queued("train"), rev: claimed.rev + 1 })).toBe("stale");
    expect(await runs.read(claimed)).toEqual(queued("train"));
  });

  test("a replace that names due is stale while due is earlier than what was seen", async () => {
    const runs = await open();
    await runs.create(queued("train"));
    expect(await runs.replace(queued("train"), claimed, { is: at("12:15:00.001") })).toBe("stale");
    expect(await runs.read(claimed)).toEqual(queued("train"));
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
    const reaped: Queued = {
      ...queued("train"),
      rev: seen.rev + 1,
      attempt: 2,
      fence: asFence(FENCE + 1),
      charges: "l",
    };
    expect(await runs.replace(seen, reaped, { is: at("12:02:00") })).toBe("written");
    expect(await runs.read(seen)).toEqual(reaped);
  });

  test("a replace that names due is stale once a beat moved it, although rev did not move", async () => {
    const runs = await open();
    const seen = running("train");
    await runs.create(seen);
    await runs.renew(seen, { fence: FENCE, now: at("12:00:30"), due: at("12:02:30") });
    const reaped: Queued = {
      ...queued("train"),
      rev: seen.rev + 1,
      attempt: 2,
      fence: asFence(FENCE + 1),
      charges: "l",
    };
    expect(await runs.replace(seen, reaped, { is: at("12:02:00") })).toBe("stale");
    expect(await runs.read(seen)).toEqual({ ...seen, due: at("12:02:30") });
  });

  test("a replace on proof writes while the last beat came before the death", async () => {
    const seen = running("train");
    const reaped: Queued = {
      ...queued("train"),
      rev: seen.rev + 1,
      attempt: 2,
      fence: asFence(FENCE + 1),
      charges: "i",
    };
    for (const atMost of [at("12:02:00"), at("12:02:00.001"), at("13:00:00")]) {
      const runs = await open();
      await runs.create(seen);
      expect(await runs.replace(seen, reaped, { atMost })).toBe("written");
      expect(await runs.read(seen)).toEqual(reaped);
    }
  });

  test("a replace on proof writes although a beat moved due meanwhile, as long as that came before the death", async () => {
    const runs = await open();
    const seen = running("train");
    await runs.create(seen);
    await runs.renew(seen, { fence: FENCE, now: at("12:00:30"), due: at("12:02:30") });
    const reaped: Queued = {
      ...queued("train"),
      rev: seen.rev + 1,
      attempt: 2,
      fence: asFence(FENCE + 1),
      charges: "i",
    };
    expect(await runs.replace(seen, reaped, { atMost: at("12:02:30") })).toBe("written");
    expect(await runs.read(seen)).toEqual(reaped);
  });

  test("a replace on proof is stale once a later beat has disproved it, and changes nothing", async () => {
    const runs = await open();
    const seen = running("train");
    await runs.create(seen);
    await runs.renew(seen, { fence: FENCE, now: at("12:00:30"), due: at("12:02:30") });
    const reaped: Queued = {
      ...queued("train"),
      rev: seen.rev + 1,
      attempt: 2,
      fence: asFence(FENCE + 1),
      charges: "i",
    };
    expect(await runs.replace(seen, reaped, { atMost: at("12:02:29.999") })).toBe("stale");
    expect(await runs.read(seen)).toEqual({ ...seen, due: at("12:02:30") });
  });

  test("a replace on proof is stale once rev has moved", async () => {
    const runs = await open();
    const seen = running("train");
    const drained: Leaving = { ...seen, state: "leaving", directive: "drain", rev: seen.rev + 1 };
    await runs.create(drained);
    const reaped: Queued = {
      ...queued("train"),
      rev: seen.rev + 1,
      attempt: 2,
      fence: asFence(FENCE + 1),
      charges: "i",
    };
    expect(await runs.replace(seen, reaped, { atMost: at("13:00:00") })).toBe("stale");
    expect(await runs.read(seen)).toEqual(drained);
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
      fence: asFence(FENCE + 1),
      charges: "i",
    };
    expect(await runs.replace(seen, requeued)).toBe("written");
    expect(await runs.read(seen)).toEqual(requeued);
  });

  test("any run replaced by any other reads back as that other", LONG, async () => {
    const runs = await open();
    await fc.assert(
      fc.asyncProperty(any.runs, any.runs, async (some, other) => {
        const seen = any.renamed(some);
        const next: Run = { ...other, run: seen.run, shard: seen.shard, rev: seen.rev + 1 };
        await runs.create(seen);
        expect(await runs.replace(seen, next, { is: seen.due })).toBe("written");
        expect(await runs.read(seen)).toEqual(next);
      }),
      { numRuns: 80 },
    );
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

  test("a remove is stale while rev is older than what was seen", async () => {
    const runs = await open();
    await runs.create(queued("train"));
    expect(await runs.remove({ ...queued("train"), rev: queued("train").rev + 1 })).toBe("stale");
    expect(await runs.read(queued("train"))).toEqual(queued("train"));
  });

  test("a run that is gone already may be removed again", async () => {
    const runs = await open();
    expect(await runs.remove(queued("train"))).toBe("written");
  });
}
