import { randomUUID } from "node:crypto";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { describe, expect, test } from "vitest";
import { DRILL_SOURCE } from "../../../lib/names.ts";
import type { Deployment } from "../deployment.ts";
import { ACCOUNT } from "../emulator.ts";
import { eventually } from "../eventually.ts";
import { SLEEP, type Stage } from "./stage.ts";

/** What an emulator can do of it. */
type Able = {
  /** It knows policies of event buses. */
  readonly buses: boolean;
  /** A table outlives a change of its properties. */
  readonly keys: boolean;
};

/** The settings that an account asks for: a stack that has them all, and then none of them again, under live runs. */
export function describeAccount({ here, settings, newHost }: Stage, able: Able): void {
  describe("an account with guardrails and neighbours", () => {
    test("turns its settings on: runs live through that, by another key, bus and role", async () => {
      const { KeyMetadata } = await new KMSClient(here.sdk).send(new CreateKeyCommand({}));
      const { TopicArn } = await new SNSClient(here.sdk).send(new CreateTopicCommand({ Name: "alarms" }));
      const before = await here.register("registered-before-the-settings");
      await here.deploy({
        ...settings,
        ...(able.keys && { kmsKeyArn: String(KeyMetadata?.Arn) }),
        alarmTopicArn: String(TopicArn),
        accessLogs: "true",
        ...(able.buses && { forwarderAccounts: ACCOUNT }),
        ownerPrincipals: ACCOUNT,
        reservedConcurrency: '{"beat":20,"notice":5}',
        requeueVisibilitySeconds: "90",
      });
      expect(await here.agent(before, newHost(), "true").left).toBe(0);
      await expectSettings(here);

      // An owner of another account assumes the role; an emulator's root user may do that, too.
      const { Credentials } = await new STSClient(here.sdk).send(
        new AssumeRoleCommand({ RoleArn: here.output("ownerRole"), RoleSessionName: "airflow" }),
      );
      const assumed = {
        AWS_ACCESS_KEY_ID: String(Credentials?.AccessKeyId),
        AWS_SECRET_ACCESS_KEY: String(Credentials?.SecretAccessKey),
        AWS_SESSION_TOKEN: String(Credentials?.SessionToken),
      };
      const host = newHost();
      const asOwner = here.askAs(assumed, "register", "by-the-role", "--ticket", "--url", here.url());
      expect(await asOwner.left, asOwner.errors.join("\n")).toBe(0);
      const leaving = here.agent(String(asOwner.lines.at(-1)), host, ...SLEEP);
      await leaving.line(/^up/);

      // What comes by the bus of forwarders tells the run to leave. It is a drill of this account: no emulator plays another one's.
      const bus = able.buses ? here.output("forwarderBus") : "default";
      const { Entries = [] } = await new EventBridgeClient(here.sdk).send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: bus,
              Source: DRILL_SOURCE,
              DetailType: "EC2 Spot Instance Interruption Warning",
              Detail: JSON.stringify({ "instance-id": host, "instance-action": "terminate", nonce: randomUUID() }),
            },
          ],
        }),
      );
      expect(Entries.map(({ ErrorCode }) => ErrorCode)).toEqual([undefined]);
      const { attempts } = await eventually(
        () => here.record("by-the-role"),
        (record) => record.attempts[0]?.cause !== undefined,
      );
      expect(attempts[0]).toMatchObject({ cause: "interrupted", evidence: [{ kind: "spot-interruption" }] });
    });

    test("turns them off again", async () => {
      const during = await here.register("registered-with-the-settings");
      await here.deploy(settings);
      expect(await here.agent(during, newHost(), "true").left).toBe(0);
      expect(await here.record("by-the-role")).toMatchObject({ run: "by-the-role" });
      expect(() => here.output("ownerRole")).toThrow();
    });
  });
}

/** What the account then shows of the settings, asked of the services themselves. */
async function expectSettings(here: Deployment): Promise<void> {
  const queue = new GetQueueAttributesCommand({
    QueueUrl: here.output("requeueQueue"),
    AttributeNames: ["VisibilityTimeout"],
  });
  expect((await here.sqs.send(queue)).Attributes?.["VisibilityTimeout"]).toBe("90");
  // Neither emulator heeds reserved concurrency when a function is updated: what was deployed has it.
  const reserved = Object.entries(here.template().Resources).flatMap(([id, { Properties }]) => {
    const count = Properties?.["ReservedConcurrentExecutions"];
    return count === undefined ? [] : [[/Lambdas(\w+?)Function/.exec(id)?.[1], count]];
  });
  expect(Object.fromEntries(reserved)).toEqual({ beat: 20, notice: 5 });
  expect([...(await here.physicalIds()).keys()].filter((id) => id.includes("AccessLogs"))).not.toEqual([]);
}
