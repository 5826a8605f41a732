import { spawnSync } from "node:child_process";
import type { RecordView } from "../lib/wire/run-view.ts";
import type { SpecBody } from "../lib/wire/schemas.ts";
import type { Wire } from "./proxy.ts";
import type { Pod, Stage } from "./stage.ts";
import type { Timeline } from "./timeline.ts";

/** What a story shows, and whether it was seen. */
export type Claim = { readonly what: string; readonly isSeen: boolean };

export type Scene = {
  readonly stage: Stage;
  readonly line: Timeline;
  readonly ticket: string;
  readonly first: Pod;
  readonly wire: Wire | undefined;
};

export type Story = {
  readonly run: string;
  readonly title: string;
  readonly spec: SpecBody;
  /** The command of each attempt. */
  readonly command: (attempt: number) => readonly string[];
  /** A message that is not deleted after its first receive, so that SQS delivers it again. */
  readonly keepsFirstMessage?: true;
  /** What happens besides: somebody kills something, or starts something twice. */
  readonly happens: (scene: Scene) => Promise<void>;
  /** What comes when the run has ended. */
  readonly afterwards?: (scene: Scene) => Promise<void>;
  /** The first attempt reaches the front door by a wire that can be cut. */
  readonly isOnAWire?: true;
  readonly claims: (record: RecordView, pods: readonly Pod[]) => readonly Claim[];
};

/** Shorter than anybody would use: 5 s is the least, and nobody wants to watch for longer. */
const SHORT = { leaseSeconds: 5, backoff: { baseSeconds: 1, maxSeconds: 2 } } as const;

/**
 * For runs that fall silent together with others: five of one lease class would look like an outage of ours, and their
 * verdicts would wait for another lease. This is another class.
 */
const LONGER = { ...SHORT, leaseSeconds: 8 } as const;

const sh = (script: string): readonly string[] => ["sh", "-c", script];

const hasPython = spawnSync("python3", ["--version"]).status === 0;

/** Some work in Python where there is one, else in the shell. */
const work = hasPython
  ? [
      "python3",
      "-u",
      "-c",
      "import os, time; print('working in Python, fence', os.environ['LASTBEAT_FENCE']); time.sleep(1.5); print('done')",
    ]
  : sh('echo "working, fence $LASTBEAT_FENCE"; sleep 1.5; echo done');

/** Prints its process id, so that it can be killed from outside, and then works for longer than anybody waits. */
const endless = sh('echo "working, pid $$"; exec sleep 600');

const nothing = async (): Promise<void> => {};

/** The pod's first line, or its end. */
async function firstLine(pod: Pod): Promise<string> {
  const seen = pod.printed[0];
  if (seen !== undefined) return seen;
  await Promise.race([new Promise((resolve) => pod.agent.stdout?.once("data", resolve)), pod.left]);
  return pod.printed[0] ?? (await new Promise((resolve) => setImmediate(() => resolve(firstLine(pod)))));
}

const causes = ({ attempts }: RecordView): string => attempts.map(({ cause }) => cause).join(", ");

const started = (pods: readonly Pod[], attempt: number): number =>
  pods.filter((pod) => pod.attempt === attempt && pod.printed.length > 0).length;

/** Kills the agent and its command at once, as a node that vanishes would. */
async function vanish(line: Timeline, pod: Pod): Promise<void> {
  const pid = Number(/pid (\d+)/.exec(await firstLine(pod))?.[1]);
  pod.agent.kill("SIGKILL");
  process.kill(-pid, "SIGKILL");
  line.say(pod.run, `agent and command are killed with SIGKILL`);
}

/** AWS takes the instance in two minutes. */
async function warn({ stage, line, first }: Scene): Promise<void> {
  await firstLine(first);
  line.say(first.run, "AWS warns: the instance is interrupted in two minutes");
  await stage.tell({
    source: "aws.ec2",
    "detail-type": "EC2 Spot Instance Interruption Warning",
    id: `warning-${first.run}`,
    time: new Date().toISOString(),
    detail: { "instance-id": first.host, "instance-action": "terminate" },
  });
}

