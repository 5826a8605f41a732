import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Evidence } from "../../lib/core/evidence.ts";
import { asFence } from "../../lib/core/run.ts";
import { seconds } from "../../lib/core/time.ts";
import type { HostEntry, Hosts } from "../../lib/ports/hosts.ts";
import * as any from "./arbitraries.ts";
import { at, FENCE } from "./samples.ts";

const HOST = "i-0123456789abcdef0";
const EXPIRY = at("23:00:00");
const NOW = at("12:00:03");
const KEPT = seconds(24 * 3600);

const notice = (id: string, time: string): Evidence => ({
  id,
  source: "aws.ec2",
  kind: "spot-interruption",
  at: at(time),
});

/** What any adapter of the hosts has to do. `open` gives an empty store each time. */
export function describeHosts(name: string, open: () => Promise<Hosts>): void {
  describe(`hosts: ${name}`, () => {
    test("nothing is known of a host that nobody told of", async () => {
      const hosts = await open();
      expect(await hosts.evidence(HOST)).toEqual([]);
    });

    test("evidence is kept per host, in the order in which it was told", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("later", "12:00:02"), NOW, KEPT);
      await hosts.record("i-another", notice("another", "12:00:00"), NOW, KEPT);
      await hosts.record(HOST, notice("earlier", "12:00:01"), NOW, KEPT);
      expect(await hosts.evidence(HOST)).toEqual([notice("later", "12:00:02"), notice("earlier", "12:00:01")]);
    });

    test("the same evidence is recorded once, however often it is delivered", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("one", "12:00:01"), NOW, KEPT);
      await hosts.record(HOST, notice("one", "12:00:01"), NOW, KEPT);
      expect(await hosts.evidence(HOST)).toEqual([notice("one", "12:00:01")]);
    });

    test("two pieces of evidence of the same millisecond are two", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("one", "12:00:01"), NOW, KEPT);
      await hosts.record(HOST, notice("two", "12:00:01"), NOW, KEPT);
      expect((await hosts.evidence(HOST)).map(({ id }) => id).toSorted()).toEqual(["one", "two"]);
    });

    test("an attempt that stands on a host is no evidence", async () => {
      const hosts = await open();
      await hosts.enter(HOST, { run: "train", shard: 2, fence: FENCE, at: at("12:00:00") }, EXPIRY);
      await hosts.record(HOST, notice("one", "12:00:01"), NOW, KEPT);
      expect(await hosts.evidence(HOST)).toEqual([notice("one", "12:00:01")]);
    });

    test("no attempt stands on a host that nobody told of", async () => {
      const hosts = await open();
      expect(await hosts.entries(HOST, NOW)).toEqual([]);
    });

    test("the attempts of a host are listed as they were entered, the newest claim first", async () => {
      const hosts = await open();
      const entry = (run: string, time: string): HostEntry => ({ run, shard: 3, fence: FENCE, at: at(time) });
      const [first, second, third] = [
        entry("b", "12:00:00"),
        entry("c", "12:00:00.001"),
        entry("a", "12:00:02"),
      ] as const;
      for (const each of [second, third, first]) await hosts.enter(HOST, each, EXPIRY);
      await hosts.enter("i-another", entry("d", "12:00:01"), EXPIRY);
      expect(await hosts.entries(HOST, NOW)).toEqual([third, second, first]);
    });

    test("two attempts of one run on one host are two, the same one entered again is one", async () => {
      const hosts = await open();
      const entry = { run: "train", shard: 2, fence: FENCE, at: at("12:00:00") };
      const later = { ...entry, fence: asFence(FENCE + 1), at: at("12:05:00") };
      for (const each of [entry, later, later]) await hosts.enter(HOST, each, EXPIRY);
      expect(await hosts.entries(HOST, NOW)).toEqual([later, entry]);
    });

    test("an attempt that is entered again much later keeps the time of its first claim", async () => {
      const hosts = await open();
      const entry = { run: "train", shard: 2, fence: FENCE, at: at("12:00:00") };
      await hosts.enter(HOST, entry, EXPIRY);
      await hosts.enter(HOST, { ...entry, at: at("12:30:00") }, EXPIRY);
      expect(await hosts.entries(HOST, NOW)).toEqual([entry]);
    });

    test("evidence is no attempt that stands on a host", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("one", "12:00:01"), NOW, KEPT);
      expect(await hosts.entries(HOST, NOW)).toEqual([]);
    });

    test("thousands of words about one host leave few, the first and the newest of their kind among them", async () => {
      const hosts = await open();
      const words = Array.from({ length: 40 }, (_, n) => ({
        ...notice(`word-${n}`, "12:00:01"),
        note: "x".repeat(30),
      }));
      await hosts.record(
        HOST,
        { ...notice("proof", "12:00:01"), kind: "terminated", goneAt: at("12:00:01") },
        NOW,
        KEPT,
      );
      for (const word of words) await hosts.record(HOST, word, NOW, KEPT);
      const ids = (await hosts.evidence(HOST)).map(({ id }) => id);
      expect(ids).toHaveLength(16);
      expect(ids).toEqual(expect.arrayContaining(["proof", "word-0", "word-39"]));
    });

    test("of words that are told at once none is lost", async () => {
      const hosts = await open();
      const words = ["1", "2", "3", "4"].map((id) => notice(id, `12:00:0${id}`));
      await Promise.all(words.map((word) => hosts.record(HOST, word, NOW, KEPT)));
      expect((await hosts.evidence(HOST)).map(({ id }) => id).toSorted()).toEqual(["1", "2", "3", "4"]);
    });

    test("a word that is told anew takes the place of what it said before, and an older one does not", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("drain", "12:00:02"), NOW, KEPT);
      await hosts.record(HOST, notice("drain", "12:00:01"), NOW, KEPT);
      expect(await hosts.evidence(HOST)).toEqual([notice("drain", "12:00:02")]);
      await hosts.record(HOST, notice("drain", "12:00:03"), NOW, KEPT);
      expect(await hosts.evidence(HOST)).toEqual([notice("drain", "12:00:03")]);
    });

    const entry = (run: string, time: string) => ({ run, shard: 2, fence: FENCE, at: at(time) });

    test("an attempt that has left its host is not listed, one that late evidence may be about is, with its end", async () => {
      const hosts = await open();
      const [gone, lost] = [entry("gone", "12:00:00"), entry("lost", "12:00:01")];
      for (const each of [gone, lost]) await hosts.enter(HOST, each, EXPIRY);
      await hosts.leave(HOST, gone);
      await hosts.leave(HOST, { run: "nobody", fence: FENCE });
      await hosts.leaveTrace(HOST, { ...lost, endedBy: at("12:05:00") }, EXPIRY);
      expect(await hosts.entries(HOST, NOW)).toEqual([{ ...lost, endedBy: at("12:05:00") }]);
    });

    test("what has ended is listed by its end, from an instant on, and what stands there always", async () => {
      const hosts = await open();
      const [old, last, there] = [entry("old", "11:00:00"), entry("last", "11:00:01"), entry("there", "10:00:00")];
      await hosts.enter(HOST, there, EXPIRY);
      await hosts.leaveTrace(HOST, { ...old, endedBy: at("11:59:59.999") }, EXPIRY);
      await hosts.leaveTrace(HOST, { ...last, endedBy: at("12:00:00") }, EXPIRY);
      expect(await hosts.entries(HOST, at("12:00:00"))).toEqual([{ ...last, endedBy: at("12:00:00") }, there]);
      expect(await hosts.entries(HOST, at("12:00:00.001"))).toEqual([there]);
      expect(await hosts.entries(HOST, at("11:00:00"))).toHaveLength(3);
    });

    test("an attempt that has ended stays so for a claim's write that lands late", async () => {
      const hosts = await open();
      const lost = entry("lost", "12:00:01");
      await hosts.enter(HOST, lost, EXPIRY);
      await hosts.leaveTrace(HOST, { ...lost, endedBy: at("12:05:00") }, EXPIRY);
      await hosts.enter(HOST, { ...lost, at: at("12:06:00") }, EXPIRY);
      expect(await hosts.entries(HOST, NOW)).toEqual([{ ...lost, endedBy: at("12:05:00") }]);
    });

    test("every field of any evidence reads back as it was recorded", async () => {
      const hosts = await open();
      await fc.assert(
        fc.asyncProperty(any.ids, any.evidence, async (name, evidence) => {
          const host = any.unique(name);
          await hosts.record(host, evidence, NOW, KEPT);
          expect(await hosts.evidence(host)).toEqual([evidence]);
        }),
        { numRuns: 25 },
      );
    });
  });
}
