import { type Dynamo, dynamoClient } from "../lib/adapters/aws/dynamo.ts";
import { secretReader, secretsClient } from "../lib/adapters/aws/secrets.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Keys } from "../lib/ports/runtime.ts";
import { keysFrom, once, setting } from "./variables.ts";

/** One client for all ports, so that they share its connections. */
export const theTable = once(
  (environment): Dynamo => ({
    client: dynamoClient(),
    table: setting(environment, ENVIRONMENT.table),
  }),
);

export const theKeys = once(
  (environment): Keys => keysFrom(environment, (secretId) => secretReader(secretsClient(), secretId)),
);
