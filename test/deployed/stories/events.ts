import { randomUUID } from "node:crypto";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { describe, test } from "vitest";
import { dynamoHosts } from "../../../lib/aws/hosts.ts";
import { fence } from "../../../lib/core/run.ts";
import { instant } from "../../../lib/core/time.ts";
import { eventually } from "../eventually.ts";
import { linesOf } from "../logs.ts";
import type { Stage } from "./stage.ts";

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

    test.skipIf(here.emulator.inside !== undefined)(
      "about a host with more attempts than one message takes is told in several",
      async () => {
        const host = newHost();
        const ports = dynamoHosts({ client: here.dynamodb, table: here.output("table") });
        const at = instant(Date.now());
        for (let n = 0; n < 201; n += 1)
          await ports.enter(host, { run: `seeded-${n}`, shard: 0, fence: fence(1), at }, instant(at + 3_600_000));
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
