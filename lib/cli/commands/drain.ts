import { segmentOf } from "../../wire/ids.ts";
import type { ApiCommand } from "../command.ts";
import { ASKING, ASKING_LINES, EXITS, TEXT } from "../common-options.ts";
import { secondsFlag, textFlag } from "../flags.ts";

export const drain: ApiCommand = {
  usage: `  lastbeat drain HOST [--deadline SECONDS] [--reason TEXT]
      ask every attempt on a host to leave
`,
  help: `lastbeat drain HOST [--deadline SECONDS] [--reason TEXT] [--json]

Asks every attempt on a host to leave, as before a maintenance: they may finish
what they can, and their next attempts are announced by each run's own policy (onNotice).
HOST is what their holders call it: an instance id, or what exec --host said.

  --deadline SECONDS   when the host will go (0 to 86400; nobody knows)
  --reason TEXT        why, for the log
${ASKING_LINES}${EXITS}`,
  options: { ...ASKING, deadline: TEXT, reason: TEXT },
  takes: ["HOST"],
  ask: async (api, [host = ""], flags) => {
    const deadlineSeconds = secondsFlag(flags, "deadline");
    const reason = textFlag(flags, "reason");
    const json = await api.call("POST", `/v1/hosts/${segmentOf(host)}/drain`, {
      ...(deadlineSeconds !== undefined && { deadlineSeconds }),
      ...(reason !== undefined && { reason }),
    });
    const within = deadlineSeconds === undefined ? "" : ` within ${deadlineSeconds} s`;
    const until = deadlineSeconds === undefined ? "for two minutes" : "until then";
    return {
      json,
      text: `${host} is being drained: what runs there is told to leave${within}, and claims there are held ${until}\n`,
    };
  },
};
