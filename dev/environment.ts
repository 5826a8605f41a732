import { devNull } from "node:os";
import { ENVIRONMENT } from "../lib/names.ts";
import type { QueueUrls } from "./resources.ts";

/** It names certificates to trust, and changes nothing about whom the SDK asks. */
const HARMLESS: ReadonlySet<string> = new Set(["AWS_CA_BUNDLE"]);

/**
 * Whatever the user has set for AWS stays out: an endpoint, a profile or FIPS would lead the SDK past the emulators, or
 * to the account of the company. Its files are named away too, because a profile can hold any of that. To be called before
 * a client is made or a thread started, which both copy what is there.
 */
export function forgetAws(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment))
    if (/^AWS_/i.test(name) && !HARMLESS.has(name.toUpperCase())) delete environment[name];
  Object.assign(environment, {
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_REGION: "us-east-1",
    // The emulators take any credentials.
    AWS_ACCESS_KEY_ID: "dev",
    AWS_SECRET_ACCESS_KEY: "dev",
  });
}

export function useEmulators(environment: NodeJS.ProcessEnv, dynamodb: string, sqs: string): void {
  Object.assign(environment, { AWS_ENDPOINT_URL_DYNAMODB: dynamodb, AWS_ENDPOINT_URL_SQS: sqs });
}

/** What the Lambdas read: the names of their table and queues. */
export function useResources(
  environment: NodeJS.ProcessEnv,
  { table, queues, keys, sweepSeconds }: { table: string; queues: QueueUrls; keys: string; sweepSeconds: number },
): void {
  Object.assign(environment, {
    [ENVIRONMENT.table]: table,
    [ENVIRONMENT.requeueQueue]: queues.requeue,
    [ENVIRONMENT.tickQueue]: queues.tick,
    [ENVIRONMENT.noticeQueue]: queues.notice,
    [ENVIRONMENT.keys]: keys,
    [ENVIRONMENT.sweepSeconds]: String(sweepSeconds),
    [ENVIRONMENT.anonymousOwners]: "true", // there is no IAM here
  });
}
