import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { generate } from "selfsigned";
import type { Connection } from "../../../lib/adapters/kubernetes/rest.ts";

/** What a stand-in for an API server answers: a body, and a status if it is not 200. */
export type Answer = {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection is cut instead. */
  readonly isCut?: true;
  /** The text as it is, and not the JSON of `body`. */
  readonly text?: string;
};

export type StandIn = {
  readonly connection: Connection & { tokens: number };
  /** The paths that were asked for, with their queries. */
  readonly asked: string[];
  stop(): Promise<void>;
};

/** A stand-in for an API server on 127.0.0.1. */
export async function apiServer(
  answer: (request: IncomingMessage, url: URL, body: string) => Answer,
): Promise<StandIn> {
  const { cert, private: key } = await generate([{ name: "commonName", value: "api" }], {
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  const asked: string[] = [];
  const server: Server = createServer({ cert, key }, async (request, response) => {
    const url = new URL(request.url ?? "/", "https://127.0.0.1");
    asked.push(decodeURIComponent(`${url.pathname}${url.search}`));
    const sent: Buffer[] = [];
    for await (const part of request) sent.push(part as Buffer);
    const { status = 200, body, headers, isCut, text } = answer(request, url, Buffer.concat(sent).toString());
    if (isCut === true) {
      response.destroy();
      return;
    }
    const zipped = gzipSync(text ?? JSON.stringify(body ?? {}));
    response.writeHead(status, { "content-encoding": "gzip", ...headers }).end(zipped);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const connection = {
    tokens: 1,
    access: async () => ({ server: address, tls: { ca: cert }, token: `token-${connection.tokens}` }),
    refused: () => {
      connection.tokens += 1;
    },
  };
  return {
    connection,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
