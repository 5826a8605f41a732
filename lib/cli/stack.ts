import { setTimeout as pause } from "node:timers/promises";
import type { QueueName } from "../stack/queues.ts";
import type { OurStack } from "../stack/stack.ts";
import type { Api } from "./api.ts";
import type { Answer, StackCommand } from "./command.ts";
import { doctor } from "./doctor.ts";
import type { Flags } from "./flags.ts";
import { liveRuns, MOST_RUNS } from "./owner.ts";
import { apiAt, stackOf } from "./target.ts";
import { UsageError } from "./usage.ts";

async function found(name: string, flags: Flags): Promise<{ stack: OurStack; api: () => Promise<Api> }> {
  const place = stackOf(name, flags, process.env);
  const { findStack } = await import("../stack/stack.ts");
  const stack = await findStack(place.stack, {});
  return { stack, api: () => apiAt(place.url ?? stack.url, stack, process.env) };
}

const isQueue = (word: string): word is QueueName => word === "requeue" || word === "notice";

const redrive: StackCommand = {
  takes: ["requeue|notice"],
  answer: async ([queue = ""], flags) => {
    if (!isQueue(queue)) throw new UsageError(`lastbeat redrive takes requeue or notice; not "${queue}"`);
    const { stack } = await found("redrive", flags);
    const { redrive } = await import("../stack/redrive.ts");
    const begun = await redrive(stack, queue, { region: stack.region });
    if (begun.kind === "nothing")
      return { json: { queue, messages: 0 }, text: `the ${queue} queue has no dead letters: nothing to move\n` };
    const { messages, task } = begun;
    const about = messages === 1 ? "1 message is" : `about ${messages} messages are`;
    return { json: { queue, messages, task }, text: `${about} on the way back into the ${queue} queue\n` };
  },
};

/** How many runs are live, as a number and as a text; undefined when the API cannot be asked, and why. */
type Live = { readonly count: number; readonly text: string } | { readonly count: undefined; readonly text: string };

async function liveIn(ask: () => Promise<Api>): Promise<Live> {
  try {
    const { runs, cursor } = await liveRuns(await ask(), MOST_RUNS);
    const more = cursor === undefined ? "" : " or more";
    return { count: runs.length, text: `${runs.length}${more} ${runs.length === 1 ? "run is" : "runs are"} live` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { count: undefined, text: `nobody knows how many runs are live: ${why}` };
  }
}

const tell = (line: string): void => console.error(`lastbeat: ${line}`);

const destroy: StackCommand = {
  takes: [],
  answer: async (_, flags): Promise<Answer> => {
    const { stack, api } = await found("destroy", flags);
    const live = await liveIn(api);
    tell(live.text);
    if (live.count !== 0 && flags["force"] !== true) {
      const text = `the stack "${stack.name}" is left as it is: ${live.text}; --force deletes it all the same\n`;
      return { json: { stack: stack.name, live: live.count, deleted: false }, text, code: 1 };
    }
    const { destroy } = await import("../stack/destroy.ts");
    const { kept } = await destroy(stack, { region: stack.region }, tell, pause);
    const left = kept.map(({ what, how }) => `  ${what}\n    ${how}\n`).join("");
    const text = `the stack "${stack.name}" is deleted\n${left === "" ? "nothing is left of it\n" : `kept, with how to delete it:\n${left}`}`;
    return { json: { stack: stack.name, live: live.count, deleted: true, kept }, text };
  },
};

/** The commands about a deployment, by name. */
export const STACK_COMMANDS: ReadonlyMap<string, StackCommand> = new Map(Object.entries({ doctor, redrive, destroy }));
