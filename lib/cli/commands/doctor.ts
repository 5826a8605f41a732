import { homedir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../../dispatch/job/template.ts";
import type { Finding } from "../../stack/doctor/finding.ts";
import type { Answer, LocalCommand } from "../command.ts";
import { ASKING, JSON_LINE, STACK_LINE, SWITCH, TEXT } from "../common-options.ts";
import { CommandError, UsageError } from "../errors.ts";
import { findingsText } from "../findings-text.ts";
import { type Flags, textFlag } from "../flags.ts";
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

/** The kubeconfig that kubectl would use. */
const kubeconfigOf = (flags: Flags): string =>
  textFlag(flags, "kubeconfig") ?? process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config");

async function ofCluster(flags: Flags): Promise<Answer> {
  const [{ kubeconfigClient, KubeconfigError }, { labelled, missing }, { findingsOf }] = await Promise.all([
    import("../../adapters/kubernetes/kubeconfig.ts"),
    import("../../adapters/kubernetes/examine.ts"),
    import("../../dispatch/job/findings.ts"),
  ]);
  try {
    const { name, rest } = kubeconfigClient(kubeconfigOf(flags), textFlag(flags, "context"));
    try {
      const group = textFlag(flags, "group") ?? GROUP;
      const [shown, lacks] = await Promise.all([labelled(rest), missing(rest, group)]);
      const { jobs, pods } = shown as { jobs: readonly Manifest[]; pods: readonly Manifest[] };
      return answerOf([
        { state: "ok", check: "cluster", says: `${name} answers` },
        permissions(group, lacks),
        ...findingsOf({ jobs, pods }),
      ]);
    } finally {
      rest.close();
    }
  } catch (error) {
    if (error instanceof KubeconfigError) throw new UsageError(error.message);
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
}

function permissions(group: string, lacks: readonly string[]): Finding {
  const check = "permissions";
  if (lacks.length === 0) return { state: "ok", check, says: `the group ${group} may do what is needed` };
  const fix = "apply the ClusterRole and the ClusterRoleBinding of docs/kubernetes.md";
  return { state: "problem", check, says: `the group ${group} may not ${lacks.join(", ")}`, fix };
}

/** The group that the access entries of the stack name. */
const GROUP = "lastbeat";

export const doctor: LocalCommand = {
  usage: `  lastbeat doctor --stack NAME | --from-pod | --cluster
      find what is wrong with a deployment, or with a runner's pod, and how to fix it
`,
  help: `lastbeat doctor --stack NAME [--url URL] [--json]
       lastbeat doctor --from-pod [--url URL] [--json]
       lastbeat doctor --cluster [--kubeconfig FILE] [--context NAME] [--json]

Prints findings about a deployment: ok, warning or problem, each with what to do about it.
Doctor checks the stack, the front door, a signed call, this machine's clock, the table,
the last sweep and the canary, the queues and their dead letters, the rules, CloudTrail
and the account's concurrency. It changes nothing. Where these credentials lack a
permission, it prints a warning that names the permission.

With --from-pod it checks what a runner needs, without AWS credentials: the front doors,
the ticket (which is not printed), the host's name, the instance metadata, the termination
log and the state folder, as lastbeat exec would find them.

With --cluster it looks at a cluster of Kubernetes, as its administrator: what the group
of the stack may do there, and Jobs and pods with our label that something else starts
again, that an autoscaler may move, or that have too little time to end.

  --from-pod           check this pod instead of a stack
  --cluster            check a cluster instead of a stack
  --kubeconfig FILE    the kubeconfig (KUBECONFIG; default ~/.kube/config)
  --context NAME       its context (default: the current one)
  --group NAME         the group of the stack (lastbeat)
  --url URL            ask this front door instead of the stack's; with --from-pod instead
                       of LASTBEAT_URL
${STACK_LINE}${JSON_LINE}
Exit codes: 0 no problem, at most warnings; 1 a problem; 2 wrong usage.
`,
  options: { ...ASKING, "from-pod": SWITCH, cluster: SWITCH, kubeconfig: TEXT, context: TEXT, group: TEXT },
  takes: [],
  answer: (_, flags) =>
    flags["from-pod"] === true ? ofPod(flags) : flags["cluster"] === true ? ofCluster(flags) : ofStack(flags),
};
