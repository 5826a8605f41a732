import { segmentOf } from "../../wire/ids.ts";
import type { ApiCommand } from "../command.ts";
import { ASKING, ASKING_LINES, EXITS, TEXT } from "../common-options.ts";
import { secondsFlag, textFlag } from "../flags.ts";

/** 0.1.0 does not answer how many attempts there are. */
function said(attempts: number | undefined, deadlineSeconds: number | undefined): string {
  const held = `new claims there wait ${deadlineSeconds === undefined ? "for two minutes" : "until then"}`;
  if (attempts === 0)
    return `no attempt is there now, and ${held}. If you expected one, check the name with lastbeat runs`;
  const within = deadlineSeconds === undefined ? "" : ` within ${deadlineSeconds} s`;
  const those =
    attempts === undefined
      ? "its attempts are"
      : attempts === 1
        ? "1 attempt is there, and is"
        : `${attempts} attempts are there, and are`;
  return `${those} asked to leave${within}, unless the run ignores notices (onNotice); ${held}`;
}

export const drain: ApiCommand = {
  usage: `  lastbeat drain HOST [--deadline SECONDS] [--reason TEXT]
      ask every attempt on a host to leave
`,
  help: `lastbeat drain HOST [--deadline SECONDS] [--reason TEXT] [--json]

Asks every attempt on a host to leave, for example before a maintenance. Attempts may
finish what they can. Each run's policy (onNotice) says when its next attempt is
announced. HOST is the name that the runners use: an instance id, or the value of exec
--host.

  --deadline SECONDS   when the host will go (0 to 86400; default: unknown)
  --reason TEXT        why, for the log
${ASKING_LINES}${EXITS}`,
  options: { ...ASKING, deadline: TEXT, reason: TEXT },
  takes: ["HOST"],
  ask: async (api, [host = ""], flags) => {
    const deadlineSeconds = secondsFlag(flags, "deadline");
    const reason = textFlag(flags, "reason");
    const json = await api.call<{ attempts?: number }>("POST", `/v1/hosts/${segmentOf(host)}/drain`, {
      ...(deadlineSeconds !== undefined && { deadlineSeconds }),
      ...(reason !== undefined && { reason }),
    });
    return { json, text: `${host} is being drained: ${said(json.attempts, deadlineSeconds)}\n` };
  },
};
