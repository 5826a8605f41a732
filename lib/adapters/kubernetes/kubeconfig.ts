import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { kept } from "./kept.ts";
import { type Access, type Connection, type Rest, restClient } from "./rest.ts";

/** A kubeconfig that cannot be used. The message says why. */
export class KubeconfigError extends Error {}

/**
 * A client for the cluster that a context of a kubeconfig describes: with a token, a client certificate, or a command that makes
 * a token. Without `context` it is the current one. Throws a `KubeconfigError`.
 */
export function kubeconfigClient(file: string, context?: string): { readonly name: string; readonly rest: Rest } {
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (error) {
    throw new KubeconfigError(`${file} cannot be used: ${(error as Error).message}`);
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) throw new KubeconfigError(`${file} has no context "${context}"`);
    config.setCurrentContext(context);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new KubeconfigError(`${file} has no cluster in its context "${config.getCurrentContext()}"`);
  const server = new URL(cluster.server);
  if (server.protocol !== "https:") throw new KubeconfigError(`${file}: ${cluster.server} is not an https address`);
  return { name: cluster.name, rest: restClient(connectionOf(config, server)) };
}

/** A file or a command may give a new token at any time. Tokens that are mounted are renewed long before they expire. */
const KEPT_MS = 60_000;

/** The library puts the authority, a certificate and the header with the token into the options of a request. */
function connectionOf(config: KubeConfig, server: URL): Connection {
  const make = async (): Promise<Access> => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, passphrase, rejectUnauthorized, servername, headers } = options;
    const header = (headers as Record<string, unknown> | undefined)?.["Authorization"];
    return {
      server,
      tls: Object.fromEntries(
        Object.entries({ ca, cert, key, passphrase, rejectUnauthorized, servername }).filter(
          ([, value]) => value !== undefined,
        ),
      ),
      ...(typeof header === "string" && { token: header.replace(/^Bearer /, "") }),
    };
  };
  const access = kept(KEPT_MS, make);
  return { access: access.get, refused: access.drop };
}
