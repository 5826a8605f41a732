import { expect, test } from "vitest";
import type { WhyFrozen } from "../../lib/core/freeze.ts";
import { freezeView } from "../../lib/wire/freeze.ts";
import { at } from "../core/runs.ts";

test.each<WhyFrozen>(["canary", "silence", "witness"])("a freeze for %s is told in RFC 3339", (why) => {
  expect(freezeView({ since: at("12:01:00"), until: at("12:16:00"), why })).toEqual({
    since: "2026-11-22T12:01:00.000Z",
    until: "2026-11-22T12:16:00.000Z",
    why,
  });
});
