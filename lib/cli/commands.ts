import type { Command } from "./command.ts";
import { cancel } from "./commands/cancel.ts";
import { classify } from "./commands/classify.ts";
import { completion } from "./commands/completion.ts";
import { cost } from "./commands/cost.ts";
import { destroy } from "./commands/destroy.ts";
import { dev } from "./commands/dev.ts";
import { doctor } from "./commands/doctor.ts";
import { drain } from "./commands/drain.ts";
import { drill } from "./commands/drill.ts";
import { exec } from "./commands/exec.ts";
import { redrive } from "./commands/redrive.ts";
import { register } from "./commands/register.ts";
import { requeue } from "./commands/requeue.ts";
import { runs } from "./commands/runs.ts";
import { show } from "./commands/show.ts";
import { watch } from "./commands/watch.ts";

/** Every command by its name, in the order of the list of commands. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    exec,
    register,
    runs,
    show,
    watch,
    cancel,
    requeue,
    drain,
    drill,
    doctor,
    redrive,
    destroy,
    dev,
    cost,
    classify,
    completion: completion(() => COMMANDS),
  }),
);

const listed = [...COMMANDS.values()].map(({ usage }) => usage).join("");

/** The list of commands. */
export const USAGE = `lastbeat - heartbeats for workflow runners, and another attempt for lost runs

${listed}
Commands that call the API accept --url URL or --stack NAME, else LASTBEAT_URL or
LASTBEAT_STACK (default http://127.0.0.1:8787), and --json for programs. Calls to a stack,
or to any other machine, are signed with your AWS credentials. For more about a command:
lastbeat COMMAND --help.
`;
