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
  if (stack !== undefined) throw new UsageError("--from-pod needs no stack: a pod has no right to look at it");
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
      what is wrong with a deployment, or with a runner's surroundings, and how to mend it
`,
  help: `lastbeat doctor --stack NAME [--url URL] [--json]
       lastbeat doctor --from-pod [--url URL] [--json]

A list of findings about a deployment: ok, warning or problem, with what to do about it.
It looks at the stack, the front door, a signed call, the clock here, the table, the last
sweep and the canary, the queues and their dead letters, the rules, CloudTrail, and what
the account allows. It changes nothing. What these credentials may not look at becomes a
warning that names the missing permission.

With --from-pod it looks from where a runner runs, without AWS credentials: the front
doors, the ticket (which is not printed), the host's name, the instance metadata, the
termination log and the state folder, as lastbeat exec would find them.

  --from-pod           look from here instead of at a stack
  --url URL            a front door to ask instead of the stack's; with --from-pod instead
                       of LASTBEAT_URL
${STACK_LINE}${JSON_LINE}
Exit codes: 0 no problem, at most warnings; 1 a problem; 2 not understood.
`,
  options: { ...ASKING, "from-pod": SWITCH },
  takes: [],
  answer: (_, flags) => (flags["from-pod"] === true ? ofPod(flags) : ofStack(flags)),
};
