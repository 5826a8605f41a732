import { describe, expect, test } from "vitest";
import type { Oddities } from "../../lib/ports/records.ts";
import { at } from "./samples.ts";

/** A store of odd events that a test can look into: the beginning of each text, with the reason. */
export type SeenOddities = Oddities & { seen(): Promise<readonly { text: string; why: string }[]> };

const EXPIRY = at("23:00:00");

/** What any adapter of the oddities has to do. `open` gives an empty store each time. */
export function describeOddities(name: string, open: () => Promise<SeenOddities>): void {
  describe(`oddities: ${name}`, () => {
    test("an odd event is kept with the reason", async () => {
      const oddities = await open();
      await oddities.keep('{"source":"aws.moon"}', "no known kind of event", at("12:00:00"), EXPIRY);
      expect(await oddities.seen()).toEqual([{ text: '{"source":"aws.moon"}', why: "no known kind of event" }]);
    });

    test("the same odd event is kept once, however often it is delivered", async () => {
      const oddities = await open();
      await oddities.keep("odd", "why", at("12:00:00"), EXPIRY);
      await oddities.keep("odd", "why", at("12:00:01"), EXPIRY);
      expect(await oddities.seen()).toHaveLength(1);
    });

    test("two odd events are two, although they begin alike", async () => {
      const oddities = await open();
      const long = "x".repeat(20_000);
      await oddities.keep(`${long}1`, "why", at("12:00:00"), EXPIRY);
      await oddities.keep(`${long}2`, "why", at("12:00:00"), EXPIRY);
      expect(await oddities.seen()).toHaveLength(2);
    });

    test.each([
      ["of 250 kB", "x".repeat(250_000)],
      ["of letters of four bytes", "\u{1f480}".repeat(60_000)],
      ["of halves of surrogate pairs", "\ud800".repeat(9000)],
      ["of no letters at all", ""],
    ])("an event %s is kept by its beginning", async (_, text) => {
      const oddities = await open();
      await oddities.keep(text, "too much", at("12:00:00"), EXPIRY);
      expect(await oddities.seen()).toMatchObject([{ why: "too much" }]);
    });
  });
}
