import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { type Consumer, consumer } from "../consumer.ts";
import { type Deployment, deployment, physicalId } from "../deployment.ts";
import type { StartEmulator } from "../emulator.ts";

/** What the stories are told on: the stack on an emulator, with an owner who reads its requeues. */
export type Stage = {
  readonly here: Deployment;
  readonly owner: Consumer;
  /** Runs on whose messages the owner fails. */
  readonly failing: Set<string>;
  /** For files of the stories. */
  readonly folder: string;
  /** How the stack was deployed. */
  readonly settings: Readonly<Record<string, string>>;
  /** The id of an instance that no other story uses. */
  newHost(): string;
  /** Calls a Lambda of ours by its short name; rejects with what it failed with. */
  invoke(name: string, payload: unknown): Promise<unknown>;
  /** How many messages a queue holds. */
  depth(queueUrl: string): Promise<number>;
  stop(): Promise<void>;
};

/** The command of a runner that waits, and says its process id. */
export const SLEEP = ["sh", "-c", "echo up $$; exec sleep 600"] as const;

export async function stage(start: StartEmulator, settings: Readonly<Record<string, string>>): Promise<Stage> {
  const here = await deployment(start);
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-stories-"));
  const failing = new Set<string>();
  let owner: Consumer | undefined;
  const stop = async (): Promise<void> => {
    await owner?.stop();
    await here.stop();
    rmSync(folder, { recursive: true });
  };
  try {
    await here.deploy(settings);
    owner = consumer(here, failing);
    return { here, owner, failing, folder, settings, stop, ...tools(here) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function tools(here: Deployment): Pick<Stage, "newHost" | "invoke" | "depth"> {
  const lambda = new LambdaClient(here.sdk);
  let hosts = 0;
  return {
    newHost: () => `i-${(hosts++).toString(16).padStart(17, "0")}`,
    invoke: async (name, payload) => {
      const FunctionName = await physicalId(here, new RegExp(`Lambdas${name}Function[0-9A-F]{8}$`));
      const { FunctionError, Payload } = await lambda.send(
        new InvokeCommand({ FunctionName, Payload: JSON.stringify(payload) }),
      );
      const text = Buffer.from(Payload ?? []).toString("utf8");
      if (FunctionError !== undefined) throw new Error(`${name}: ${text}`);
      return text === "" ? undefined : JSON.parse(text);
    },
    depth: async (queueUrl) => {
      const { Attributes } = await here.sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ["ApproximateNumberOfMessages"] }),
      );
      return Number(Attributes?.ApproximateNumberOfMessages);
    },
  };
}
