import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { drains, explains } from "../../../lib/core/evidence.ts";
import type { Parsed } from "../../../lib/evidence/aws/parsed.ts";
import { type Json, parsed } from "./bus.ts";

type Label = "preemption" | "not-dead" | "system-failure" | "ambiguous";
type Sample = {
  readonly source: string;
  readonly input: Json;
  readonly expected: Label;
  readonly accept?: readonly Label[];
};

const FOLDER = join(import.meta.dirname, "events");
const SAMPLES = readdirSync(FOLDER)
  .sort()
  .map((file): readonly [string, Sample] => [file, JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Sample]);

/**
 * They mean something, but nobody sends them to us as events: a line of a group's activity log, an answer of
 * DescribeInstances, and an event of the Kubernetes API. Whoever polls those reads them elsewhere.
 */
const NOT_SENT = new Set([
  "093-asg-cause-capacity-difference.json",
  "099-describeinstances-statereason-spot.json",
  "104-karpenter-evicted-drifted-node.json",
]);

/** What an event means for a run, in the labels of the samples. Who says nothing has seen no death, and settles nothing. */
function labels(said: Parsed): readonly Label[] {
  if (said.kind !== "notices") return ["not-dead", "ambiguous", "system-failure"];
  const going = said.notices.filter(({ evidence }) => drains(evidence));
  if (going.length === 0) return ["not-dead"];
  return going.some(({ evidence }) => explains(evidence)) ? ["preemption"] : ["system-failure", "ambiguous"];
}

const sent = SAMPLES.filter(([file]) => !NOT_SENT.has(file));

describe("a real event", () => {
  test("is at hand in seven samples", () => {
    expect(sent).toHaveLength(7);
  });

  test.each(sent)("%s says what it meant", (_, { input, expected, accept = [expected] }) => {
    expect(labels(parsed(input)).filter((label) => accept.includes(label))).not.toEqual([]);
  });

  test.each([
    ["079-event-spot-warning-doc-placeholder.json", "spot-interruption"],
    ["080-event-rebalance-recommendation.json", "rebalance"],
    ["084-event-ec2-terminated-on-demand.json", "terminated"],
    ["085-event-ec2-state-change-unknown-state.json", "unknown"],
    ["087-event-asg-terminate-lifecycle.json", "scale-in"],
    ["095-event-aws-health-ec2-scheduled-change.json", "maintenance"],
    ["098-cloudtrail-bidevicted-no-instances.json", "ignored"],
  ])("%s is read as %s", (file, kind) => {
    const said = parsed(new Map(SAMPLES).get(file)?.input);
    expect(said.kind === "notices" ? said.notices.map(({ evidence }) => evidence.kind) : [said.kind]).toEqual([kind]);
  });

  test.each([...NOT_SENT])("%s is no event of a bus, and stays unknown", (file) => {
    expect(parsed(new Map(SAMPLES).get(file)?.input).kind).toBe("unknown");
  });
});
