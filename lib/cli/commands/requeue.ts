import { runPath } from "../api.ts";
import type { ApiCommand } from "../command.ts";
import { ASKING, ASKING_LINES, EXITS, TEXT } from "../common-options.ts";
import { numberFlag, textFlag } from "../flags.ts";

export const requeue: ApiCommand = {
  usage: `  lastbeat requeue RUN [--attempt N] [--reason TEXT]
      give the run another attempt at once, charged to nothing
`,
  help: `lastbeat requeue RUN [--attempt N] [--reason TEXT] [--json]

Gives a run another attempt at once, charged to nothing. If a runner holds the attempt,
Lastbeat tells it to stop first. If the run waits for a backoff, the backoff ends. If the
message was lost, it is sent again.

  --attempt N          only if attempt N is still the current one, so that a repeated
                       command does not requeue twice
  --reason TEXT        why; the holder is told
${ASKING_LINES}${EXITS}`,
  options: { ...ASKING, attempt: TEXT, reason: TEXT },
  takes: ["RUN"],
  ask: async (api, [run = ""], flags) => {
    const reason = textFlag(flags, "reason");
    const attempt = numberFlag(flags, "attempt");
    const made = await api.call<{ state: string }>("POST", `${runPath(run)}/requeue`, {
      ...(reason !== undefined && { reason }),
      ...(attempt !== undefined && { attempt }),
    });
    const text =
      made.state === "leaving"
        ? `${run}: the old attempt is told to stop, and the next one follows`
        : `${run} is queued again`;
    return { json: made, text: `${text}\n` };
  },
};
