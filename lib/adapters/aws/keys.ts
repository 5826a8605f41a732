import { type Instant, instant } from "../../core/time.ts";
import type { Clock, Key, Keys } from "../../ports/runtime.ts";

/**
 * A key of the secret. It is accepted from the moment that it is read. It signs from an instant at which all Lambdas
 * have read it.
 */
export type StoredKey = { readonly id: string; readonly secret: Uint8Array; readonly signsFrom: Instant };

/** The same key as the secret stores it. */
type Written = { readonly id: string; readonly secret: string; readonly signsFrom: string };

/** The key that CloudFormation generated with the secret, before the first rotation. */
const INITIAL = "initial";
/**
 * How long a Lambda works with the keys that it has read. A new key signs later than that, so no Lambda meets a
 * signature whose key it has not read. A key that is taken out of the secret is forgotten within that time.
 */
export const SECRET_BYTES = 32;

/**
 * How long a Lambda works with the keys that it has read. A new key signs only after more than that time, so no Lambda
 * meets a signature whose key it has not read. A key that is taken out of the secret is forgotten within that time.
 */
export const KEYS_ARE_KEPT_MS = 15 * 60_000;

/**
 * A signing key from its id and its secret in base64url; undefined if these are not valid, so that no error shows them.
 */
export function signingKey(id: unknown, secret: unknown): Key | undefined {
  if (typeof id !== "string" || !/^[A-Za-z0-9_-]{1,32}$/.test(id) || typeof secret !== "string") return undefined;
  const bytes = Buffer.from(secret, "base64url");
  return bytes.length < SECRET_BYTES ? undefined : { id, secret: bytes };
}

function storedKey(value: unknown): StoredKey | undefined {
  const { id, secret, signsFrom } = (value ?? {}) as Partial<Record<keyof Written, unknown>>;
  const key = signingKey(id, secret);
  const from = typeof signsFrom === "string" ? Date.parse(signsFrom) : Number.NaN;
  return key === undefined || Number.isNaN(from) ? undefined : { ...key, signsFrom: instant(from) };
}

/** The keys in the secret's text, the newest first. Errors never show the text. */
export function storedKeys(text: string): readonly [StoredKey, ...StoredKey[]] {
  const { keys, [INITIAL]: made } = fieldsOf(text);
  if (typeof made === "string" && made.length >= SECRET_BYTES)
    return [{ id: INITIAL, secret: Buffer.from(made), signsFrom: instant(0) }];
  const found = Array.isArray(keys) ? keys.map(storedKey) : [undefined];
  if (!found.every((key) => key !== undefined))
    throw new Error('the secret of the signing keys is not {"keys": [{"id", "secret", "signsFrom"}]}');
  const [newest, ...older] = found.sort((one, other) => other.signsFrom - one.signsFrom);
  if (newest === undefined) throw new Error("the secret of the signing keys holds no key");
  return [newest, ...older];
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** The text of a secret that holds these keys. */
export const secretText = (keys: readonly StoredKey[]): string =>
  JSON.stringify({
    keys: keys.map(
      ({ id, secret, signsFrom }): Written => ({
        id,
        secret: Buffer.from(secret).toString("base64url"),
        signsFrom: new Date(signsFrom).toISOString(),
      }),
    ),
  });

/**
 * The keys in the order in which they are used: the newest one that already signs, then all others that are accepted.
 */
export function inUse(stored: readonly [StoredKey, ...StoredKey[]], now: Instant): readonly [Key, ...Key[]] {
  const signing = stored.find(({ signsFrom }) => signsFrom <= now) ?? stored[0];
  return [signing, ...stored.filter((key) => key !== signing)];
}

/**
 * The keys of a secret whose text is read again every 15 minutes. While it cannot be read, the known keys stay valid.
 */
export function secretKeys(readSecret: () => Promise<string>, clock: Clock): Keys {
  let known: readonly [StoredKey, ...StoredKey[]] | undefined;
  let readAt = 0;
  const read = async (): Promise<readonly [StoredKey, ...StoredKey[]]> => storedKeys(await readSecret());
  return {
    all: async () => {
      const now = clock.now();
      if (known === undefined) {
        known = await read();
        readAt = now;
      } else if (now - readAt >= KEYS_ARE_KEPT_MS) {
        readAt = now; // also if it fails: one try in that time, not one per request
        known = await read().catch(() => known as readonly [StoredKey, ...StoredKey[]]);
      }
      return inUse(known, now);
    },
  };
}
