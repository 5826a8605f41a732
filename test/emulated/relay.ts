import {
  type Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  Agent as KeepAlive,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

export type Relay = { readonly url: string; stop(): Promise<void> };

type Handler = (incoming: IncomingMessage, response: ServerResponse, agent: Agent) => void;

/** A server on the loopback interface, with connections of its own to whoever is behind it. */
export async function relay(handle: Handler): Promise<Relay> {
  const agent = new KeepAlive({ keepAlive: true });
  const server = createServer((incoming, response) => handle(incoming, response, agent));
  server.keepAliveTimeout = 60_000; // shorter than that of its callers, it would cut a request off now and then
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

/**
 * Hands a request on, and its reply back. Like a load balancer it says that the caller came by TLS, which policies of the
 * bucket and of our queues ask for.
 */
export function handOn(
  incoming: IncomingMessage,
  response: ServerResponse,
  { to, agent, headers = incoming.headers }: { to: URL; agent: Agent; headers?: IncomingHttpHeaders },
  seen: (status: number) => void = () => {},
): void {
  const { hostname, port } = to;
  const { method, url: path } = incoming;
  const sent = { ...headers, "x-forwarded-proto": "https" };
  const onward = request({ hostname, port, agent, method, path, headers: sent }, (reply) => {
    seen(reply.statusCode ?? 0);
    response.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.on("error", () => response.destroy());
    reply.pipe(response);
  });
  onward.on("error", () => response.destroy());
  incoming.pipe(onward);
}

/** Puts that host into the headers. microburst puts its upstream's there, and the signature, which covers it, would fail. */
export function relayAs(host: string, upstream: string): Promise<Relay> {
  const to = new URL(upstream);
  return relay((incoming, response, agent) =>
    handOn(incoming, response, { to, agent, headers: { ...incoming.headers, host } }),
  );
}
