import { randomUUID } from "node:crypto";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { dynamoHosts } from "../../../lib/adapters/aws/hosts.ts";
import { dynamoRuns } from "../../../lib/adapters/aws/runs.ts";
import { asFence, type Run } from "../../../lib/core/run.ts";
import { instant } from "../../../lib/core/time.ts";
import { parseBearer } from "../../../lib/wire/credentials.ts";
import { eventually } from "../eventually.ts";
import { linesOf } from "../logs.ts";
import { SLEEP, type Stage } from "./stage.ts";

export function describeEvents({ here, newHost }: Stage): void {
  describe.concurrent("what AWS says", () => {
    test("and nobody understands is kept for people, and stops nothing", async () => {
      const odd = JSON.stringify({
        source: "aws.ec2",
        "detail-type": "EC2 Something New",
        detail: { marker: randomUUID() },
      });
      await here.sqs.send(new SendMessageCommand({ QueueUrl: here.output("noticeQueue"), MessageBody: odd }));
      await eventually(
        async () => (await linesOf(here, "notice")).map((line) => line["decision"]),
        (decisions) => decisions.includes("not-understood"),
      );
    });

    test("of a host that is gone ends its attempt at once, long before its lease is over", async () => {
      const host = newHost();
      const gone = here.agent(await here.register("stood-there", "--lease", "600"), host, ...SLEEP);
      const [, pid] = await gone.line(/^up (\d+)$/);
      for (const each of [gone.pid, Number(pid)]) process.kill(each, "SIGKILL");
      // Two clocks may differ: a host that went in the very second of a claim may be another one of that name.
      const claimedAt = Date.parse((await here.record("stood-there")).attempts[0]?.claimedAt ?? "");
      await eventually(
        async () => Date.now(),
        (now) => now > claimedAt + 1500,
      );
      const terminated = JSON.stringify({
        id: randomUUID(),
        source: "aws.ec2",
        "detail-type": "EC2 Instance State-change Notification",
        time: new Date().toISOString(),
        resources: [],
        detail: { "instance-id": host, state: "terminated" },
      });
      await here.sqs.send(new SendMessageCommand({ QueueUrl: here.output("noticeQueue"), MessageBody: terminated }));
      const { attempts } = await eventually(
        () => here.record("stood-there"),
        (record) => record.attempts[0]?.cause !== undefined,
      );
      expect(attempts).toMatchObject([{ cause: "lost", evidence: [{ kind: "terminated" }] }]);
    });

    test("has not been settled yet is settled by an owner who comes first", async () => {
      const store = { client: here.dynamodb, table: here.output("table") };
      const ticket = parseBearer(`Bearer ${await here.register("owing")}`)?.claims;
      const run = ticket === undefined ? undefined : await dynamoRuns(store).read(ticket);
      if (run === undefined) throw new Error("the run has no item");
      const at = instant(Date.now());
      const host = newHost();
      const ended = {
        attempt: 1,
        fence: run.fence,
        cause: "lost",
        claimedAt: at,
        lastBeatAt: at,
        endedAt: at,
        host,
      } as const;
      await dynamoHosts(store).enter(
        host,
        { run: run.run, shard: run.shard, fence: run.fence, at },
        instant(at + 3_600_000),
      );
      const next = { ...run, rev: run.rev + 1, attempt: 2, fence: asFence(run.fence + 1), charges: "l" };
      const debt = { since: at, ledger: { ...ended, evidence: [] } };
      expect(await dynamoRuns(store).replace(run, { ...next, debt } as Run)).toBe("written");
      expect(await here.ask("cancel", "owing").left).toBe(0);
      expect((await here.record("owing")).attempts).toMatchObject([{ cause: "lost" }, {}]);
    });

    test.skipIf(here.emulator.inside !== undefined)(
      "about a host with more attempts than one message takes is told in several",
      async () => {
        const host = newHost();
        const ports = dynamoHosts({ client: here.dynamodb, table: here.output("table") });
        const at = instant(Date.now());
        for (let n = 0; n < 201; n += 1)
          await ports.enter(host, { run: `seeded-${n}`, shard: 0, fence: asFence(1), at }, instant(at + 3_600_000));
        const before = here.wiretap.heard.length;
        await here.ask("drain", host).left;
        await eventually(
          async () => here.wiretap.heard.slice(before),
          (heard) =>
            heard.some(({ by, resource }) => by === "lastbeat-notice" && resource === here.output("noticeQueue")),
        );
      },
    );
  });
}