/** Works until it is told to leave, then says so, takes two seconds, and ends as asked. */
const drainable = (exitCode: number): readonly string[] =>
  sh(
    `trap 'echo "told to leave"; sleep 2; echo "leaving"; exit ${exitCode}' TERM; echo working; while :; do sleep 0.1; done`,
  );

/** When an attempt's command printed its first line, and its last. */
const firstAt = (pods: readonly Pod[], attempt: number): number =>
  Math.min(...pods.filter((pod) => pod.attempt === attempt).flatMap(({ printedAt }) => printedAt));
const lastAt = (pods: readonly Pod[], attempt: number): number =>
  Math.max(...pods.filter((pod) => pod.attempt === attempt).flatMap(({ printedAt }) => printedAt));

/** Waits until the record is as asked. */
async function until(stage: Stage, run: string, isReached: (record: RecordView) => boolean): Promise<void> {
  while (!isReached(await stage.record(run))) await new Promise((resolve) => setTimeout(resolve, 100));
}

export const STORIES: readonly Story[] = [
  {
    run: "simple",
    title: "a run that succeeds",
    spec: SHORT,
    command: () => work,
    happens: nothing,
    claims: (record, pods) => [
      {
        what: "it succeeds on its first attempt",
        isSeen: record.outcome === "succeeded" && record.attempts.length === 1,
      },
      { what: "its command ran once", isSeen: started(pods, 1) === 1 && pods.length === 1 },
    ],
  },
  {
    run: "killed",
    title: "a node vanishes: the run comes back",
    spec: SHORT,
    command: (attempt) => (attempt === 1 ? endless : work),
    happens: ({ line, first }) => vanish(line, first),
    claims: (record, pods) => [
      {
        what: "the first attempt is declared lost, and charged to losses",
        isSeen: record.attempts[0]?.cause === "lost" && record.attempts[0].charged === "losses",
      },
      {
        what: "the second attempt succeeds",
        isSeen: record.outcome === "succeeded" && causes(record) === "lost, succeeded",
      },
      {
        what: "with a higher fence",
        isSeen: (record.attempts[1]?.fence ?? 0) > (record.attempts[0]?.fence ?? 0) && started(pods, 2) === 1,
      },
    ],
  },
  {
    run: "twins",
    title: "a second pod with the same ticket",
    spec: SHORT,
    command: () => work,
    happens: async ({ stage, line, ticket, first }) => {
      await firstLine(first);
      line.say("twins", "a second pod starts with the same ticket");
      await stage.startPod("twins", 1, ticket, sh("echo I must not run")).left;
    },
    claims: (record, pods) => [
      {
        what: "the second pod is refused, and its command never runs",
        isSeen: pods[1] !== undefined && pods[1].printed.length === 0 && pods[1].agent.exitCode === 81,
      },
      {
        what: "the first one is not disturbed",
        isSeen: record.outcome === "succeeded" && record.attempts.length === 1,
      },
    ],
  },
  {
    run: "twice",
    title: "a requeue message that is delivered twice",
    spec: SHORT,
    command: (attempt) => (attempt === 1 ? endless : work),
    keepsFirstMessage: true,
    happens: ({ line, first }) => vanish(line, first),
    claims: (record, pods) => [
      { what: "two pods are started for attempt 2", isSeen: pods.filter(({ attempt }) => attempt === 2).length === 2 },
      { what: "one of them runs its command", isSeen: started(pods, 2) === 1 },
      { what: "the run succeeds on attempt 2", isSeen: record.outcome === "succeeded" && record.attempts.length === 2 },
    ],
  },
  {
    run: "hopeless",
    title: "a run that crashes until its budget is spent",
    spec: { ...SHORT, budgets: { crashes: 2 } },
    command: (attempt) => sh(`echo "crashing, attempt ${attempt}"; exit 3`),
    happens: nothing,
    claims: (record, pods) => [
      {
        what: "three attempts crash, each charged to crashes",
        isSeen: causes(record) === "crashed, crashed, crashed" && record.spent.crashes === 3,
      },
      {
        what: "the run is exhausted, and not tried a fourth time",
        isSeen: record.outcome === "exhausted" && pods.length === 3,
      },
    ],
  },
  {
    run: "handover",
    title: "a spot notice: the successor is there before the old attempt is gone",
    spec: SHORT,
    command: (attempt) => (attempt === 1 ? drainable(143) : work),
    happens: warn,
    claims: (record, pods) => [
      {
        what: "the successor waits at the gate, and starts within 2 s of the old one's end",
        isSeen: within(lastAt(pods, 1), firstAt(pods, 2), 2),
      },
      { what: "never beside it", isSeen: firstAt(pods, 2) > lastAt(pods, 1) },
      {
        what: "the interruption is charged to interruptions",
        isSeen: causes(record) === "interrupted, succeeded" && record.spent.interruptions === 1,
      },
    ],
  },
  {
    run: "finishing",
    title: "a spot notice, and the old attempt succeeds within its two minutes",
    spec: SHORT,
    command: (attempt) => (attempt === 1 ? drainable(0) : sh("echo I must not run")),
    happens: warn,
    claims: (record, pods) => [
      {
        what: "the run has succeeded on its first attempt",
        isSeen: record.outcome === "succeeded" && record.attempts.length === 1,
      },
      { what: "the successor was announced, and never started", isSeen: pods.length === 2 && started(pods, 2) === 0 },
    ],
  },
  {
    run: "cut-off",
    title: "a runner that is cut off stops its command before its successor starts",
    spec: LONGER,
    isOnAWire: true,
    command: (attempt) =>
      attempt === 1
        ? sh(`trap 'echo "stopped by my agent"; exit 143' TERM; echo working; while :; do sleep 0.1; done`)
        : work,
    happens: async ({ stage, line, first, wire }) => {
      await firstLine(first);
      line.say("cut-off", "the wire to the front door is cut");
      wire?.cut();
      await until(stage, "cut-off", ({ attempts }) => attempts.length === 2);
      wire?.mend();
    },
    claims: (record, pods) => [
      {
        what: "its agent stopped the command by itself, and left with 80",
        isSeen: pods[0]?.printed.includes("stopped by my agent") === true && pods[0].agent.exitCode === 80,
      },
      { what: "before the successor started", isSeen: lastAt(pods, 1) < firstAt(pods, 2) },
      { what: "the successor succeeds", isSeen: record.outcome === "succeeded" && record.attempts.length === 2 },
    ],
  },
  {
    run: "evicted",
    title: "evidence that comes late moves the charge",
    spec: LONGER,
    command: (attempt) => (attempt === 1 ? endless : work),
    happens: ({ line, first }) => vanish(line, first),
    afterwards: async ({ stage, line, first }) => {
      const [lost] = (await stage.record("evicted")).attempts;
      line.say("evicted", `charged to ${lost?.charged}; now AWS says that the instance was evicted`);
      await stage.tell({
        source: "aws.ec2",
        "detail-type": "AWS Service Event via CloudTrail",
        id: "evicted-late",
        time: lost?.lastBeatAt,
        detail: {
          eventName: "BidEvictedEvent",
          eventTime: lost?.lastBeatAt,
          eventID: "evicted-late",
          serviceEventDetails: { instanceIdSet: [first.host] },
        },
      });
      await until(stage, "evicted", ({ attempts }) => attempts[0]?.charged === "interruptions");
      line.say("evicted", "charged to interruptions");
    },
    claims: (record) => [
      {
        what: "the lost attempt is charged to interruptions, with its evidence",
        isSeen:
          record.attempts[0]?.evidence.some(({ kind }) => kind === "evicted") === true && record.spent.losses === 0,
      },
      { what: "the run's end is not touched", isSeen: record.outcome === "succeeded" },
    ],
  },
];

const within = (from: number, to: number, most: number): boolean => to - from >= 0 && to - from <= most;
