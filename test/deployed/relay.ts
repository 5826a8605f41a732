import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export type Relay = { readonly url: string; stop(): Promise<void> };

/**
 * Hands requests on with that host in their header. microburst puts its upstream's there, and the signature, which covers
 * it, would be refused.
 */
export async function relayAs(host: string, upstream: string): Promise<Relay> {
  const { hostname, port } = new URL(upstream);
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, response) => {
    const headers = { ...incoming.headers, host, "x-forwarded-proto": "https" };
    const onward = request({ hostname, port, agent, method: incoming.method, path: incoming.url, headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.on("error", () => response.destroy());
      reply.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
