import { randomUUID } from "node:crypto";
import { DRILL_SOURCE } from "../../names.ts";
import type { OurStack } from "../../stack/stack.ts";
import { type Api, Refused } from "../api.ts";
import type { Answer, ApiCommand } from "../command.ts";
import { ASKING, ASKING_LINES } from "../common-options.ts";
import { UsageError } from "../errors.ts";
import { liveRuns, PAGE } from "../listing.ts";
import { shellQuoted } from "../shell-quoted.ts";

type Play = {
  readonly type: string;
  readonly detail: Readonly<Record<string, string>>;
  /** What should happen, by the default policy. */
  readonly follows: string;
};

/** Each event as AWS sends it, except for its source. */
const PLAYS: ReadonlyMap<string, Play> = new Map([
  [
    "spot",
    {
      type: "EC2 Spot Instance Interruption Warning",
      detail: { "instance-action": "terminate" },
      follows: "its attempts are told to drain within 120 s, and their next attempts are announced at once",
    },
  ],
  [
    "rebalance",
    {
      type: "EC2 Instance Rebalance Recommendation",
      detail: {},
      follows: "no attempt is told to leave, because it is only advice",
    },
  ],
  [
    "terminated",
    {
      type: "EC2 Instance State-change Notification",
      detail: { state: "terminated" },
      follows:
        "its attempts are told to drain; a drill is not proof, so each attempt lives until it ends or its lease runs out",
    },
  ],
]);

/** Events of EC2 name only instances, no other hosts. */
const INSTANCE = /^i-[0-9a-f]{8,17}$/;

function eventOf({ type, detail }: Play, host: string): Readonly<Record<string, unknown>> {
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": type,
    source: DRILL_SOURCE,
    account: "000000000000",
    time: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    region: "us-east-1",
    resources: [`arn:aws:ec2:us-east-1:000000000000:instance/${host}`],
    detail: { "instance-id": host, ...detail },
  };
}

/** The command that puts the same event on EventBridge, which adds an id, a time and an account. */
function putEvents({ type, detail }: Play, host: string): string {
  const Detail = JSON.stringify({ "instance-id": host, ...detail });
  return `aws events put-events --entries ${shellQuoted(JSON.stringify([{ Source: DRILL_SOURCE, DetailType: type, Detail }]))}`;
}

/** How an HTTP API answers a path that it does not have, or that nobody may call. */
const ABSENT: ReadonlySet<number> = new Set([403, 404, 405]);

async function standing(api: Api, host: string): Promise<string> {
  const { runs } = await liveRuns(api, PAGE);
  const names = runs.filter((run) => run.host === host).map(({ run }) => run);
  return names.length === 0 ? "no live run is on it" : `on it: ${names.join(", ")}`;
}

/** Puts the event on the default bus of the stack's account, where the events of AWS arrive, too. */
async function playedOn(stack: OurStack, play: Play, host: string, text: string): Promise<Answer> {
  const { putDrill } = await import("../../stack/drill.ts");
  const id = await putDrill(stack, { type: play.type, host, detail: play.detail }, { region: stack.region });
  return { json: { id, type: play.type, host }, text };
}

export const drill: ApiCommand = {
  usage: `  lastbeat drill spot|rebalance|terminated HOST
      a drill: play an event of AWS about a host
`,
  help: `lastbeat drill spot|rebalance|terminated HOST [--json]

Plays an event of AWS about an EC2 instance, from the source lastbeat.drill. With a stack
it puts the event on the default bus of the stack's account, where AWS puts its events too
(events:PutEvents). On the embedded server it puts the event into the notice queue.
Elsewhere it does nothing, and prints the command of the AWS CLI that puts the event.

  spot        the interruption warning, two minutes ahead
  rebalance   the rebalance recommendation, which is advice
  terminated  the state change: the instance is gone

${ASKING_LINES}
Exit codes: 0 played; 1 not played (stdout has the command that plays it); 2 wrong usage.
`,
  options: ASKING,
  takes: [[...PLAYS.keys()].join("|"), "HOST"],
  ask: async (api, [name = "", host = ""], _, stack) => {
    const play = PLAYS.get(name);
    if (play === undefined)
      throw new UsageError(`a drill must be one of ${[...PLAYS.keys()].join(", ")}; not "${name}"`);
    if (!INSTANCE.test(host))
      throw new UsageError(
        `"${host}" is not an EC2 instance id such as i-0123456789abcdef0; for any other host use lastbeat drain`,
      );
    const who = await standing(api, host);
    const text = `drill: "${play.type}" for ${host} (${who}).\nExpect: ${play.follows}. To check: lastbeat show RUN.\n`;
    if (stack !== undefined) return playedOn(stack, play, host, text);
    const event = eventOf(play, host);
    try {
      await api.call("POST", "/dev/events", event);
    } catch (error) {
      if (!(error instanceof Refused) || !ABSENT.has(error.status)) throw error;
      const command = putEvents(play, host);
      console.error(
        `lastbeat: ${api.base} is not an embedded server, so nothing was done. Name the stack with --stack, or put the event on the bus of its account yourself:`,
      );
      return { json: { command }, text: `${command}\n`, code: 1 };
    }
    return { json: { event }, text };
  },
};
