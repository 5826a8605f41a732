import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { CloudFormationClient, DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { OUTPUTS } from "../../lib/names.ts";
import type { Finding } from "../../lib/stack/doctor/finding.ts";
import type { RecordView } from "../../lib/wire/run-view.ts";
import { lastbeat, type Program } from "../e2e/processes.ts";
import { guard } from "./bound.ts";
import { ACCOUNT, type Emulator, REGION, ROOT, type Sdk, type StartEmulator } from "./emulator.ts";
import { run } from "./program.ts";
import { FRONT_DOOR, startWiretap, type Wiretap } from "./wiretap.ts";

/** The real stack, deployed by the CDK's own command line, and everything that is needed to use it. */
export type Deployment = {
  readonly emulator: Emulator;
  readonly stack: string;
  readonly wiretap: Wiretap;
  /** For clients of AWS. */
  readonly sdk: Sdk;
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  /** The outputs of the stack, by the names in lib/names.ts. */
  output(name: keyof typeof OUTPUTS): string;
  /** The HTTP API, or the REST API with its stage, as it can be reached here. */
  url(kind?: "httpApi" | "restApi"): string;
  /** The template that was deployed last. */
  template(): Template;
  /** What its resources are called in the account, by the ids in the template. */
  physicalIds(): Promise<ReadonlyMap<string, string>>;
  /** Deploys the stack as it is in this clone, with these settings. `build`: what is done to the bundles before. */
  deploy(settings: Readonly<Record<string, string>>, build?: string): Promise<void>;
  /** `lastbeat` with these arguments, as somebody who may do anything in the account. */
  ask(...args: readonly string[]): Program;
  /** The same as somebody else, by the credentials in the environment. */
  askAs(credentials: Readonly<Record<string, string>>, ...args: readonly string[]): Program;
  /** What lastbeat doctor finds. */
  findings(): Promise<readonly Finding[]>;
  /** What it prints with --json. */
  json<T>(...args: readonly string[]): Promise<T>;
  record(run: string): Promise<RecordView>;
  /** Registers a run; its ticket. */
  register(run: string, ...options: readonly string[]): Promise<string>;
  /** An agent with its command, which knows a URL and a ticket, and nothing of AWS. */
  agent(ticket: string, host: string, ...command: readonly string[]): Program;
  /** The same, of another stack. */
  agentAt(url: string, ticket: string, host: string, ...command: readonly string[]): Program;
  stop(): Promise<void>;
};

type Resource = { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> };
export type Template = { readonly Resources: Readonly<Record<string, Resource>> };

/** What the CDK says of a resource that LocalStack does not know: the stack would look complete without it. */
const MISSING = /^.*deployed as a fallback.*$/m;

export async function deployment(start: StartEmulator): Promise<Deployment> {
  // All that is asked of AWS goes through the wiretap, by Lambdas, by the CDK and by ourselves.
  const wiretap = await startWiretap();
  const emulator = await start(wiretap.url).catch(async (error: unknown) => {
    await wiretap.stop();
    throw error;
  });
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-deployed-"));
  const guarded = guard();
  const watched = (program: Program): Program => {
    guarded.watch(program.child);
    return program;
  };
  console.log(emulator.what);
  wiretap.leadTo(emulator.endpoint);
  const stopAll = async (): Promise<void> => {
    // Who goes on without us is left as he was found, but for what the CDK has bootstrapped.
    try {
      if (emulator.inside !== undefined) await cdk("destroy", "--force", "-c", `lastbeat:stackName=${stack}`);
    } finally {
      guarded.dismiss();
      await emulator.stop();
      await wiretap.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const environment: Record<string, string> = {
    PATH: [resolve("node_modules/.bin"), process.env["PATH"]].join(delimiter),
    HOME: folder, // no profile of the user's, and no cache of his
    AWS_ENDPOINT_URL: wiretap.url,
    AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    AWS_REGION: REGION,
    AWS_EC2_METADATA_DISABLED: "true",
    LASTBEAT_STATE_DIR: folder,
    LASTBEAT_IMDS: "off",
    CDK_DISABLE_CLI_TELEMETRY: "true",
    CI: "true",
  };
  const sdk: Sdk = { endpoint: wiretap.url, region: REGION, credentials: ROOT };
  const dynamodb = new DynamoDBClient(sdk);
  const sqs = new SQSClient({ ...sdk, useQueueUrlAsEndpoint: false });
  for (const [action, player] of Object.entries(emulator.played)) wiretap.play(action, (input) => player(sqs, input));
  const outputsFile = join(folder, "outputs.json");
  const out = join(folder, "cdk.out");
  let outputs: Readonly<Record<string, string>> = {};
  const cdk = (...args: readonly string[]): Promise<string> => run("cdk", args, environment, guarded);
  const output = (name: keyof typeof OUTPUTS): string => {
    const value = outputs[OUTPUTS[name]];
    if (value === undefined) throw new Error(`the stack has no output ${OUTPUTS[name]}`);
    return value;
  };
  const pathOf = (kind = emulator.frontDoor): string =>
    `/_aws/execute-api/${output(kind)}${kind === "restApi" ? "/prod" : ""}`;
  const urlOf = (kind?: "httpApi" | "restApi"): string => `${wiretap.url}${pathOf(kind)}`;
  const { stack = "Lastbeat", inside } = emulator;
  const deployOnce = async (settings: Readonly<Record<string, string>>, build?: string): Promise<void> => {
    const context = Object.entries({ ...emulator.settings, stackName: stack, ...settings }).flatMap(([name, value]) => [
      "-c",
      `lastbeat:${name}=${value}`,
    ]);
    const said = await cdk(
      "deploy",
      ...["--require-approval", "never", "--outputs-file", outputsFile, "--output", out],
      ...(build === undefined ? [] : ["--build", build]),
      ...context,
    );
    outputs = (JSON.parse(readFileSync(outputsFile, "utf8")) as Record<string, Record<string, string>>)[stack] ?? {};
    if (!said.includes(`✅  ${stack}`)) throw new Error(`the stack was not deployed:\n${said}`);
    const missing = MISSING.exec(said);
    if (missing !== null) throw new Error(`not all of the stack was deployed: ${missing[0]}`);
    await emulator.mend(sdk, output);
  };
  const ask: Deployment["ask"] = (...args) =>
    lastbeat(args.includes("--url") ? args : [...args, "--url", urlOf()], {
      ...environment,
      LASTBEAT_SIGN: "always",
    });
  const askAs: Deployment["askAs"] = (credentials, ...args) =>
    lastbeat(args, { ...environment, LASTBEAT_SIGN: "always", ...credentials });
  const printed = async (...args: readonly string[]): Promise<string> => {
    const { left, lines, errors } = ask(...args);
    const code = await left;
    if (code !== 0) throw new Error(`lastbeat ${args.join(" ")}: exit code ${code}\n${errors.join("\n")}`);
    return lines.join("\n");
  };
  const json: Deployment["json"] = async <T>(...args: readonly string[]) =>
    JSON.parse(await printed(...args, "--json")) as T;
  const agentAt: Deployment["agentAt"] = (url, ticket, host, ...command) =>
    watched(
      lastbeat(["exec", "--url", url, "--host", host, "--", ...command], {
        LASTBEAT_TICKET: ticket,
        LASTBEAT_STATE_DIR: folder,
        LASTBEAT_IMDS: "off",
      }),
    );
  try {
    await cdk("bootstrap", `aws://${ACCOUNT}/${REGION}`);
  } catch (error) {
    await stopAll();
    throw error;
  }
  return {
    emulator,
    stack,
    wiretap,
    sdk,
    dynamodb,
    sqs,
    output,
    url: urlOf,
    template: () => JSON.parse(readFileSync(join(out, `${stack}.template.json`), "utf8")) as Template,
    physicalIds: async () => {
      const { StackResources = [] } = await new CloudFormationClient(sdk).send(
        new DescribeStackResourcesCommand({ StackName: stack }),
      );
      return new Map(
        StackResources.map(({ LogicalResourceId = "", PhysicalResourceId = "" }) => [
          LogicalResourceId,
          PhysicalResourceId,
        ]),
      );
    },
    deploy: async (settings, build) => {
      // The canary has to reach the front door, whose name is not one that can be resolved here.
      if (inside === undefined) {
        await deployOnce({ publicUrl: `${wiretap.url}${FRONT_DOOR}`, ...settings }, build);
        wiretap.frontDoorIs(pathOf());
      } else {
        if (outputs[OUTPUTS[emulator.frontDoor]] === undefined) await deployOnce(settings, build);
        await deployOnce({ publicUrl: `${inside}${pathOf()}`, ...settings }, build);
      }
    },
    ask,
    askAs,
    findings: async () => {
      const { left, lines } = ask("doctor", "--stack", stack, "--json");
      await left; // 1 when there is a problem
      return (JSON.parse(lines.join("\n")) as { findings: readonly Finding[] }).findings;
    },
    json,
    record: (run) => json<RecordView>("show", run),
    register: (run, ...options) => printed("register", run, "--ticket", ...options),
    agent: (ticket, host, ...command) => agentAt(urlOf(), ticket, host, ...command),
    agentAt,
    stop: stopAll,
  };
}

/** Of the only resource whose id in the template is like that. */
export async function physicalId(here: Deployment, logicalId: RegExp): Promise<string> {
  const found = [...(await here.physicalIds())].filter(([id]) => logicalId.test(id));
  if (found.length !== 1) throw new Error(`${found.length} resources are like ${logicalId}`);
  return found[0]?.[1] ?? "";
}
