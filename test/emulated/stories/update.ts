import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../eventually.ts";
import type { Stage } from "./stage.ts";

/**
 * An update of the stack under a live run. By itself: while MiniStack replaces a Lambda it answers 502, where AWS lets the old
 * one finish. Agents get over that; the one-off calls of the other stories would not.
 */
export function describeUpdate({ here, folder, settings, newHost }: Stage): void {
  describe("a run that is live", () => {
    test("is not disturbed by an update of the stack: none is lost, old tokens and tickets are good", async () => {
      const go = join(folder, "go");
      const script = `echo up; while [ ! -e ${go} ]; do sleep 0.2; done`;
      const before = await here.register("across-the-update", "--lease", "30");
      const early = await here.register("claimed-after-the-update");
      const long = here.agent(before, newHost(), "sh", "-c", script);
      await long.line(/^up/);
      // Other code, more shards, another memory: what an upgrade changes.
      const anotherBuild =
        'node scripts/build.ts && for f in dist/lambdas/*/index.mjs; do echo "//another" >> $f; done';
      await here.deploy({ ...settings, expectedRuns: "20000" }, anotherBuild);
      const updatedAt = Date.now();
      const beaten = await eventually(
        () => here.record("across-the-update"),
        ({ lastBeatAt = "" }) => Date.parse(lastBeatAt) > updatedAt + 1000,
      );
      expect(beaten).toMatchObject({ state: "running", attempt: 1 });
      expect(await here.agent(early, newHost(), "true").left).toBe(0);
      writeFileSync(go, "");
      expect(await long.left).toBe(0);
      expect(await here.record("across-the-update")).toMatchObject({ outcome: "succeeded", attempt: 1 });
      expect(await here.agent(await here.register("registered-after"), newHost(), "true").left).toBe(0);
    });
  });
}
