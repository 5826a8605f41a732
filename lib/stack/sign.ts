import { Sha256 } from "@aws-crypto/sha256-js";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { SignatureV4 } from "@smithy/signature-v4";
import { AccountError, isWithoutCredentials, sentenceOf, whyNoCredentials } from "./refusal.ts";
import { type Credentials, regionOf, type Settings } from "./settings.ts";

/** A request as it will be sent. */
export type Unsigned = {
  readonly method: string;
  readonly url: URL;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
};

/** What to send with a request, or why it has to go without a signature. */
export type Signed =
  | { readonly kind: "signed"; readonly headers: Readonly<Record<string, string>>; readonly by: string }
  | { readonly kind: "unsigned"; readonly why: string };

export type Signer = {
  /** Throws an AccountError when there are credentials and no region. */
  sign(request: Unsigned): Promise<Signed>;
  /** Who signs: the ARN, as far as STS tells, else undefined. */
  caller(): Promise<string | undefined>;
};

/** What API Gateway calls itself. A private API has the id of its endpoint before that, too. */
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
    path: url.pathname, // the whole of it: of a REST API the stage is signed too
    query,
    headers: { ...headers, host: url.host },
    ...(body !== undefined && { body }),
  });
  // fetch writes this one itself, and refuses to be told.
  const { host: _, ...rest } = signed.headers;
  return rest;
}

/** Where STS is asked who we are. It answers everybody, whatever is allowed. */
function stsUrl(settings: Settings, region: string): URL {
  const told = settings.endpoint ?? process.env["AWS_ENDPOINT_URL_STS"] ?? process.env["AWS_ENDPOINT_URL"];
  return new URL(told ?? `https://sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/`);
}

/** It only makes an error clearer, and is not waited for longer. */
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
    return undefined; // the refusal that this was to explain stands by itself
  }
}

/** Signs requests to an API of API Gateway (SigV4, "execute-api") with the credentials that the SDK would take. */
export function signer(settings: Settings): Signer {
  const provide: () => Promise<Credentials> = settings.credentials ?? defaultProvider();
  return {
    sign: async (request) => {
      let credentials: Credentials;
      try {
        credentials = await provide();
      } catch (error) {
        if (isWithoutCredentials(error)) return { kind: "unsigned", why: whyNoCredentials(error) };
        throw new AccountError(`AWS credentials cannot be had: ${whyNoCredentials(error)}`);
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
