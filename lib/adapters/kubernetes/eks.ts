import { Sha256 } from "@aws-crypto/sha256-js";
import { DescribeClusterCommand, EKSClient } from "@aws-sdk/client-eks";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import { SignatureV4 } from "@smithy/signature-v4";
import { kept } from "./kept.ts";
import type { Access, Connection } from "./rest.ts";

/** A cluster of EKS: its name, its region, and the role of another account that may ask it, if it is in another. */
export type EksCluster = { readonly name: string; readonly region: string; readonly role?: string };

type Credentials = ReturnType<typeof defaultProvider>;

/** EKS takes a token for 15 minutes after it was signed. 10 leave time for a request, and for clocks that differ. */
const TOKEN_MS = 10 * 60_000;
/** What the signature itself allows: EKS asks for 60 s or less from most clients. */
const EXPIRES_SECONDS = 60;
/** An endpoint and its authority change when a cluster is made anew. */
const DESCRIBED_MS = 60 * 60_000;

/**
 * The bearer token of EKS: the address of a signed request to STS, which EKS sends to learn who signed it. Only `host`
 * and `x-k8s-aws-id` may be signed. Source: the EKS user guide, and aws-iam-authenticator.
 */
export async function eksToken(
  { name, region }: EksCluster,
  credentials: Credentials,
  signingDate: Date = new Date(),
): Promise<string> {
  const hostname = `sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  const signer = new SignatureV4({ service: "sts", region, credentials, sha256: Sha256 });
  const { query = {} } = await signer.presign(
    {
      method: "GET",
      protocol: "https:",
      hostname,
      path: "/",
      query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
      headers: { host: hostname, "x-k8s-aws-id": name },
    },
    { expiresIn: EXPIRES_SECONDS, signingDate, unhoistableHeaders: new Set(["x-k8s-aws-id"]) },
  );
  const url = new URL(`https://${hostname}/`);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value));
  return `k8s-aws-v1.${Buffer.from(url.href).toString("base64url")}`;
}

/** The way to a cluster of EKS, with the credentials that the SDK finds, or those of a role. */
export function eksConnection(cluster: EksCluster): Connection {
  const { name, region, role } = cluster;
  const credentials: Credentials =
    role === undefined
      ? defaultProvider()
      : fromTemporaryCredentials({ params: { RoleArn: role, RoleSessionName: "lastbeat" }, clientConfig: { region } });
  const described = kept(DESCRIBED_MS, async (): Promise<Pick<Access, "server" | "tls">> => {
    const client = new EKSClient({ region, credentials, maxAttempts: 3 });
    try {
      const { cluster: found } = await client.send(new DescribeClusterCommand({ name }));
      const authority = found?.certificateAuthority?.data;
      if (found?.endpoint === undefined || authority === undefined)
        throw new Error(`the cluster ${name} has no endpoint yet: its status is ${found?.status ?? "unknown"}`);
      return { server: new URL(found.endpoint), tls: { ca: Buffer.from(authority, "base64") } };
    } finally {
      client.destroy();
    }
  });
  const token = kept(TOKEN_MS, () => eksToken(cluster, credentials));
  return {
    access: async () => ({ ...(await described.get()), token: await token.get() }),
    refused: () => token.drop(),
  };
}
