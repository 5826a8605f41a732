import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a front door does with one request. `hang` never answers, `reset` cuts the connection. */
export type Behaviour =
  | "hang"
  | "reset"
  | { readonly status: number; readonly body: string; readonly headers?: Record<string, string> };

export type Call = {
  readonly name: string;
  readonly credential: string;
  readonly identity?: string;
  readonly body: unknown;
};

/** A front door whose behaviour the test sets, call by call. */
export type Gateway = {
  readonly url: string;
  readonly calls: readonly Call[];
  /** Resolves when that many calls of that name have come. */
  called(name: string, times?: number): Promise<void>;
  stop(): Promise<void>;
};

export const json = (body: unknown, status = 200): Behaviour => ({ status, body: JSON.stringify(body) });

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text);
}

/** `behave` is asked for each call, with how many of that name came before. */
export async function gateway(behave: (name: string, before: number) => Behaviour): Promise<Gateway> {
  const calls: Call[] = [];
  const waiting = new Set<() => void>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const name = request.url?.split("/").at(-1) ?? "";
    const before = calls.filter((call) => call.name === name).length;
    const identity = request.headers["x-lastbeat-identity"];
    calls.push({
      name,
      credential: request.headers.authorization ?? "",
      ...(identity !== undefined && { identity: String(identity) }),
      body: await bodyOf(request),
    });
    for (const look of waiting) look();
    const behaviour = behave(name, before);
    if (behaviour === "reset") request.socket.destroy();
    if (typeof behaviour === "string") return;
    response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body);
  };
  const server: Server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    calls,
    called: (name, times = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (calls.filter((call) => call.name === name).length < times) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
