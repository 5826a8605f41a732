import type { RecordView } from "../../wire/run-view.ts";
import { Refused, runPath } from "../api.ts";
import type { ApiCommand } from "../command.ts";
import { ASKING, ASKING_LINES, EXITS, TEXT } from "../common-options.ts";
import { textFlag } from "../flags.ts";

export const cancel: ApiCommand = {
  usage: `  lastbeat cancel RUN [--reason TEXT]
      stop the run for good
`,
  help: `lastbeat cancel RUN [--reason TEXT] [--json]

Stops a run for good. If a runner holds the attempt, Lastbeat tells it to stop, and the
run ends when the attempt has ended. You may cancel a run twice.

  --reason TEXT        why; the holder is told
${ASKING_LINES}${EXITS}`,
  options: { ...ASKING, reason: TEXT },
  takes: ["RUN"],
  ask: async (api, [run = ""], flags) => {
    const reason = textFlag(flags, "reason");
    try {
      const made = await api.call<{ state: string }>(
        "POST",
        `${runPath(run)}/cancel`,
        reason === undefined ? {} : { reason },
      );
      const text =
        made.state === "ended" ? `${run} is canceled` : `${run} is being canceled: the holder is told to stop`;
      return { json: made, text: `${text}\n` };
    } catch (error) {
      if (!(error instanceof Refused) || error.problem !== "ended") throw error;
      const { state, outcome } = await api.call<RecordView>("GET", runPath(run));
      if (outcome !== "canceled") throw error;
      return { json: { state, outcome }, text: `${run} is already canceled\n` };
    }
  },
};
