import type { RecordView } from "../../wire/run-view.ts";
import { runPath } from "../api.ts";
import type { ApiCommand } from "../command.ts";
import { ASKING, ASKING_LINES, EXITS } from "../common-options.ts";
import { recordText } from "../timeline.ts";

export const show: ApiCommand = {
  usage: `  lastbeat show RUN
      show what happened to a run: its attempts, why they ended, how they were charged
`,
  help: `lastbeat show RUN [--json]

Shows what happened to a run: its attempts as a timeline with the evidence about them, why
each attempt ended, which budget it was charged to, and how much of the budgets is used.
Times are UTC. If evidence came after the verdict, it says that the charge was moved.

${ASKING_LINES}${EXITS}`,
  options: ASKING,
  takes: ["RUN"],
  ask: async (api, [run = ""]) => {
    const record = await api.call<RecordView>("GET", runPath(run));
    return { json: record, text: recordText(record, Date.now()) };
  },
};
