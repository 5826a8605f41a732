import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Evidence } from "../../lib/core/evidence.ts";
import { fence } from "../../lib/core/run.ts";
import type { HostEntry, Hosts } from "../../lib/ports/hosts.ts";
import * as any from "./arbitraries.ts";
import { at, FENCE } from "./samples.ts";

const HOST = "i-0123456789abcdef0";
const EXPIRY = at("23:00:00");

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

    test("evidence is kept per host, in the order of its time", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("later", "12:00:02"), EXPIRY);
      await hosts.record("i-another", notice("another", "12:00:00"), EXPIRY);
      await hosts.record(HOST, notice("earlier", "12:00:01"), EXPIRY);
      expect(await hosts.evidence(HOST)).toEqual([notice("earlier", "12:00:01"), notice("later", "12:00:02")]);
    });

    test("the same evidence is recorded once, however often it is delivered", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("one", "12:00:01"), EXPIRY);
      await hosts.record(HOST, notice("one", "12:00:01"), EXPIRY);
      expect(await hosts.evidence(HOST)).toEqual([notice("one", "12:00:01")]);
    });

    test("two pieces of evidence of the same millisecond are two", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("one", "12:00:01"), EXPIRY);
      await hosts.record(HOST, notice("two", "12:00:01"), EXPIRY);
      expect((await hosts.evidence(HOST)).map(({ id }) => id).toSorted()).toEqual(["one", "two"]);
    });

    test("an attempt that stands on a host is no evidence", async () => {
      const hosts = await open();
      await hosts.enter(HOST, { run: "train", shard: 2, fence: FENCE, at: at("12:00:00") }, EXPIRY);
      await hosts.record(HOST, notice("one", "12:00:01"), EXPIRY);
      expect(await hosts.evidence(HOST)).toEqual([notice("one", "12:00:01")]);
    });

    test("no attempt stands on a host that nobody told of", async () => {
      const hosts = await open();
      expect(await hosts.entries(HOST)).toEqual([]);
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
      expect(await hosts.entries(HOST)).toEqual([third, second, first]);
    });

    test("two attempts of one run on one host are two, the same one entered again is one", async () => {
      const hosts = await open();
      const entry = { run: "train", shard: 2, fence: FENCE, at: at("12:00:00") };
      const later = { ...entry, fence: fence(FENCE + 1), at: at("12:05:00") };
      for (const each of [entry, later, later]) await hosts.enter(HOST, each, EXPIRY);
      expect(await hosts.entries(HOST)).toEqual([later, entry]);
    });

    test("an attempt that is entered again much later keeps the time of its first claim", async () => {
      const hosts = await open();
      const entry = { run: "train", shard: 2, fence: FENCE, at: at("12:00:00") };
      await hosts.enter(HOST, entry, EXPIRY);
      await hosts.enter(HOST, { ...entry, at: at("12:30:00") }, EXPIRY);
      expect(await hosts.entries(HOST)).toEqual([entry]);
    });

    test("evidence is no attempt that stands on a host", async () => {
      const hosts = await open();
      await hosts.record(HOST, notice("one", "12:00:01"), EXPIRY);
      expect(await hosts.entries(HOST)).toEqual([]);
    });

    test("evidence that is more than one answer of the store holds is read whole", async () => {
      const hosts = await open();
      const long = ["1", "2", "3", "4"].map((id) => ({ ...notice(id, `12:00:0${id}`), source: "x".repeat(370_000) }));
      for (const each of long) await hosts.record(HOST, each, EXPIRY);
      expect((await hosts.evidence(HOST)).map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
    });

    test("every field of any evidence reads back as it was recorded", async () => {
      const hosts = await open();
      await fc.assert(
        fc.asyncProperty(any.ids, any.evidence, async (name, evidence) => {
          const host = any.unique(name);
          await hosts.record(host, evidence, EXPIRY);
          expect(await hosts.evidence(host)).toEqual([evidence]);
        }),
        { numRuns: 25 },
      );
    });
  });
}
