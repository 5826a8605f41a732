import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { DynamoDBClient, UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { IAMClient, ListRolesCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Finding } from "../../lib/account/finding.ts";
import { OUTPUTS, TABLE } from "../../lib/names.ts";
import type { RecordView } from "../../lib/wire/record.ts";
import { lastbeat, type Program } from "../e2e/processes.ts";
import { ACCOUNT, type Emulator, REGION, ROOT, startEmulator } from "./emulator.ts";
import { moveMessages } from "./redrive.ts";
import { startWiretap, type Wiretap } from "./wiretap.ts";

export const STACK = "Lastbeat";

/** The real stack, deployed by the CDK's own command line, and everything that is needed to use it. */
export type Deployment = {
  readonly emulator: Emulator;
  readonly wiretap: Wiretap;
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  /** The outputs of the stack, by the names in lib/names.ts. */
  output(name: keyof typeof OUTPUTS): string;
  /** The HTTP API, or the REST API with its stage, as it can be reached here. */
  url(kind?: "httpApi" | "restApi"): string;
  /** The template that was deployed last. */
  template(): Template;
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
  stop(): Promise<void>;
};

type Resource = { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> };
export type Template = { readonly Resources: Readonly<Record<string, Resource>> };

/** What the emulator has not: rotation schedules. The Lambda is there, and the test plays Secrets Manager. */
const MISSING = { keyRotationDays: "0" } as const;

/** Runs a program to its end; rejects with what it printed when it fails. */
function done(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolvePromise, reject) => {
    const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => {
        output += String(text);
      });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0
        ? resolvePromise(output)
        : reject(new Error(`${file} ${args.join(" ")}: exit code ${code}\n${output}`)),
    );
  });
}

/**
 * What the emulator does otherwise than AWS: it does not apply CloudFormation's TTL setting, and asks for an action
 * sqs:SendMessageBatch, where AWS asks for sqs:SendMessage.
 */
async function mendEmulator(sdk: Sdk, table: string): Promise<void> {
  await new DynamoDBClient(sdk)
    .send(
      new UpdateTimeToLiveCommand({
        TableName: table,
        TimeToLiveSpecification: { AttributeName: TABLE.ttl, Enabled: true },
      }),
    )
    .catch((error: Error) => {
      if (!/already enabled/i.test(error.message)) throw error;
    });
  const iam = new IAMClient(sdk);
  const { Roles = [] } = await iam.send(new ListRolesCommand({}));
  const ticker = Roles.find(({ Description }) => Description === "Lastbeat ticker");
  const statement = { Effect: "Allow", Action: "sqs:SendMessageBatch", Resource: "*" };
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: ticker?.RoleName,
      PolicyName: "emulator",
      PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
    }),
  );
}

export type Sdk = { readonly endpoint: string; readonly region: string; readonly credentials: typeof ROOT };

export async function deployment(): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-deployed-"));
  // All that is asked of AWS goes through the wiretap, by Lambdas, by the CDK and by ourselves.
  const wiretap = await startWiretap();
  const emulator = await startEmulator(wiretap.url);
  wiretap.leadTo(emulator.endpoint);
  const stopAll = async (): Promise<void> => {
    await emulator.stop();
    await wiretap.stop();
    rmSync(folder, { recursive: true, force: true });
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
  wiretap.play("sqs:StartMessageMoveTask", (input) => moveMessages(sqs, input));
  const outputsFile = join(folder, "outputs.json");
  const out = join(folder, "cdk.out");
  let outputs: Readonly<Record<string, string>> = {};
  const cdk = (...args: readonly string[]): Promise<string> => done("cdk", args, environment);
  const output = (name: keyof typeof OUTPUTS): string => {
    const value = outputs[OUTPUTS[name]];
    if (value === undefined) throw new Error(`the stack has no output ${OUTPUTS[name]}`);
    return value;
  };
  const urlOf = (kind: "httpApi" | "restApi"): string =>
    `${wiretap.url}/_aws/execute-api/${output(kind)}${kind === "restApi" ? "/prod" : ""}`;
  const ask: Deployment["ask"] = (...args) =>
    lastbeat(args.includes("--url") ? args : [...args, "--url", urlOf("httpApi")], {
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
  try {
    await cdk("bootstrap", `aws://${ACCOUNT}/${REGION}`);
  } catch (error) {
    await stopAll();
    throw error;
  }
  return {
    emulator,
    wiretap,
    dynamodb,
    sqs,
    output,
    url: (kind = "httpApi") => urlOf(kind),
    template: () => JSON.parse(readFileSync(join(out, `${STACK}.template.json`), "utf8")) as Template,
    deploy: async (settings, build) => {
      const context = Object.entries({ ...MISSING, ...settings }).flatMap(([name, value]) => [
        "-c",
        `lastbeat:${name}=${value}`,
      ]);
      const said = await cdk(
        "deploy",
        ...["--require-approval", "never", "--outputs-file", outputsFile, "--output", out],
        ...(build === undefined ? [] : ["--build", build]),
        ...context,
      );
      outputs = (JSON.parse(readFileSync(outputsFile, "utf8")) as Record<string, Record<string, string>>)[STACK] ?? {};
      if (!said.includes(`✅  ${STACK}`)) throw new Error(`the stack was not deployed:\n${said}`);
      await mendEmulator(sdk, output("table"));
    },
    ask,
    askAs,
    findings: async () => {
      const { left, lines } = ask("doctor", "--stack", STACK, "--json");
      await left; // 1 when there is a problem
      return (JSON.parse(lines.join("\n")) as { findings: readonly Finding[] }).findings;
    },
    json,
    record: (run) => json<RecordView>("show", run),
    register: (run, ...options) => printed("register", run, "--ticket", ...options),
    agent: (ticket, host, ...command) =>
      lastbeat(["exec", "--url", urlOf("httpApi"), "--host", host, "--", ...command], {
        LASTBEAT_TICKET: ticket,
        LASTBEAT_STATE_DIR: folder,
        LASTBEAT_IMDS: "off",
      }),
    stop: stopAll,
  };
}
