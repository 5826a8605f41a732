import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EvidenceKind } from "../../lib/core/evidence.ts";
import {
  bounded,
  drains,
  EVIDENCE_KINDS,
  type Evidence,
  evidenceOf,
  explaining,
  explains,
  isAbout,
  isWithin,
  knownAs,
  remembered,
  type Stay,
  takes,
  wordsExpire,
} from "../../lib/core/evidence.ts";
import { after, type Instant, instant, seconds } from "../../lib/core/time.ts";
import { at, evidence } from "./runs.ts";

const START = at("12:01:00");
const END = at("12:03:00");
const STAY: Stay = { claimedAt: START, lastBeatAt: at("12:02:30"), endedBy: END };

describe("evidence", () => {
  test.each<EvidenceKind>([
    "spot-interruption",
    "capacity-reservation",
    "evicted",
    "scale-in",
    "maintenance",
    "drain",
    "sigterm",
  ])("of a %s explains the end of an attempt", (kind) => {
    const told = evidence(kind, at("12:02:00"));
    expect(explaining([told], STAY)).toStrictEqual([told]);
  });

  test("of a rebalance recommendation neither explains nor drains: it is advice", () => {
    const advice = evidence("rebalance", at("12:02:00"));
    expect([explaining([advice], STAY), explains(advice), drains(advice)]).toStrictEqual([[], false, false]);
  });

  test.each<EvidenceKind>(["stopping", "terminated"])(
    "of a state change to %s drains and explains nothing: it says that a host goes, not why",
    (kind) => {
      const told = evidence(kind, at("12:02:00"));
      expect([explaining([told], STAY), drains(told)]).toStrictEqual([[], true]);
    },
  );

  test.each<EvidenceKind>(["spot-interruption", "capacity-reservation", "evicted", "scale-in", "drain", "sigterm"])(
    "of a %s drains: what stands on the host should leave it",
    (kind) => {
      expect(drains(evidence(kind, at("12:02:00")))).toBe(true);
    },
  );

  test("of a maintenance drains nothing: it is days away", () => {
    expect(drains(evidence("maintenance", at("12:02:00")))).toBe(false);
  });

  test("takes the host where it says that the host goes, and not that it is drained, maintained or at risk", () => {
    const taking = EVIDENCE_KINDS.filter((kind) => takes(evidence(kind, at("12:02:00"))));
    expect(taking).toStrictEqual([
      "spot-interruption",
      "capacity-reservation",
      "evicted",
      "scale-in",
      "stopping",
      "terminated",
    ]);
    expect(EVIDENCE_KINDS.filter((kind) => takes(evidence(kind, at("12:02:00"), { withdrawn: true })))).toStrictEqual(
      [],
    );
  });

  test("of a notice has the deadline that was told beside it, and else its own", () => {
    const told = evidence("drain", at("12:02:00"), { deadline: at("12:10:00") });
    expect(evidenceOf({ host: "i-0abc", evidence: told })).toStrictEqual(told);
    expect(evidenceOf({ host: "i-0abc", evidence: told, deadline: at("12:05:00") })).toStrictEqual({
      ...told,
      deadline: at("12:05:00"),
    });
  });

  test("counts from 60 s before the attempt stood on the host", () => {
    const told = ["11:59:59.999", "12:00:00"].map((clock) => evidence("evicted", at(clock)));
    expect(explaining(told, STAY)).toStrictEqual(told.slice(1));
  });

  test("counts until 60 s after the attempt's end", () => {
    const told = ["12:04:00", "12:04:00.001"].map((clock) => evidence("evicted", at(clock)));
    expect(explaining(told, STAY)).toStrictEqual(told.slice(0, 1));
  });

  test("counts for an attempt when it falls into its time on the host, 60 s either side", () => {
    fc.assert(
      fc.property(fc.integer({ min: -600_000, max: 600_000 }), (offset) => {
        const told = evidence("spot-interruption", instant(START + offset));
        expect(explaining([told], STAY).length === 1).toBe(offset >= -60_000 && offset <= 180_000);
        expect(isWithin(told.at, START, END)).toBe(offset >= -60_000 && offset <= 180_000);
      }),
    );
  });
});

describe("whoever claims stands on a host that is there", () => {
  const gone = evidence("terminated", at("12:00:00"), { goneAt: at("12:00:15") });

  test("so a host that was gone before was another one of the same name", () => {
    expect(isAbout(gone, at("12:00:15"))).toBe(false);
    expect(isAbout(gone, at("12:00:30"))).toBe(false);
  });

  test("and one that goes after the claim is its own", () => {
    expect(isAbout(gone, at("12:00:14"))).toBe(true);
    expect(isAbout(evidence("spot-interruption", at("12:00:00")), at("12:00:30"))).toBe(true);
  });
});

describe("what was said long before an end", () => {
  const dies = (lastBeatAt: Instant): Stay => ({
    claimedAt: START,
    lastBeatAt,
    endedBy: after(lastBeatAt, seconds(120)),
  });
  const explained = (told: Evidence, lastBeatAt: Instant): boolean => explaining([told], dies(lastBeatAt)).length === 1;

  test("does not explain it: an attempt that has beaten for a quarter of an hour since has survived it", () => {
    const alarm = evidence("spot-interruption", at("12:02:00"));
    expect([explained(alarm, at("12:17:00")), explained(alarm, at("12:17:00.001"))]).toStrictEqual([true, false]);
  });

  test("counts from its deadline, where one was said", () => {
    const drain = evidence("drain", at("12:02:00"), { deadline: at("13:02:00") });
    expect([explained(drain, at("13:17:00")), explained(drain, at("13:17:00.001"))]).toStrictEqual([true, false]);
  });

  test("and was taken back explains nothing, and drains nothing", () => {
    const closed = evidence("maintenance", at("12:02:00"), { withdrawn: true });
    expect([explained(closed, at("12:02:30")), drains({ ...closed, kind: "drain" })]).toStrictEqual([false, false]);
  });

  test("of a host that was gone before the claim is about another host of the same name", () => {
    const gone = evidence("evicted", at("12:00:40"), { goneAt: at("12:00:55") });
    expect(explained(gone, at("12:01:05"))).toBe(false);
  });
});

