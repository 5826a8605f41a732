import { SECRET_BYTES, secretKeys, signingKey } from "../lib/adapters/aws/keys.ts";
import { instant } from "../lib/core/time.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Clock, Key, Keys } from "../lib/ports/runtime.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export function setting(environment: Environment, name: string): string {
  const value = environment[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
}

/** The signing keys in the environment. Errors name a key by its position, and never show its secret. */
export function keysOf(value: string): readonly [Key, ...Key[]] {
  const keys = value.split(",").map((part, index): Key => {
    const [id = "", secret = ""] = part.split(":");
    const key = signingKey(id, secret);
    if (key === undefined)
      throw new Error(
        `key ${index + 1} of ${ENVIRONMENT.keys} must be <id>:<base64url of at least ${SECRET_BYTES} bytes>`,
      );
    return key;
  });
  const [newest, ...older] = keys;
  if (newest === undefined) throw new Error(`${ENVIRONMENT.keys} contains no key`);
  return [newest, ...older];
}

export const systemClock: Clock = { now: () => instant(Date.now()) };

/** Makes a value at the first request of a Lambda container, and keeps it for the next requests. */
export function once<T>(make: (environment: Environment) => T): () => T {
  let made: { readonly it: T } | undefined;
  return () => {
    made ??= { it: make(process.env) };
    return made.it;
  };
}

/** The keys from the secret, or from the environment in the embedded server. `reader` reads the text of a secret. */
export function keysFrom(environment: Environment, reader: (secretId: string) => () => Promise<string>): Keys {
  const secret = environment[ENVIRONMENT.keysSecret];
  if (secret !== undefined) return secretKeys(reader(secret), systemClock);
  const keys = keysOf(setting(environment, ENVIRONMENT.keys));
  return { all: async () => keys };
}
