import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, test } from "vitest";
import type { Deployment } from "../deployment.ts";
import { eventually } from "../eventually.ts";
import { SLEEP, type Stage } from "./stage.ts";

/** Runs that end well, vanish, crash, are handed over, drained, canceled. */
export function describeRuns({ here, owner, folder, newHost }: Stage): void {
  describe.concurrent("a run in the account", () => {
    test("succeeds through the REST API too", async () => {
      const ticket = await here.register("by-rest");
      const { left } = here.agent(ticket, newHost(), "true");
      expect(await left).toBe(0);
      expect(await here.json("show", "by-rest", "--url", here.url("restApi"))).toMatchObject({ outcome: "succeeded" });
    });

    test("that vanishes is found by the rule of every minute, and goes on with the message from the real queue", async () => {
      const ticket = await here.register("vanished", "--lease", "5");
      const first = here.agent(ticket, newHost(), ...SLEEP);
      const [, pid] = await first.line(/^up (\d+)$/);
      process.kill(first.pid, "SIGKILL"); // the agent first, or it would report the end of its command
      process.kill(Number(pid), "SIGKILL");
      const { cause, next, previous } = await owner.message("vanished", 2);
      expect({ cause, held: next.held, previous }).toMatchObject({
        cause: "lost",
        held: false,
        previous: { attempt: 1 },
      });
      const second = here.agent(next.ticket, newHost(), "true");
      expect(await second.left).toBe(0);
      expect(await here.record("vanished")).toMatchObject({
        outcome: "succeeded",
        spent: { losses: 1 },
        attempts: [{ cause: "lost", charged: "losses" }, { cause: "succeeded" }],
      });
    });

    test("is handed over by a drill that goes through the real rule: told at once, held until the old attempt is gone", async () => {
      const host = newHost();
      const first = here.agent(await here.register("drilled", "--lease", "20"), host, ...SLEEP);
      await first.line(/^up/);
      expect(await here.ask("drill", "spot", host, "--stack", here.stack).left).toBe(0);
      const { cause, next } = await owner.message("drilled", 2);
      expect({ cause, held: next.held }).toEqual({ cause: "interrupted", held: true });
      const second = here.agent(next.ticket, newHost(), "sh", "-c", "echo second");
      expect(await first.left).toBe(82);
      await second.line(/^second$/);
      expect(await second.left).toBe(0);
      const { attempts } = await here.record("drilled");
      expect(attempts).toMatchObject([{ cause: "interrupted", charged: "interruptions" }, { cause: "succeeded" }]);
      expect(attempts[0]?.evidence).toMatchObject([{ source: "lastbeat.drill", kind: "spot-interruption" }]);
      expect(Date.parse(attempts[1]?.claimedAt ?? "")).toBeGreaterThanOrEqual(
        Date.parse(attempts[0]?.endedAt ?? "") - 1,
      );
    });

    test("that its owner does not start himself is announced at once", async () => {
      await here.ask("register", "dispatched", "--start", "dispatch").left;
      const { cause, next } = await owner.message("dispatched", 1);
      expect(cause).toBe("first");
      expect(await here.agent(next.ticket, newHost(), "true").left).toBe(0);
    });

    test("that crashes with budget left is announced by its own report", async () => {
      const spec = join(folder, "crash.json");
      writeFileSync(spec, JSON.stringify({ budgets: { crashes: 1 }, backoff: { baseSeconds: 0 } }));
      expect(
        await here.agent(await here.register("crashed", "--spec", spec), newHost(), "sh", "-c", "exit 3").left,
      ).toBe(3);
      const { cause, next } = await owner.message("crashed", 2);
      expect(cause).toBe("crashed");
      expect(await here.agent(next.ticket, newHost(), "true").left).toBe(0);
    });

    test("hears of its own SIGTERM, and of a drain of its host", async () => {
      const [one, other] = [newHost(), newHost()];
      // One that ends at once would leave before the word of its SIGTERM was out.
      const slowly = "trap 'sleep 1; trap - TERM; kill $$' TERM; echo up; while :; do sleep 0.1; done";
      const terminated = here.agent(await here.register("terminated"), one, "sh", "-c", slowly);
      await terminated.line(/^up/);
      terminated.child.kill("SIGTERM");
      expect(await terminated.left).toBe(143);
      const drained = here.agent(await here.register("drained", "--lease", "20"), other, ...SLEEP);
      await drained.line(/^up/);
      expect(await here.ask("drain", other, "--reason", "maintenance").left).toBe(0);
      expect(await drained.left).toBe(82);
      expect(await here.record("drained")).toMatchObject({ attempts: [{ cause: "interrupted" }] });
    });

    test("that is canceled while nobody holds it any more ends when its lease is over", async () => {
      const first = here.agent(await here.register("canceled", "--lease", "5"), newHost(), ...SLEEP);
      const [, pid] = await first.line(/^up (\d+)$/);
      process.kill(first.pid, "SIGKILL");
      process.kill(Number(pid), "SIGKILL");
      expect(await here.ask("cancel", "canceled").left).toBe(0);
      const ended = await eventually(
        () => here.record("canceled"),
        ({ state }) => state === "ended",
      );
      expect(ended).toMatchObject({ outcome: "canceled" });
      expect(await liveItem(here)).toBeDefined();
    });
  });
}

/** What comes a minute after the end of a run of describeRuns: time for other stories in between. */
export function describeRemoval({ here }: Stage): void {
  describe("a run that has ended", () => {
    test("is removed by a sweep a minute later, and its record stays", async () => {
      await eventually(
        () => liveItem(here),
        (found) => found === undefined,
      );
      expect(await here.record("canceled")).toMatchObject({ outcome: "canceled" });
    });
  });
}

/** The item in the table that sweeps look at. */
const liveItem = ({ dynamodb, output }: Deployment): Promise<unknown> =>
  dynamodb
    .send(
      new GetItemCommand({
        TableName: output("table"),
        Key: { p: { S: "L#0" }, s: { S: "canceled" } },
        ConsistentRead: true,
      }),
    )
    .then(({ Item }) => Item);
