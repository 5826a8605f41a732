import { EC2Client, RunInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { describe, expect, test } from "vitest";
import { eventually } from "../eventually.ts";
import { SLEEP, type Stage } from "./stage.ts";

/** A machine that ends, and whose events of AWS never come: no emulator sends any. */
export function describeMachines({ here, owner, newHost }: Stage): void {
  describe.concurrent("a machine that ends while nobody tells", () => {
    test("is asked about when its runner misses a beat, long before the lease is over", async () => {
      const ec2 = new EC2Client(here.sdk);
      const { Instances = [] } = await ec2.send(
        new RunInstancesCommand({ ImageId: "ami-0c55b159cbfafe1f0", MinCount: 1, MaxCount: 1 }),
      );
      const host = String(Instances[0]?.InstanceId);
      // The first sweep comes up to two minutes after the deployment, and a beat is missed after 80 s. Before that the machine
      // runs on: an emulator forgets a terminated one within a minute, and EC2 within an hour.
      const first = here.agent(await here.register("untold", "--lease", "200"), host, ...SLEEP);
      const [, pid] = await first.line(/^up (\d+)$/);
      process.kill(first.pid, "SIGKILL"); // the agent first, or it would report the end of its command
      process.kill(Number(pid), "SIGKILL");
      const { lastBeatAt = "" } = await here.record("untold");
      await eventually(
        async () => Date.now() - Date.parse(lastBeatAt),
        (silent) => silent > 80_000,
      );
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [host] }));
      const { next } = await owner.message("untold", 2);
      expect(next.held).toBe(false);
      const { attempts } = await here.record("untold");
      const [evidence] = attempts[0]?.evidence ?? [];
      expect(evidence).toMatchObject({ id: `described-${host}-terminated`, source: "aws.ec2", kind: "terminated" });
      expect(await here.agent(next.ticket, newHost(), "true").left).toBe(0);
    });
  });
}
