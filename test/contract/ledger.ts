import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Evidence, EvidenceKind } from "../../lib/core/evidence.ts";
import { asFence, type Fence } from "../../lib/core/run.ts";
import type { Ledger, LedgerClaim } from "../../lib/ports/records.ts";
import * as any from "./arbitraries.ts";
import { at, FENCE, lost } from "./samples.ts";

const EXPIRY = at("23:00:00");

const claimed: LedgerClaim = {
  attempt: 1,
  fence: FENCE,
  claimedAt: at("12:00:00"),
  holder: { id: "00112233445566778899aabbccddeeff", host: "i-0123456789abcdef0", zone: "use1-az4" },
};

/** What any adapter of the ledger has to do. `open` gives an empty store each time. */
export function describeLedger(name: string, open: () => Promise<Ledger>): void {
  describe(`ledger: ${name}`, () => {
    describeLines(open);
    describeRefusals(open);
    describeEnds(open);
    describeLists(open);
  });
}

function describeLines(open: () => Promise<Ledger>): void {
  test("an attempt that nothing is known of has no line", async () => {
    const ledger = await open();
    expect(await ledger.read("train", FENCE)).toBeUndefined();
  });

  test("a claim makes the line of its attempt", async () => {
    const ledger = await open();
    await ledger.claim("train", claimed);
    expect(await ledger.read("train", FENCE)).toEqual({ fence: FENCE, claim: claimed });
  });

  test("claim and end of an attempt share its line, in whatever order they come", async () => {
    const ledger = await open();
    await ledger.claim("train", claimed);
    await ledger.end("train", lost, "l", 7, EXPIRY);
    await ledger.end("serve", lost, "l", 7, EXPIRY);
    await ledger.claim("serve", claimed);
    const whole = { fence: FENCE, claim: claimed, end: { ...lost, charge: "l" } };
    expect(await ledger.read("train", FENCE)).toEqual(whole);
    expect(await ledger.read("serve", FENCE)).toEqual(whole);
  });

  test("a late success is noted on a line that exists", async () => {
    const ledger = await open();
    await ledger.end("train", lost, "l", 7, EXPIRY);
    await ledger.noteLateSuccess("train", FENCE, at("12:05:00.250"));
    expect(await ledger.read("train", FENCE)).toEqual({
      fence: FENCE,
      end: { ...lost, charge: "l" },
      lateSuccessAt: at("12:05:00.250"),
    });
  });

  test("of a runner's words the newest of each kind is kept, on the line of its attempt", async () => {
    const ledger = await open();
    await ledger.claim("train", claimed);
    expect(await ledger.hear("train", FENCE, word("one", "sigterm"))).toBe("written");
    expect(await ledger.hear("train", FENCE, word("two", "sigterm"))).toBe("stale");
    expect(await ledger.hear("train", FENCE, word("three", "spot-interruption"))).toBe("written");
    expect(await ledger.hear("train", FENCE, word("four", "sigterm", "12:00:31"))).toBe("written");
    expect(await ledger.hear("train", FENCE, word("five", "sigterm", "12:00:30.999"))).toBe("stale");
    const line = await ledger.read("train", FENCE);
    expect(line).toMatchObject({ fence: FENCE, claim: claimed });
    expect(line?.words?.map(({ id }) => id).toSorted()).toEqual(["four", "three"]);
    expect(await ledger.hear("nobody", FENCE, word("one", "sigterm"))).toBe("stale");
    expect(await ledger.read("nobody", FENCE)).toBeUndefined();
  });

  test("a late success of an unknown attempt makes no line", async () => {
    const ledger = await open();
    await ledger.noteLateSuccess("train", FENCE, at("12:05:00"));
    expect(await ledger.read("train", FENCE)).toBeUndefined();
    expect(await ledger.list("train", asFence(0))).toEqual([]);
  });

  test("every field of a line reads back as it was written", async () => {
    const ledger = await open();
    await fc.assert(
      fc.asyncProperty(any.ids, any.ledgerEnds, fc.dictionary(fc.string(), fc.string()), async (id, end, holder) => {
        const run = any.unique(id);
        const claim: LedgerClaim = { ...claimed, fence: end.fence, holder: { ...holder } };
        await ledger.claim(run, claim);
        expect(await ledger.end(run, end, "i", 1, EXPIRY)).toBe("written");
        expect(await ledger.read(run, end.fence)).toEqual({ fence: end.fence, claim, end: { ...end, charge: "i" } });
      }),
      { numRuns: 50 },
    );
  });
}

const word = (id: string, kind: EvidenceKind, time = "12:00:30"): Evidence => ({
  id,
  source: "runner",
  kind,
  at: at(time),
});

function describeRefusals(open: () => Promise<Ledger>): void {
  test("why an attempt could not be started is known before anybody claims it, and stays beside its end", async () => {
    const ledger = await open();
    const expiry = at("23:00:00");
    expect(await ledger.refuse("train", FENCE, word("one", "refused"), expiry)).toBe("written");
    expect(await ledger.refuse("train", FENCE, word("one", "refused"), expiry)).toBe("stale");
    expect(await ledger.read("train", FENCE)).toEqual({ fence: FENCE, words: [word("one", "refused")] });
    expect(await ledger.list("train", FENCE)).toHaveLength(1);
    expect(await ledger.end("train", lost, "l", 7, EXPIRY)).toBe("written");
    expect(await ledger.read("train", FENCE)).toMatchObject({ words: [{ id: "one" }], end: { charge: "l" } });
  });
}

