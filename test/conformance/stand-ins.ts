import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import type { Server } from "../e2e/processes.ts";

/** What a front door answers to a request of this kind, counted from 0; undefined: what the embedded server answers. */
export type Weather = (call: string, index: number) => { readonly status: number; readonly body?: string } | undefined;

/** A server on a loopback address, from the moment it listens. */
export type StandIn = { readonly port: number; close(): void };

async function listening(server: HttpServer, host: string): Promise<StandIn> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A front door before the embedded server. */
export function frontDoor(behind: Server, weather: Weather, host = "127.0.0.1"): Promise<StandIn> {
  const counts = new Map<string, number>();
  const door = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const call = request.url?.split("/").at(-1) ?? "";
    const index = counts.get(call) ?? 0;
    counts.set(call, index + 1);
    const bad = weather(call, index);
    if (bad !== undefined) {
      response.writeHead(bad.status, { "retry-after": "1" }).end(bad.body ?? "");
      return;
    }
    const { authorization = "" } = request.headers;
    const answer = await fetch(`${behind.info.api}${request.url}`, {
      method: "POST",
      headers: { authorization },
      body,
    });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
    response.end(await answer.text());
  });
  return listening(door, host);
}

/** A front door that lets nothing but claims through. */
export const claimsOnly = (behind: Server): Promise<StandIn> =>
  frontDoor(behind, (call) => (call === "claim" ? undefined : { status: 502 }));

/** The metadata of an instance that is taken in two minutes. */
export function metadataOfReclaimed(): Promise<StandIn> {
  const time = new Date(Date.now() + 120_000).toISOString();
  const metadata = createServer((request, response) => {
    if (request.method === "PUT") response.end("a-token");
    else if (request.url?.endsWith("/spot/instance-action")) response.end(JSON.stringify({ action: "stop", time }));
    else response.writeHead(404).end();
  });
  return listening(metadata, "127.0.0.1");
}

/** A certificate of its own authority, for 127.0.0.1. */
export const certificateOf = (commonName: string): ReturnType<typeof generate> =>
  generate([{ name: "commonName", value: commonName }], {
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
