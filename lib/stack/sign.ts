import { Sha256 } from "@aws-crypto/sha256-js";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { SignatureV4 } from "@smithy/signature-v4";
import { AccountError, isWithoutCredentials, sentenceOf, whyNoCredentials } from "./refusal.ts";
import { type Credentials, regionOf, type Settings } from "./settings.ts";

/** A request before it is signed and sent. */
export type Unsigned = {
  readonly method: string;
  readonly url: URL;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
};

/** The headers to send with a request, or why it must be sent without a signature. */
export type Signed =
  | { readonly kind: "signed"; readonly headers: Readonly<Record<string, string>>; readonly by: string }
  | { readonly kind: "unsigned"; readonly why: string };

export type Signer = {
  /** Throws an AccountError if there are credentials but no region. */
  sign(request: Unsigned): Promise<Signed>;
  /** The ARN of the signer, if STS tells it; else undefined. */
  caller(): Promise<string | undefined>;
};

/** The host names of API Gateway. The name of a private API also contains the id of its endpoint. */
const GATEWAY = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/;

async function signature(
  { method, url, body, headers }: Unsigned,
  scope: { readonly credentials: Credentials; readonly region: string; readonly service: string },
): Promise<Readonly<Record<string, string>>> {
  const signer = new SignatureV4({ ...scope, sha256: Sha256 });
  const query: Record<string, string[]> = {};
  for (const [name, value] of url.searchParams) query[name] = [...(query[name] ?? []), value];
  const signed = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname, // the whole path: the stage of a REST API is signed too
    query,
    headers: { ...headers, host: url.host },
    ...(body !== undefined && { body }),
  });
  // fetch sets this header itself, and does not allow it to be set.
  const { host: _, ...rest } = signed.headers;
  return rest;
}

/** The address of STS, which tells who the caller is. It answers every caller, whatever the permissions are. */
function stsUrl(settings: Settings, region: string): URL {
  const told = settings.endpoint ?? process.env["AWS_ENDPOINT_URL_STS"] ?? process.env["AWS_ENDPOINT_URL"];
  return new URL(told ?? `https://sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/`);
}

/** The answer only makes an error clearer, so it is not worth a longer wait. */
const STS_MS = 3_000;

async function callerOf(settings: Settings, credentials: Credentials): Promise<string | undefined> {
  try {
    const region = await regionOf(settings);
    const request = {
      method: "POST",
      url: stsUrl(settings, region),
      body: "Action=GetCallerIdentity&Version=2011-06-15",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    };
    const headers = await signature(request, { credentials, region, service: "sts" });
    const { url, method, body } = request;
    const response = await fetch(url, { method, body, headers, signal: AbortSignal.timeout(STS_MS) });
    return /<Arn>([^<]+)<\/Arn>/.exec(await response.text())?.[1];
  } catch {
    return undefined; // the error is clear enough without it
  }
}

/** Signs requests to an API of API Gateway (SigV4, "execute-api") with the credentials that the SDK would use. */
export function signer(settings: Settings): Signer {
  const provide: () => Promise<Credentials> = settings.credentials ?? defaultProvider();
  return {
    sign: async (request) => {
      let credentials: Credentials;
      try {
        credentials = await provide();
      } catch (error) {
        if (isWithoutCredentials(error)) return { kind: "unsigned", why: whyNoCredentials(error) };
        throw new AccountError(`could not load AWS credentials: ${whyNoCredentials(error)}`);
      }
      const region =
        GATEWAY.exec(request.url.hostname)?.[1] ??
        (await regionOf(settings).catch((error: unknown) => {
          throw new AccountError(sentenceOf(error, "execute-api:Invoke"));
        }));
      const headers = await signature(request, { credentials, region, service: "execute-api" });
      return { kind: "signed", headers, by: credentials.accessKeyId };
    },
    caller: async () => {
      const credentials = await provide().catch(() => undefined);
      return credentials === undefined ? undefined : callerOf(settings, credentials);
    },
  };
}
