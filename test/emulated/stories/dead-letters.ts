import { SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { eventually } from "../eventually.ts";
import { SLEEP, type Stage } from "./stage.ts";

/** What nobody could handle is kept, shown, and comes back when it is asked for. */
export function describeDeadLetters({ here, owner, failing, newHost, depth }: Stage): void {
  describe("dead letters", () => {
    test("a message on which its consumer fails five times is kept, told of, and comes back with a redrive", async () => {
      failing.add("poison");
      await here.ask("register", "poison", "--start", "dispatch").left;
      await eventually(
        () => depth(here.output("requeueDeadLetters")),
        (messages) => messages === 1,
      );
      const doctor = here.ask("doctor", "--stack", here.stack);
      expect(await doctor.left).toBe(1);
      expect(doctor.lines.join("\n")).toMatch(/problem\s+requeue dead letters.*\n.*lastbeat redrive requeue/i);
      failing.delete("poison");
      expect(await here.askAs({}, "redrive", "requeue", "--stack", here.stack).left).toBe(0);
      expect((await owner.message("poison", 1)).next.attempt).toBe(1);
    });

    test.skipIf(here.emulator.inside !== undefined)(
      "a notice that cannot be handled is kept, and told again with a redrive",
      async () => {
        const queue = here.output("noticeQueue");
        const set = (seconds: string): Promise<unknown> =>
          here.sqs.send(new SetQueueAttributesCommand({ QueueUrl: queue, Attributes: { VisibilityTimeout: seconds } }));
        await set("1");
        const host = newHost();
        const agent = here.agent(await here.register("on-a-deaf-host", "--lease", "20"), host, ...SLEEP);
        await agent.line(/^up/);
        here.wiretap.fail({
          by: "lastbeat-notice",
          service: "dynamodb",
          status: 400,
          error: "com.amazonaws#AccessDeniedException",
        });
        expect(await here.ask("drain", host).left).toBe(0);
        await eventually(
          () => depth(here.output("noticeDeadLetters")),
          (messages) => messages === 1,
        );
        here.wiretap.fail(undefined);
        expect(await here.askAs({}, "redrive", "notice", "--stack", here.stack).left).toBe(0);
        expect(await agent.left).toBe(82);
        await set("60");
      },
    );
  });
}
