import { createHmac } from "node:crypto";

/** Standard Webhooks: 24 to 64 bytes (github.com/standard-webhooks/standard-webhooks). */
const [LEAST_BYTES, MOST_BYTES] = [24, 64];
/** Node would read anything as base64, and the receiver would find no signature of its secret. */
const SECRET = /^(whsec_)?([A-Za-z0-9+/]+={0,2})$/;

/**
 * The secrets in a text: base64, with or without `whsec_`, separated by blanks. A receiver that changes its secret has
 * both in the text until it knows the new one. Throws if one is not valid, and does not show it.
 */
export function secretsIn(text: string): readonly Uint8Array[] {
  const secrets = text
    .trim()
    .split(/\s+/)
    .map((each) => Buffer.from(SECRET.exec(each)?.[2] ?? "", "base64"));
  if (secrets.some(({ length }) => length < LEAST_BYTES || length > MOST_BYTES))
    throw new Error(`a secret of a webhook is ${LEAST_BYTES} to ${MOST_BYTES} bytes in base64`);
  return secrets;
}

/**
 * The headers of Standard Webhooks 1.0. `seconds`: the Unix time of this try. There is one signature for each secret.
 */
export function signedHeaders(
  id: string,
  seconds: number,
  body: string,
  secrets: readonly Uint8Array[],
): Readonly<Record<string, string>> {
  const sign = (secret: Uint8Array): string =>
    `v1,${createHmac("sha256", secret).update(`${id}.${seconds}.${body}`).digest("base64")}`;
  return {
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": secrets.map(sign).join(" "),
  };
}
