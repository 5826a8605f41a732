import { describe, expect, test } from "vitest";
import { callsOf, deafPollersOf, grantsOf, trespassesOf } from "../grants.ts";
import { PLAIN } from "./plain-template.ts";
import type { Stage } from "./stage.ts";

/** Last of all stories: it looks back at what they have called. */
export function describeGrants({ here }: Stage): void {
  describe.skipIf(here.emulator.inside !== undefined)("the grants", () => {
    test("each role may do what its Lambda has called in all these stories, and nothing else", async () => {
      const grants = grantsOf(here.template());
      expect(Object.keys(grants)).toHaveLength(8);
      const ours = here.wiretap.heard.filter(({ resource }) => !resource.includes(PLAIN));
      expect(callsOf(ours, await here.physicalIds())).toEqual(grants);
    });

    test("no Lambda has touched items beyond the keys that its role names", () => {
      expect(trespassesOf(here.wiretap.heard, here.template())).toEqual([]);
    });

    test("whoever has a queue may receive from it", () => {
      expect(deafPollersOf(here.template())).toEqual([]);
    });
  });
}
