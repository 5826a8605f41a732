import middy from "@middy/core";
import { type RotationStep, rotate } from "../lib/adapters/aws/rotation.ts";
import { secretsClient } from "../lib/adapters/aws/secrets.ts";
import { once, systemClock } from "./variables.ts";

const theSecrets = once(secretsClient);

/** Secrets Manager's rotation of the signing keys. */
export const handler = middy<RotationStep, void>().handler((step) => rotate(theSecrets(), step, systemClock.now()));
