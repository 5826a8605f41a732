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
  /** What it should lead to, by the default policy. */
  readonly follows: string;
};

/** Each as AWS sends it, but for its source. */
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
      follows: "it is advice: nobody is told to leave",
    },
  ],
  [
    "terminated",
    {
      type: "EC2 Instance State-change Notification",
      detail: { state: "terminated" },
      follows: "its attempts are told to drain; a drill is no proof, so none of them counts as gone before it is",
    },
  ],
]);

/** Events of EC2 name instances, and no other hosts. */
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

/** The same event by EventBridge itself, which gives it an id, a time and an account. */
function putEvents({ type, detail }: Play, host: string): string {
  const Detail = JSON.stringify({ "instance-id": host, ...detail });
  return `aws events put-events --entries ${shellQuoted(JSON.stringify([{ Source: DRILL_SOURCE, DetailType: type, Detail }]))}`;
}

/** What an HTTP API says of a path that it does not have, or does not let anybody at. */
const ABSENT: ReadonlySet<number> = new Set([403, 404, 405]);

async function standing(api: Api, host: string): Promise<string> {
  const { runs } = await liveRuns(api, PAGE);
  const names = runs.filter((run) => run.host === host).map(({ run }) => run);
  return names.length === 0 ? "no live run stands on it" : `on it: ${names.join(", ")}`;
}

/** On the bus of the account that the stack is in, as everything that AWS says. */
async function playedOn(stack: OurStack, play: Play, host: string, text: string): Promise<Answer> {
  const { putDrill } = await import("../../stack/drill.ts");
  const id = await putDrill(stack, { type: play.type, host, detail: play.detail }, { region: stack.region });
  return { json: { id, type: play.type, host }, text };
}

export const drill: ApiCommand = {
  usage: `  lastbeat drill spot|rebalance|terminated HOST
      a game day: play what AWS would say about a host
`,
  help: `lastbeat drill spot|rebalance|terminated HOST [--json]

A game day: plays what AWS would say about an EC2 instance, from the source
lastbeat.drill. With a stack the event goes to the default bus of its account, as all that
AWS says (events:PutEvents). On the embedded server it is put into the notice queue.
Elsewhere nothing is done, and the command of the AWS CLI that does it is printed.

  spot        the interruption warning, two minutes ahead
  rebalance   the rebalance recommendation, which is advice
  terminated  the state change: the instance is gone

${ASKING_LINES}
Exit codes: 0 played; 1 not played (stdout has the command to do it with); 2 not
understood.
`,
  options: ASKING,
  takes: [[...PLAYS.keys()].join("|"), "HOST"],
  ask: async (api, [name = "", host = ""], _, stack) => {
    const play = PLAYS.get(name);
    if (play === undefined) throw new UsageError(`a drill is ${[...PLAYS.keys()].join(", ")}; not "${name}"`);
    if (!INSTANCE.test(host))
      throw new UsageError(
        `"${host}" is no EC2 instance id as i-0123456789abcdef0; for any other host: lastbeat drain`,
      );
    const who = await standing(api, host);
    const text = `drill: "${play.type}" for ${host} (${who}).\nExpect: ${play.follows}. lastbeat show tells.\n`;
    if (stack !== undefined) return playedOn(stack, play, host, text);
    const event = eventOf(play, host);
    try {
      await api.call("POST", "/dev/events", event);
    } catch (error) {
      if (!(error instanceof Refused) || !ABSENT.has(error.status)) throw error;
      const command = putEvents(play, host);
      console.error(
        `lastbeat: ${api.base} is not an embedded server, so nothing was done. Name the stack with --stack, or put the event on the bus of its account:`,
      );
      return { json: { command }, text: `${command}\n`, code: 1 };
    }
    return { json: { event }, text };
  },
};
