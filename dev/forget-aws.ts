import { devNull } from "node:os";
import { ENVIRONMENT } from "../lib/names.ts";
import type { QueueUrls } from "./resources.ts";

/** This variable names certificates to trust. It does not change the addresses that the SDK calls. */
const HARMLESS: ReadonlySet<string> = new Set(["AWS_CA_BUNDLE"]);

/**
 * Removes all AWS settings of the user: an endpoint, a profile or FIPS would lead the SDK past the emulators, or to the
 * company's account. It also replaces the names of the AWS files, because a profile can contain any of these settings.
 * Call it before a client is made or a thread is started, because both copy the environment.
 */
export function forgetAws(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment))
    if (/^AWS_/i.test(name) && !HARMLESS.has(name.toUpperCase())) delete environment[name];
  Object.assign(environment, {
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_REGION: "us-east-1",
    // The emulators accept any credentials.
    AWS_ACCESS_KEY_ID: "dev",
    AWS_SECRET_ACCESS_KEY: "dev",
  });
}

export function useEmulators(environment: NodeJS.ProcessEnv, dynamodb: string, sqs: string): void {
  Object.assign(environment, { AWS_ENDPOINT_URL_DYNAMODB: dynamodb, AWS_ENDPOINT_URL_SQS: sqs });
}

/** What the Lambdas of the embedded server work on. */
export type Resources = {
  readonly table: string;
  readonly queues: QueueUrls;
  readonly keys: string;
  readonly sweepSeconds: number;
  /** Whether there are clusters to look at. */
  readonly isWatching: boolean;
  /** Whether there are targets that are asked to start attempts. */
  readonly isDispatching: boolean;
};

/** What the Lambdas read: the names of their table and queues. */
export function useResources(
  environment: NodeJS.ProcessEnv,
  { table, queues, keys, sweepSeconds, isWatching, isDispatching }: Resources,
): void {
  Object.assign(environment, {
    [ENVIRONMENT.table]: table,
    [ENVIRONMENT.requeueQueue]: queues.requeue,
    [ENVIRONMENT.tickQueue]: queues.tick,
    [ENVIRONMENT.noticeQueue]: queues.notice,
    [ENVIRONMENT.keys]: keys,
    [ENVIRONMENT.sweepSeconds]: String(sweepSeconds),
    [ENVIRONMENT.anonymousOwners]: "true", // there is no IAM here
    ...(isWatching && {
      [ENVIRONMENT.watchQueue]: queues.watch,
    }),
    ...(isDispatching && {
      [ENVIRONMENT.dispatchQueue]: queues.dispatch,
      [ENVIRONMENT.dispatchDeadLetters]: queues.dispatchDeadLetters,
    }),
  });
}
