import { setTimeout as pause } from "node:timers/promises";
import type { Api } from "../api.ts";
import type { LocalCommand } from "../command.ts";
import { ASKING, EXITS, JSON_LINE, STACK_LINE, SWITCH } from "../common-options.ts";
import { liveRuns, MOST_RUNS } from "../listing.ts";
import { deployment } from "../target.ts";

/** How many runs are live, as a number and as a text. Without a number the text says why the API could not be asked. */
type Live = { readonly count: number; readonly text: string } | { readonly count: undefined; readonly text: string };

async function liveIn(ask: () => Promise<Api>): Promise<Live> {
  try {
    const { runs, cursor } = await liveRuns(await ask(), MOST_RUNS);
    const more = cursor === undefined ? "" : " or more";
    return { count: runs.length, text: `${runs.length}${more} ${runs.length === 1 ? "run is" : "runs are"} live` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { count: undefined, text: `cannot tell how many runs are live: ${why}` };
  }
}

const tell = (line: string): void => console.error(`lastbeat: ${line}`);

export const destroy: LocalCommand = {
  usage: `  lastbeat destroy --stack NAME [--force]
      delete a deployment, unless runs are live, and list what is kept
`,
  help: `lastbeat destroy --stack NAME [--force] [--url URL] [--json]

Deletes a deployment and waits until it is gone. It refuses while runs are live, or when
it cannot find out whether any are. Afterwards it lists what was kept, and how to delete
it: by default the table, the requeue queue with its dead letters, and the secret of the
signing keys.

  --force              delete it even if runs are live
  --url URL            ask this front door instead of the stack's
${STACK_LINE}${JSON_LINE}${EXITS}`,
  options: { ...ASKING, force: SWITCH },
  takes: [],
  answer: async (_, flags) => {
    const { stack, api } = await deployment("destroy", flags);
    const live = await liveIn(api);
    tell(live.text);
    if (live.count !== 0 && flags["force"] !== true) {
      const text = `the stack "${stack.name}" was not deleted: ${live.text}; to delete it anyway, add --force\n`;
      return { json: { stack: stack.name, live: live.count, deleted: false }, text, code: 1 };
    }
    const { destroy } = await import("../../stack/destroy.ts");
    const { kept } = await destroy(stack, { region: stack.region }, tell, pause);
    const left = kept.map(({ what, how }) => `  ${what}\n    ${how}\n`).join("");
    const text = `the stack "${stack.name}" is deleted\n${left === "" ? "nothing was kept\n" : `kept, and how to delete it:\n${left}`}`;
    return { json: { stack: stack.name, live: live.count, deleted: true, kept }, text };
  },
};
