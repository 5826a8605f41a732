import type { Finding } from "../../stack/doctor/finding.ts";
import type { Answer, LocalCommand } from "../command.ts";
import { ASKING, JSON_LINE, STACK_LINE, SWITCH } from "../common-options.ts";
import { UsageError } from "../errors.ts";
import { findingsText } from "../findings-text.ts";
import type { Flags } from "../flags.ts";
import { examinePod } from "../pod.ts";
import { surroundingsOf } from "../surroundings.ts";
import { apiAt, HERE, stackOf } from "../target.ts";
import { ownVersion } from "../version.ts";

const answerOf = (findings: readonly Finding[]): Answer => ({
  json: { findings },
  text: findingsText(findings),
  code: findings.some(({ state }) => state === "problem") ? 1 : 0,
});

async function ofPod(flags: Flags): Promise<Answer> {
  const { url, stack } = flags;
  if (stack !== undefined)
    throw new UsageError("--from-pod needs no stack: leave out --stack, because a pod has no permission to look at it");
  const findings = await examinePod({
    ...surroundingsOf({}),
    urls: typeof url === "string" ? url : process.env["LASTBEAT_URL"],
    fallback: HERE,
    ticket: process.env["LASTBEAT_TICKET"],
    clock: Date.now,
  });
  return answerOf(findings);
}

async function ofStack(flags: Flags): Promise<Answer> {
  const { stack, url } = stackOf("doctor", flags, process.env);
  const { doctor } = await import("../../stack/doctor/doctor.ts");
  const findings = await doctor({
    stack,
    url,
    settings: {},
    version: ownVersion(),
    clock: Date.now,
    call: async (at, region) => {
      const api = await apiAt(at, { region }, process.env);
      await api.call("GET", "/v1/runs?limit=1");
    },
  });
  return answerOf(findings);
}

export const doctor: LocalCommand = {
  usage: `  lastbeat doctor --stack NAME | --from-pod
      find what is wrong with a deployment, or with a runner's pod, and how to fix it
`,
  help: `lastbeat doctor --stack NAME [--url URL] [--json]
       lastbeat doctor --from-pod [--url URL] [--json]

Prints findings about a deployment: ok, warning or problem, each with what to do about it.
Doctor checks the stack, the front door, a signed call, this machine's clock, the table,
the last sweep and the canary, the queues and their dead letters, the rules, CloudTrail
and the account's concurrency. It changes nothing. Where these credentials lack a
permission, it prints a warning that names the permission.

With --from-pod it checks what a runner needs, without AWS credentials: the front doors,
the ticket (which is not printed), the host's name, the instance metadata, the termination
log and the state folder, as lastbeat exec would find them.

  --from-pod           check this pod instead of a stack
  --url URL            ask this front door instead of the stack's; with --from-pod instead
                       of LASTBEAT_URL
${STACK_LINE}${JSON_LINE}
Exit codes: 0 no problem, at most warnings; 1 a problem; 2 wrong usage.
`,
  options: { ...ASKING, "from-pod": SWITCH },
  takes: [],
  answer: (_, flags) => (flags["from-pod"] === true ? ofPod(flags) : ofStack(flags)),
};
