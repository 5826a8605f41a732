import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, test } from "vitest";
import { CONTROL, METRICS } from "../../../lib/names.ts";
import { linesOf, logOf } from "../logs.ts";
import type { Stage } from "./stage.ts";

export type Lacks = { readonly problems: readonly string[]; readonly warnings: readonly string[] };

/** What an operator sees. `lacks`: what doctor finds because the emulator is not AWS. */
export function describeOperating({ here, invoke }: Stage, lacks: Lacks): void {
  describe("what an operator sees", () => {
    test("doctor finds nothing but what the emulator lacks", async () => {
      const found = await here.findings();
      expect(found.filter(({ state }) => state === "problem").map(({ check }) => check)).toEqual(lacks.problems);
      expect(found.filter(({ state }) => state === "warning").map(({ check }) => check)).toEqual(lacks.warnings);
      expect(found.length).toBeGreaterThan(10);
    });

    test("the log has the metrics, and no credential", async () => {
      const swept = (await linesOf(here, "sweep")).filter((line) => METRICS.live in line);
      expect(swept.length).toBeGreaterThan(0);
      const verdicts = (await linesOf(here, "sweep")).filter((line) => METRICS.verdicts in line);
      expect(verdicts).toContainEqual(
        expect.objectContaining({ run: "vanished", cause: "lost", [METRICS.cause]: "lost" }),
      );
      for (const name of ["beat", "runner", "owner", "sweep", "notice", "ticker", "canary", "rotate"])
        for (const line of await logOf(here, name)) expect(line, name).not.toMatch(/\.initial\.[A-Za-z0-9_-]{43}/);
    });

    test("the canary was sent by its rule, and got through", async () => {
      const decisions = (await linesOf(here, "canary")).map((line) => line["decision"]);
      expect(decisions).toContain("canary-sang");
    });

    test("the canary gets through; and when it does not, that is written down", async () => {
      expect(await invoke("canary", {})).toEqual({ failed: false });
      if (here.emulator.inside !== undefined) return;
      here.wiretap.fail({ by: "lastbeat-beat", service: "dynamodb", status: 500, error: "InternalServerError" });
      const from = Date.now();
      expect(await invoke("canary", {})).toEqual({ failed: true });
      here.wiretap.fail(undefined);
      const { Item } = await here.dynamodb.send(
        new GetItemCommand({
          TableName: here.output("table"),
          Key: { p: { S: CONTROL.partition }, s: { S: CONTROL.sort } },
          ConsistentRead: true,
        }),
      );
      expect(Number(Item?.[CONTROL.canaryFailed]?.N)).toBeGreaterThanOrEqual(from);
      expect((await here.findings()).find(({ check }) => check === "canary")).toMatchObject({ state: "problem" });
    });
  });
}
