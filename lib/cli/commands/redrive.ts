import type { QueueName } from "../../stack/queues.ts";
import type { LocalCommand } from "../command.ts";
import { EXITS, JSON_LINE, STACK_LINE, SWITCH, TEXT } from "../common-options.ts";
import { UsageError } from "../errors.ts";
import { deployment } from "../target.ts";

const isQueue = (word: string): word is QueueName => /^(requeue|notice|dispatch)$/.test(word);

export const redrive: LocalCommand = {
  usage: `  lastbeat redrive requeue|notice|dispatch --stack NAME
      move the dead letters of a queue back into it
`,
  help: `lastbeat redrive requeue|notice|dispatch --stack NAME [--json]

Moves the dead letters of a queue back into the queue, to be read again. First fix what
made them fail. SQS moves them in the background. A message that comes twice does no harm.

  requeue     messages that announce attempts, which no consumer has handled
  notice      notices about hosts, which the Lambda could not handle
  dispatch    messages that announce attempts, which their targets could not start

${STACK_LINE}${JSON_LINE}${EXITS}`,
  options: { stack: TEXT, json: SWITCH },
  takes: ["requeue|notice|dispatch"],
  answer: async ([queue = ""], flags) => {
    if (!isQueue(queue)) throw new UsageError(`lastbeat redrive takes requeue, notice or dispatch; not "${queue}"`);
    const { stack } = await deployment("redrive", flags);
    const { redrive } = await import("../../stack/redrive.ts");
    const begun = await redrive(stack, queue, { region: stack.region });
    if (begun.kind === "nothing")
      return {
        json: { queue, messages: 0 },
        text: `the ${queue} queue has no dead letters: there is nothing to move\n`,
      };
    const { messages, task } = begun;
    const about = messages === 1 ? "1 message is" : `about ${messages} messages are`;
    return { json: { queue, messages, task }, text: `${about} being moved back into the ${queue} queue\n` };
  },
};
