import { runPath } from "../api.ts";
import type { ApiCommand } from "../command.ts";
import { ASKING, ASKING_LINES, EXITS, SWITCH, TEXT } from "../common-options.ts";
import { CommandError } from "../errors.ts";
import { specOf } from "../spec.ts";
import type { Listed } from "../table.ts";

type Registration = Listed & { readonly ticket?: string };

export const register: ApiCommand = {
  usage: `  lastbeat register RUN [--lease S] [--start self|dispatch] [--label KEY=VALUE]...
                        [--attempts N | --crashes N --losses N ...] [--spec FILE]
                        [--ticket]
      register a run; --ticket prints the ticket of its first attempt and nothing else
`,
  help: `lastbeat register RUN [options]

Registers a run. If you register it again with the same options, nothing changes and the
answer is the same; other options are refused. RUN is 1 to 128 letters, digits and
- _ . : + /, as in manual__2026-11-27T00:00:00+00:00.

  --lease SECONDS      after this silence the attempt counts as lost (5 to 3600; 120)
  --start self|dispatch
                       who starts attempt 1: the caller with the ticket (self, the
                       default), or the consumer of the message that goes out (dispatch)
  --attempts N         one budget for all kinds: at most N attempts
  --crashes N          how many crashes may be followed by another attempt
  --memory N           the same for attempts that ran out of memory
  --interruptions N    the same for attempts whose capacity was taken
  --losses N           the same for attempts that fell silent
  --starts N           the same for attempts that nobody claimed in time
  --label KEY=VALUE    a label for the requeue message; up to 20
  --spec FILE          the spec as JSON (docs/protocol.md); "-" reads stdin. The other
                       options override the file
  --ticket             print the ticket and nothing else
${ASKING_LINES}
Example: LASTBEAT_TICKET=$(lastbeat register etl-1 --lease 60 --ticket)
${EXITS}`,
  options: {
    ...ASKING,
    lease: TEXT,
    start: TEXT,
    attempts: TEXT,
    crashes: TEXT,
    memory: TEXT,
    interruptions: TEXT,
    losses: TEXT,
    starts: TEXT,
    label: { ...TEXT, multiple: true },
    spec: TEXT,
    ticket: SWITCH,
  },
  takes: ["RUN"],
  ask: async (api, [run = ""], flags) => {
    const made = await api.call<Registration>("PUT", runPath(run), specOf(flags));
    const { state, attempt, fence, startBy } = made;
    if (flags["ticket"] === true) {
      if (made.ticket === undefined)
        throw new CommandError(
          state === "ended"
            ? `run ${run} has ended, and has no ticket: to run it again, choose another id`
            : `run ${run} is ${state}: only a queued run has a ticket`,
        );
      return { json: made, text: `${made.ticket}\n` };
    }
    if (state === "ended")
      return { json: made, text: `${run} has ended, and nothing was registered: to run it again, choose another id\n` };
    const until = startBy === undefined ? "" : `, claim it by ${startBy}`;
    const ticket = made.ticket === undefined ? "" : `ticket ${made.ticket}\n`;
    return { json: made, text: `${run} is ${state}: attempt ${attempt}, fence ${fence}${until}\n${ticket}` };
  },
};