describe("what is remembered of all that is said about a host", () => {
  const NOW = at("12:00:00");
  const word = (id: string, own: Partial<Evidence> = {}): Evidence => evidence("drain", NOW, { id, ...own });

  test("is the newest of what has one id", () => {
    const [first, second] = [word("a"), word("a", { at: at("12:01:00") })];
    expect(remembered([first], second, NOW)).toStrictEqual([second]);
    const known = [second];
    expect(remembered(known, first, NOW)).toBe(known);
    expect(remembered(known, { ...second }, NOW)).toBe(known);
  });

  test("is a deadline, though the same is told again without one", () => {
    const until = word("a", { deadline: at("13:00:00") });
    const again = word("a", { at: at("12:01:00") });
    expect(remembered([until], again, NOW)).toStrictEqual([{ ...again, deadline: at("13:00:00") }]);
    const known = [until];
    expect(remembered(known, word("a"), NOW)).toBe(known);
    const nearer = word("a", { deadline: at("12:30:00") });
    expect(remembered(known, nearer, NOW)).toStrictEqual([nearer]);
  });

  test("is that a maintenance was called off, also when its announcement comes again", () => {
    const said = (clock: string, own: Partial<Evidence> = {}): Evidence =>
      word("a", { kind: "maintenance", saidAt: at(clock), ...own });
    const announced = said("11:00:00");
    const closed = [said("11:30:00", { withdrawn: true })];
    expect(remembered([announced], closed[0] as Evidence, NOW)).toStrictEqual(closed);
    expect(remembered(closed, announced, NOW)).toBe(closed);
    const again = said("11:40:00", { at: at("12:01:00") });
    expect(remembered(closed, again, NOW)).toStrictEqual([again]);
    const earlier = said("11:50:00", { at: at("11:59:00") });
    expect(remembered([again], earlier, NOW)).toStrictEqual([earlier]);
    const known = [earlier];
    expect(remembered(known, again, NOW)).toBe(known); // another delivery of what was said before
    expect(remembered([said("11:30:00")], closed[0] as Evidence, NOW)).toStrictEqual(closed); // said in the same instant
    expect(remembered(closed, said("11:30:00"), NOW)).toBe(closed);
  });

  test("is whatever is said of a maintenance whose announcement 0.1.0 has kept, without when it was said", () => {
    const kept = word("a", { kind: "maintenance" });
    const moved = word("a", { kind: "maintenance", at: at("11:59:00"), saidAt: at("11:00:00") });
    expect(remembered([kept], moved, NOW)).toStrictEqual([moved]);
  });

  test("is known by its id as it was said last, or as it is where others have displaced it", () => {
    const [first, second] = [word("a"), word("a", { at: at("12:01:00") })];
    expect([knownAs(first, [word("b"), second]), knownAs(first, [word("b")])]).toStrictEqual([second, first]);
  });

  test("is nothing that has happened more than a day ago", () => {
    const [old, ahead] = [word("old"), word("ahead", { deadline: at("12:00:00.001") })];
    expect(remembered([old, ahead], word("b"), after(NOW, seconds(24 * 3600)))).toStrictEqual([ahead, word("b")]);
  });

  test("is kept for so long after the last of it has happened, and after now", () => {
    const expire = (...words: readonly Evidence[]) => wordsExpire(words, NOW, seconds(3600));
    expect([expire(), expire(word("a", { at: at("11:00:00") }))]).toStrictEqual([at("13:00:00"), at("13:00:00")]);
    const ahead = word("b", { at: at("12:10:00"), deadline: at("12:40:00") });
    expect(expire(word("a"), ahead, word("c", { at: at("12:20:00") }))).toBe(at("13:40:00"));
  });

  test("has a bound: a kind that is told very often displaces its own words, and neither its first nor its newest", () => {
    const told = fc.array(
      fc.record({ id: fc.uuid(), kind: fc.constantFrom(...EVIDENCE_KINDS) }).map((own) => word(own.id, own)),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(told, (words) => {
        const known = words.reduce<readonly Evidence[]>((all, one) => remembered(all, one, NOW), []);
        expect(known.length).toBe(Math.min(16, words.length));
        for (const kind of EVIDENCE_KINDS) {
          const mine = words.filter((each) => each.kind === kind);
          if (mine.length === 0) continue;
          expect(known).toContain(mine.at(-1));
          if (mine.length > 1 && known.filter((each) => each.kind === kind).length > 1)
            expect(known).toContain(mine[0]);
        }
      }),
    );
  });

  test("at the end of an attempt is eight words at most", () => {
    const words = Array.from({ length: 30 }, (_, n) => word(String(n)));
    expect(bounded(words, 8).map(({ id }) => id)).toStrictEqual(["0", "23", "24", "25", "26", "27", "28", "29"]);
  });

  test("is one fewer than its kinds where these are more than the places", () => {
    const words = EVIDENCE_KINDS.map((kind) => word(kind, { kind }));
    expect(bounded(words, words.length - 1)).toStrictEqual(words.slice(1));
  });
});
