import middy from "@middy/core";
import { secretsClient } from "../lib/aws/keys.ts";
import { type RotationStep, rotate } from "../lib/aws/rotation.ts";
import { once, systemClock } from "./store.ts";

const theSecrets = once(secretsClient);

/** Secrets Manager's rotation of the signing keys. */
export const handler = middy<RotationStep, void>().handler((step) => rotate(theSecrets(), step, systemClock.now()));