function describeEnds(open: () => Promise<Ledger>): void {
  test("an end is written once per rev", async () => {
    const ledger = await open();
    expect(await ledger.end("train", lost, "l", 7, EXPIRY)).toBe("written");
    expect(await ledger.end("train", { ...lost, cause: "interrupted" }, "i", 7, EXPIRY)).toBe("stale");
    expect((await ledger.read("train", FENCE))?.end).toEqual({ ...lost, charge: "l" });
  });

  test("an end of a newer rev takes the place of an older one, and keeps the claim", async () => {
    const ledger = await open();
    await ledger.claim("train", claimed);
    await ledger.end("train", lost, "l", 7, EXPIRY);
    const refunded = { ...lost, cause: "interrupted" as const };
    expect(await ledger.end("train", refunded, "i", 8, EXPIRY)).toBe("written");
    expect(await ledger.read("train", FENCE)).toEqual({
      fence: FENCE,
      claim: claimed,
      end: { ...refunded, charge: "i" },
    });
  });

  test("a slow writer of an older rev never lands last", async () => {
    const ledger = await open();
    await ledger.end("train", { ...lost, cause: "interrupted" }, "i", 8, EXPIRY);
    expect(await ledger.end("train", lost, "l", 7, EXPIRY)).toBe("stale");
    expect((await ledger.read("train", FENCE))?.end?.charge).toBe("i");
  });

  test("of ends that come in any order, the one of the newest rev stays", async () => {
    const ledger = await open();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), async (revs) => {
        const run = any.unique("train");
        for (const rev of revs) await ledger.end(run, lost, String(rev), rev, EXPIRY);
        expect((await ledger.read(run, FENCE))?.end?.charge).toBe(String(Math.max(...revs)));
      }),
      { numRuns: 20 },
    );
  });

  test("a claim that is told again leaves end and late success alone", async () => {
    const ledger = await open();
    await ledger.end("train", lost, "l", 7, EXPIRY);
    await ledger.noteLateSuccess("train", FENCE, at("12:05:00"));
    await ledger.claim("train", claimed);
    await ledger.claim("train", claimed);
    expect(await ledger.read("train", FENCE)).toEqual({
      fence: FENCE,
      claim: claimed,
      end: { ...lost, charge: "l" },
      lateSuccessAt: at("12:05:00"),
    });
  });
}

/** A message so long that three lines do not fit into one answer of the store (1 MB). */
const LONG_MESSAGE = "x".repeat(370_000);

function describeLists(open: () => Promise<Ledger>): void {
  const fencesOf = async (ledger: Ledger, run: string, from: Fence): Promise<Fence[]> =>
    (await ledger.list(run, from)).map((line) => line.fence);

  test("a run without attempts has an empty ledger", async () => {
    const ledger = await open();
    expect(await ledger.list("train", asFence(0))).toEqual([]);
  });

  test("lines are listed whole", async () => {
    const ledger = await open();
    await ledger.claim("train", claimed);
    await ledger.end("train", lost, "l", 7, EXPIRY);
    expect(await ledger.list("train", FENCE)).toEqual([
      { fence: FENCE, claim: claimed, end: { ...lost, charge: "l" } },
    ]);
  });

  test("lines are listed in the order of their fences from one on, however many digits those have", async () => {
    const ledger = await open();
    const fences = fc.uniqueArray(any.fences, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fences, fc.nat(4), async (unordered, from) => {
        const run = any.unique("train");
        for (const each of unordered) await ledger.claim(run, { ...claimed, fence: each });
        const ordered = unordered.toSorted((one, other) => one - other);
        const first = ordered[from % ordered.length] ?? asFence(0);
        expect(await fencesOf(ledger, run, first)).toEqual(ordered.filter((each) => each >= first));
        expect(await fencesOf(ledger, run, asFence(first + 1))).toEqual(ordered.filter((each) => each > first));
      }),
      { numRuns: 20, examples: [[[asFence(10), asFence(9), asFence(100)], 0]] },
    );
  });

  test("a run whose id begins like another's has lines of its own", async () => {
    const ledger = await open();
    await ledger.claim("train", claimed);
    await ledger.claim("train-2", { ...claimed, fence: asFence(FENCE + 1) });
    expect(await fencesOf(ledger, "train", asFence(0))).toEqual([FENCE]);
  });

  test("a ledger that is longer than one answer of the store is listed whole", async () => {
    const ledger = await open();
    const fences = [0, 1, 2, 3].map((n) => asFence(FENCE + n));
    const report = { outcome: "failed" as const, message: LONG_MESSAGE };
    for (const each of fences) await ledger.end("train", { ...lost, fence: each, report }, "c", 7, EXPIRY);
    expect(await fencesOf(ledger, "train", FENCE)).toEqual(fences);
  });
}
