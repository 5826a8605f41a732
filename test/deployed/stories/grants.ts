import { describe, expect, test } from "vitest";
import { callsOf, grantsOf } from "../grants.ts";
import { NOBODY } from "../wiretap.ts";
import type { Stage } from "./stage.ts";

/** Last of all stories: it looks back at what they have called. */
export function describeGrants({ here }: Stage): void {
  describe.skipIf(here.emulator.inside !== undefined)("the grants", () => {
    test("no Lambda was refused anything by IAM", () => {
      expect(here.wiretap.heard.filter(({ by, status }) => by !== NOBODY && status === 403)).toEqual([]);
    });

    test("each role may do what its Lambda has called in all these stories, and nothing else", async () => {
      const grants = grantsOf(here.template());
      expect(Object.keys(grants)).toHaveLength(8);
      expect(callsOf(here.wiretap.heard, await here.physicalIds())).toEqual(grants);
    });
  });
}
