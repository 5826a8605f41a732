import { EC2Client, RunInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { describe, expect, test } from "vitest";
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
      const first = here.agent(await here.register("untold", "--lease", "60"), host, ...SLEEP);
      const [, pid] = await first.line(/^up (\d+)$/);
      process.kill(first.pid, "SIGKILL"); // the agent first, or it would report the end of its command
      process.kill(Number(pid), "SIGKILL");
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
