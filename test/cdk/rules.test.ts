import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OUTPUTS } from "../../lib/names.ts";
import {
  drill,
  eviction,
  fromTrail,
  groupActivity,
  type Json,
  maintenance,
  ON_BUS,
  parsed,
  rebalanceRecommendation,
  reservationWarning,
  SAYING_NOTHING,
  spotWarning,
  stateChange,
  terminateAction,
} from "../evidence/aws/bus.ts";
import { matches, noticeRules } from "./patterns.ts";
import { idOf, outputOf, resourcesOf, templateOf, type Value } from "./synthesis.ts";

const TEMPLATE = templateOf();
const RULES = noticeRules(TEMPLATE);
const PREFIX = "Lastbeat-notice-";

/** What the names of the rules that an event matches end with. */
const takenBy = (event: unknown): readonly string[] =>
  [...RULES.values()]
    .filter(({ Properties }) => matches(Properties.EventPattern, event))
    .map(({ Properties }) => Properties.Name.replace(PREFIX, ""));

describe("the judge of patterns", () => {
  const pattern = { source: ["aws.ec2"], detail: { state: ["stopped", "terminated"] } };

  test.each([
    [{ source: "aws.ec2", detail: { state: "stopped" } }, true],
    [{ source: "aws.ec2", detail: { state: ["running", "stopped"] } }, true],
    [{ source: "aws.ec2", detail: { state: "stop" } }, false],
    [{ source: "aws.ec2", detail: {} }, false],
    [{ source: "aws.ec2" }, false],
    [{ detail: { state: "stopped" } }, false],
  ])("knows of %j whether it matches: %s", (event, isTaken) => {
    expect(matches(pattern, event)).toBe(isTaken);
  });
});

describe("an event that says something about hosts", () => {
  test.each([
    ["spot-interruption", spotWarning()],
    ["rebalance", rebalanceRecommendation()],
    ["state-change", stateChange("stopping")],
    ["state-change", stateChange("stopped")],
    ["state-change", stateChange("shutting-down")],
    ["state-change", stateChange("terminated")],
    ["capacity-reservation", reservationWarning()],
    ["bid-evicted", fromTrail(eviction(["i-0b662ef9931388ba0"]))],
    ["scale-in", terminateAction()],
    ["scale-in", groupActivity("Terminate Successful", "a user request")],
    ["health", maintenance()],
  ])("is taken by the rule %s alone, and so is its drill", (name, event) => {
    expect(parsed(event).kind).toBe("notices");
    expect(takenBy(event)).toEqual([name]);
    expect(takenBy(drill(event))).toEqual([name]);
  });

  test("is among the events of the bus that the parser knows, and none of those is missed", () => {
    expect(ON_BUS.length).toBeGreaterThan(8);
    expect(ON_BUS.filter((event) => takenBy(event).length !== 1)).toEqual([]);
  });

  test("is played under the same rule as it comes: there is no rule that a drill does not reach", () => {
    const sources = [...RULES.values()].map(({ Properties }) => Properties.EventPattern["source"]);
    expect(sources.filter((each) => !Array.isArray(each) || each.at(-1) !== "lastbeat.drill")).toEqual([]);
  });
});

describe("a kind of event", () => {
  const source = readFileSync(new URL("../../lib/evidence/aws/parse.ts", import.meta.url), "utf8");
  const kinds = [...source.matchAll(/^ {2}\["(aws\.\w+)", "([^"]+)", (\w+)\],$/gm)].map(
    ([, from = "", type = "", parser = ""]) => ({ from, type, says: parser !== "noEnd" }),
  );

  test("is one of twelve that the parser has in its table", () => {
    expect(kinds).toHaveLength(12);
  });

  test.each(kinds)("$type has a rule if the parser can make notices of it: $says", ({ from, type, says }) => {
    const waiting = [...RULES.values()].filter(({ Properties: { EventPattern: pattern } }) =>
      matches(
        { source: pattern["source"] ?? [], "detail-type": pattern["detail-type"] ?? [] },
        { source: from, "detail-type": type },
      ),
    );
    expect(waiting).toHaveLength(says ? 1 : 0);
  });
});

describe("an event that says nothing", () => {
  test.each(SAYING_NOTHING)("invokes nobody when it is %s", (_, event) => {
    expect(parsed(event).kind).toBe("ignored");
    expect(takenBy(event)).toEqual([]);
    expect(takenBy(drill(event))).toEqual([]);
  });

  test("of somebody else invokes nobody", () => {
    expect(takenBy({ ...spotWarning(), source: "com.example" })).toEqual([]);
    expect(takenBy({ ...spotWarning(), source: "aws.autoscaling" })).toEqual([]);
  });
});

describe("real events:", () => {
  const folder = join(import.meta.dirname, "../evidence/aws/events");
  const events = readdirSync(folder)
    .map((file) => [file, (JSON.parse(readFileSync(join(folder, file), "utf8")) as { input: Json }).input] as const)
    .filter(([, input]) => typeof input["detail-type"] === "string");

  test("six of the samples are events of a bus", () => {
    expect(events).toHaveLength(6);
  });

  test.each(events)("%s is taken when it means something", (_, input) => {
    expect(takenBy(input)).toHaveLength(parsed(input).kind === "notices" ? 1 : 0);
  });
});

describe("the rules", () => {
  type Statement = {
    readonly Effect: string;
    readonly Action: string | readonly string[];
    readonly Principal: { readonly Service?: string };
    readonly Condition?: { readonly ArnEquals?: { readonly "aws:SourceArn": Value } };
  };
  type Policy = {
    readonly Queues: readonly Value[];
    readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  };
  const notice = idOf(outputOf(TEMPLATE, OUTPUTS.noticeQueue));
  const dead = idOf(outputOf(TEMPLATE, OUTPUTS.noticeDeadLetters));

  test("are seven, named so that doctor finds them", () => {
    const names = [...RULES.values()].map(({ Properties }) => Properties.Name);
    expect(names).toHaveLength(7);
    expect(names.filter((name) => !name.startsWith(PREFIX))).toEqual([]);
    expect(outputOf(TEMPLATE, OUTPUTS.rulePrefix)).toBe(PREFIX);
  });

  test("lead to the notice queue, and what cannot be delivered to its dead letters", () => {
    for (const { Properties } of RULES.values())
      expect(Properties.Targets.map(({ Arn, DeadLetterConfig }) => [idOf(Arn), idOf(DeadLetterConfig?.Arn)])).toEqual([
        [notice, dead],
      ]);
  });

  test.each([
    ["the notice queue", notice],
    ["its dead letters", dead],
  ])("may send to %s, and no rule of anybody else's may", (_, queue) => {
    const policy = [...resourcesOf<Policy>(TEMPLATE, "AWS::SQS::QueuePolicy").values()].find(
      ({ Properties }) => idOf(Properties.Queues[0]) === queue,
    );
    const allowed = policy?.Properties.PolicyDocument.Statement.filter(({ Effect }) => Effect === "Allow") ?? [];
    expect(allowed.map(({ Principal }) => Principal.Service)).toEqual([...RULES].map(() => "events.amazonaws.com"));
    expect(allowed.filter(({ Action }) => ![Action].flat().includes("sqs:SendMessage"))).toEqual([]);
    const sources = allowed.map(({ Condition }) => idOf(Condition?.ArnEquals?.["aws:SourceArn"]));
    expect(sources.sort()).toEqual([...RULES.keys()].sort());
  });
});
