import { setTimeout as pause } from "node:timers/promises";
import type { Api } from "../api.ts";
import type { LocalCommand } from "../command.ts";
import { ASKING, EXITS, JSON_LINE, STACK_LINE, SWITCH } from "../common-options.ts";
import { liveRuns, MOST_RUNS } from "../listing.ts";
import { deployment } from "../target.ts";

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

export const destroy: LocalCommand = {
  usage: `  lastbeat destroy --stack NAME [--force]
      delete a deployment, unless runs are live, and say what is kept
`,
  help: `lastbeat destroy --stack NAME [--force] [--url URL] [--json]

Deletes a deployment and waits for the end of it. While runs are live, or when nobody can
say whether any are, it refuses. Afterwards it says what was kept (unless the deployment
says otherwise the table, the requeue queue with its dead letters, and the secret of the
signing keys) and how to delete that, too.

  --force              delete it whatever is live
  --url URL            a front door to ask instead of the stack's
${STACK_LINE}${JSON_LINE}${EXITS}`,
  options: { ...ASKING, force: SWITCH },
  takes: [],
  answer: async (_, flags) => {
    const { stack, api } = await deployment("destroy", flags);
    const live = await liveIn(api);
    tell(live.text);
    if (live.count !== 0 && flags["force"] !== true) {
      const text = `the stack "${stack.name}" is left as it is: ${live.text}; --force deletes it all the same\n`;
      return { json: { stack: stack.name, live: live.count, deleted: false }, text, code: 1 };
    }
    const { destroy } = await import("../../stack/destroy.ts");
    const { kept } = await destroy(stack, { region: stack.region }, tell, pause);
    const left = kept.map(({ what, how }) => `  ${what}\n    ${how}\n`).join("");
    const text = `the stack "${stack.name}" is deleted\n${left === "" ? "nothing is left of it\n" : `kept, with how to delete it:\n${left}`}`;
    return { json: { stack: stack.name, live: live.count, deleted: true, kept }, text };
  },
};
