import { createHmac, hash } from "node:crypto";

export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The credentials of a role, such as a Lambda's, have one. */
  readonly sessionToken?: string | undefined;
};

/** The region and the service that a request is for. */
export type Scope = { readonly region: string; readonly service: string };

const sha256 = (text: string): string => hash("sha256", text);
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** A key is valid for a day, a region and a service. So its four digests are made once a day. */
let kept: { readonly of: string; readonly key: Buffer } | undefined;

function signingKey({ secretAccessKey }: Credentials, day: string, { region, service }: Scope): Buffer {
  const of = [secretAccessKey, day, region, service].join("\n");
  if (kept?.of !== of) {
    const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
    kept = { of, key: key as Buffer };
  }
  return kept.key;
}

/**
 * The headers of a `POST /` with AWS's Signature Version 4 among them (IAM user guide, "Create a signed AWS API
 * request"). `headers`: those that are sent, including `host`, with their names in lower case. All of them are signed.
 */
export function signed(
  headers: Readonly<Record<string, string>>,
  body: string,
  credentials: Credentials,
  scope: Scope,
  now: Date,
): Readonly<Record<string, string>> {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const { sessionToken } = credentials;
  const all: Record<string, string> = {
    ...headers,
    "x-amz-date": time,
    ...(sessionToken !== undefined && { "x-amz-security-token": sessionToken }),
  };
  const names = Object.keys(all).sort();
  const listed = names.join(";");
  const canonical = names.map((name) => `${name}:${all[name]?.trim()}\n`).join("");
  const place = `${day}/${scope.region}/${scope.service}/aws4_request`;
  const request = sha256(`POST\n/\n\n${canonical}\n${listed}\n${sha256(body)}`);
  const signature = hmac(signingKey(credentials, day, scope), `AWS4-HMAC-SHA256\n${time}\n${place}\n${request}`);
  all["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${place}, SignedHeaders=${listed}, Signature=${signature.toString("hex")}`;
  return all;
}
