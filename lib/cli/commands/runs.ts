import type { ApiCommand } from "../command.ts";
import { ASKING, ASKING_LINES, EXITS, SWITCH, TEXT } from "../common-options.ts";
import { textFlag, wholeWithin } from "../flags.ts";
import { frozenFleet } from "../frozen.ts";
import { listed, MOST_RUNS, pageOf } from "../listing.ts";
import { type Page, runsTable } from "../table.ts";

export const runs: ApiCommand = {
  usage: `  lastbeat runs [--ended] [--limit N] [--cursor CURSOR]
      list the live runs by name, or the ended runs, the newest first
`,
  help: `lastbeat runs [--ended] [--limit N] [--cursor CURSOR] [--json]

Lists the live runs by name, or the ended runs, the newest first. It says when there are
more.

  --ended              list the ended runs instead of the live runs
  --limit N            at most N runs (1 to 10000; 100)
  --cursor CURSOR      continue where a list ended: the "cursor" of its --json
${ASKING_LINES}${EXITS}`,
  options: { ...ASKING, ended: SWITCH, limit: TEXT, cursor: TEXT },
  takes: [],
  ask: async (api, _, flags) => {
    const wanted = wholeWithin(flags, "limit", 100, 1, MOST_RUNS);
    const state = flags["ended"] === true ? "ended" : "live";
    const json = await listed(api, state, wanted, textFlag(flags, "cursor"));
    const { runs: found, cursor, freeze } = json;
    const frozen = frozenFleet(freeze)
      .map((line) => `${line}\n`)
      .join("");
    if (flags["json"] === true) return { json, text: "" };
    // A cursor says that there may be more runs. One more call mostly tells.
    const next: Page = cursor === undefined ? { runs: [] } : await pageOf(api, state, 1, cursor);
    const more = next.runs.length > 0 ? "and more" : next.cursor === undefined ? "" : "and perhaps more";
    const width = process.stdout.columns ?? 80;
    return {
      json,
      text: `${frozen}${runsTable(found, Date.now(), width)}${more === "" ? "" : `${more}: --limit N\n`}`,
    };
  },
};
