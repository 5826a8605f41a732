import { spawnSync } from "node:child_process";
import type { RecordView } from "../lib/wire/record.ts";
import type { SpecBody } from "../lib/wire/schemas.ts";
import type { Pod, Stage } from "./stage.ts";
import type { Timeline } from "./timeline.ts";

/** What a story shows, and whether it was seen. */
export type Claim = { readonly what: string; readonly isSeen: boolean };

export type Story = {
  readonly run: string;
  readonly title: string;
  readonly spec: SpecBody;
  /** The command of each attempt. */
  readonly command: (attempt: number) => readonly string[];
  /** A message that is not deleted after its first receive, so that SQS delivers it again. */
  readonly keepsFirstMessage?: true;
  /** What happens besides: somebody kills something, or starts something twice. */
  readonly happens: (stage: Stage, timeline: Timeline, ticket: string, first: Pod) => Promise<void>;
  readonly claims: (record: RecordView, pods: readonly Pod[]) => readonly Claim[];
};

/** Shorter than anybody would use: 5 s is the least, and nobody wants to watch for longer. */
const SHORT = { leaseSeconds: 5, backoff: { baseSeconds: 1, maxSeconds: 2 } } as const;

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
async function vanish(timeline: Timeline, pod: Pod): Promise<void> {
  const pid = Number(/pid (\d+)/.exec(await firstLine(pod))?.[1]);
  pod.agent.kill("SIGKILL");
  process.kill(-pid, "SIGKILL");
  timeline.say(pod.run, `agent and command are killed with SIGKILL`);
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
    happens: (_, timeline, __, first) => vanish(timeline, first),
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
    happens: async (stage, timeline, ticket, first) => {
      await firstLine(first);
      timeline.say("twins", "a second pod starts with the same ticket");
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
    happens: (_, timeline, __, first) => vanish(timeline, first),
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
];
