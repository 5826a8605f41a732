import {
  DescribeRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  TestEventPatternCommand,
} from "@aws-sdk/client-eventbridge";
import { beforeAll, describe, expect, test } from "vitest";
import { drill, type Json, ON_BUS, SAYING_NOTHING, spotWarning } from "../../evidence/aws/bus.ts";
import { ACCOUNT, REGION } from "../emulator.ts";
import { SLEEP, type Stage } from "../stories/stage.ts";

/** Without these LocalStack judges no event. */
const ENVELOPE = { id: "1", time: "2026-11-22T12:00:00Z" };

/** Our rules, judged by LocalStack; and an event in the name of AWS, which AWS would refuse from us. */
export function describeRules({ here, owner, newHost }: Stage): void {
  const events = new EventBridgeClient(here.sdk);
  let names: readonly string[] = [];
  let patterns: readonly string[] = [];
  beforeAll(async () => {
    const { Rules = [] } = await events.send(new ListRulesCommand({ NamePrefix: here.output("rulePrefix") }));
    names = Rules.map(({ Name = "" }) => Name);
    const found = await Promise.all(Rules.map(({ Name }) => events.send(new DescribeRuleCommand({ Name }))));
    patterns = found.flatMap(({ EventPattern }) => (EventPattern === undefined ? [] : [EventPattern]));
  });

  /** How many of our rules LocalStack would hand the event to. */
  const takers = async (event: Json): Promise<number> => {
    const answers = await Promise.all(
      patterns.map((EventPattern) =>
        events.send(new TestEventPatternCommand({ EventPattern, Event: JSON.stringify({ ...ENVELOPE, ...event }) })),
      ),
    );
    return answers.filter(({ Result }) => Result === true).length;
  };

  describe.concurrent("the rules", () => {
    test("hand over to the notice queue, and what cannot be handed over to its dead letters", async () => {
      const arnOf = (output: "noticeQueue" | "noticeDeadLetters"): string =>
        `arn:aws:sqs:${REGION}:${ACCOUNT}:${here.output(output).split("/").at(-1)}`;
      const wanted = [{ Arn: arnOf("noticeQueue"), DeadLetterConfig: { Arn: arnOf("noticeDeadLetters") } }];
      for (const Rule of names) {
        const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule }));
        expect(Targets, Rule).toMatchObject(wanted);
      }
      expect(names.length).toBeGreaterThan(5);
    });

    test.each(ON_BUS.map((event) => [event["detail-type"], event] as const))(
      "one takes %s, and its drill",
      async (_, event) => {
        expect(await takers(event)).toBe(1);
        expect(await takers(drill(event))).toBe(1);
      },
    );

    test.each(SAYING_NOTHING)("none takes %s", async (_, event) => {
      expect(await takers(event)).toBe(0);
    });

    test("bring the warning of a spot interruption: its runs are handed over", async () => {
      const host = newHost();
      const first = here.agent(await here.register("warned", "--lease", "20"), host, ...SLEEP);
      await first.line(/^up/);
      const {
        source,
        "detail-type": type,
        resources,
        detail,
      } = spotWarning({ "instance-id": host, "instance-action": "terminate" });
      const { FailedEntryCount } = await events.send(
        new PutEventsCommand({
          Entries: [
            {
              Source: String(source),
              DetailType: String(type),
              Resources: resources as string[],
              Detail: JSON.stringify(detail),
            },
          ],
        }),
      );
      expect(FailedEntryCount).toBe(0);
      const { cause, next } = await owner.message("warned", 2);
      expect({ cause, held: next.held }).toEqual({ cause: "interrupted", held: true });
      expect(await here.agent(next.ticket, newHost(), "true").left).toBe(0);
      expect(await first.left).toBe(82);
      expect((await here.record("warned")).attempts[0]?.evidence).toMatchObject([
        { source: "aws.ec2", kind: "spot-interruption" },
      ]);
    });
  });
}
