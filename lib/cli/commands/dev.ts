import type { KubeContext, Orchestrator } from "../../../dev/dev.ts";
import type { LongCommand } from "../command.ts";
import { TEXT } from "../common-options.ts";
import { CommandError, UsageError } from "../errors.ts";
import { type Flags, secondsWithin, textFlag, wholeWithin } from "../flags.ts";
import { readJsonFile } from "../json-file.ts";

/** The contexts to watch: those that are named, else the current one of a kubeconfig that is named. */
function clustersOf(flags: Flags): readonly KubeContext[] {
  const kubeconfig = textFlag(flags, "kubeconfig");
  const named = flags["context"];
  const contexts = Array.isArray(named) ? named.map(String) : [];
  if (kubeconfig === undefined) {
    if (contexts.length > 0) throw new UsageError("--context needs --kubeconfig FILE");
    return [];
  }
  if (kubeconfig === "") throw new UsageError("--kubeconfig needs a file");
  const agentImage = textFlag(flags, "agent-image");
  const image = agentImage !== undefined && { agentImage };
  return contexts.length === 0
    ? [{ kubeconfig, ...image }]
    : contexts.map((context) => ({ kubeconfig, context, ...image }));
}

/** The webhooks: `NAME=URL`, several times. */
function webhooksOf(flags: Flags): readonly { name: string; url: string }[] {
  const given = flags["webhook"];
  return (Array.isArray(given) ? given.map(String) : []).map((text) => {
    const [, name, url] = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)=(https?:\/\/\S+)$/.exec(text) ?? [];
    if (name === undefined || url === undefined || !URL.canParse(url))
      throw new UsageError(`--webhook needs NAME=URL, such as ci=http://127.0.0.1:9000/, not ${text}`);
    return { name, url };
  });
}

/** What a file with orchestrators has; the fields that only one kind has are looked at when it is used. */
const KINDS = ["prefect", "airflow"] as const;

/** The orchestrators of a JSON file, in a list `orchestrators` of `{kind, name, url, secret?}`. */
function orchestratorsOf(flags: Flags): readonly Orchestrator[] {
  const file = textFlag(flags, "orchestrators");
  if (file === undefined) return [];
  const { orchestrators: found } = readJsonFile(file, "--orchestrators");
  if (!Array.isArray(found)) throw new UsageError(`--orchestrators ${file} has no list "orchestrators"`);
  return found.map((each: Partial<Orchestrator>, index) => {
    const { kind, name, url } = each;
    const isGood =
      KINDS.some((known) => known === kind) && /^[a-z0-9][a-z0-9-]{0,62}$/.test(name ?? "") && URL.canParse(url ?? "");
    if (!isGood)
      throw new UsageError(
        `--orchestrators ${file}: entry ${index + 1} needs kind (${KINDS.join(", ")}), name and url`,
      );
    return each as Orchestrator;
  });
}

/** Serves until SIGINT or SIGTERM. The server is loaded on demand: no other command needs the emulators. */
async function serve(flags: Flags): Promise<number> {
  const port = wholeWithin(flags, "port", 8787, 0, 65535);
  const sweepSeconds = secondsWithin(flags, "sweep", 10, 1, 60);
  const data = textFlag(flags, "data");
  if (data === "") throw new UsageError("--data needs a folder");
  const clusters = clustersOf(flags);
  const webhooks = webhooksOf(flags);
  const orchestrators = orchestratorsOf(flags);
  process.umask(0o077); // the emulators' files hold tickets
  const { startDev } = await import("../../../dev/dev.ts");
  const dev = await startDev({
    port,
    sweepSeconds,
    clusters,
    webhooks,
    orchestrators,
    ...(data !== undefined && { data }),
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE")
      throw new CommandError(`port ${port} is already in use: choose another with --port`);
    throw error;
  });
  const { api, dynamodb, sqs, queueUrl, table, webhooks: known = [] } = dev.info;
  const kept = data === undefined ? "in memory: all data is lost when the server ends" : `kept in ${data}`;
  console.log(`lastbeat listens on ${api}  (sweeps every ${sweepSeconds} s, ${kept})
  DynamoDB  ${dynamodb}  table ${table}
  SQS       ${sqs}
  requeues  ${queueUrl}${clusters.map(({ kubeconfig, context }) => `\n  cluster   ${context ?? "current context"} of ${kubeconfig}`).join("")}${known.map(({ name, url, secret }) => `\n  webhook   ${name}: ${url}  ${secret}`).join("")}`);
  const told = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  try {
    await Promise.race([told, dev.died]);
  } finally {
    await dev.stop();
  }
  return 0;
}

export const dev: LongCommand = {
  usage: `  lastbeat dev [--port N] [--data DIR] [--sweep SECONDS] [--kubeconfig FILE]
      the embedded server, on 127.0.0.1
`,
  help: `lastbeat dev [--port N] [--data DIR] [--sweep SECONDS] [--kubeconfig FILE]

Starts the embedded server in one process: the Lambdas of the cloud behind a small HTTP
server, with a DynamoDB and an SQS emulator, all on 127.0.0.1. GET /dev/info returns their
addresses; POST /dev/events accepts one event of EventBridge or a list. The server ignores
the AWS settings in the environment and in files. It runs until SIGINT or SIGTERM.

  --port N             the port of the API (8787); 0 chooses a free port
  --data DIR           keep all data in DIR, over restarts and kill -9 (default: in
                       memory). The ports of DynamoDB and SQS also stay, while free
  --sweep SECONDS      time between two sweeps (1 to 60; 10)
  --kubeconfig FILE    also start attempts as Jobs of a cluster of Kubernetes, and look at
                       their pods with each sweep: the current context of FILE
  --context NAME       another context of FILE; may be given several times
  --agent-image IMAGE  the image of the agent for the pods of these Jobs (lastbeat-agent)
  --orchestrators FILE
                       also give runs back to the orchestrators of a JSON file: a list
                       "orchestrators" of {kind, name, url, secret} (docs/prefect.md)
  --webhook NAME=URL   also tell URL about attempts; the secret that signs its events is
                       printed at the start; may be given several times

Exit codes: 0 ended by a signal; 1 it could not start or continue (stderr says why); 2
wrong usage.
`,
  options: {
    port: TEXT,
    data: TEXT,
    sweep: TEXT,
    kubeconfig: TEXT,
    context: { ...TEXT, multiple: true },
    "agent-image": TEXT,
    webhook: { ...TEXT, multiple: true },
    orchestrators: TEXT,
  },
  takes: [],
  run: serve,
};
