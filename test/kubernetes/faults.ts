import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, OutgoingHttpHeaders, RequestOptions, ServerResponse } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { generate } from "selfsigned";
import { seededDice } from "../sim/dice.ts";
import type { Plane } from "./plane.ts";

/** What may happen to a request. In `lost` and `late` it is done, and its answer does not come, or not in time. */
const FAULTS = ["busy", "broken", "unknown", "reset", "lost", "late"] as const;
type Fault = (typeof FAULTS)[number];

/** An API server behind a proxy that does something else now and then. */
export type FaultyApi = {
  readonly kubeconfig: string;
  /** How many of the next requests have a fault: 0 to 1. */
  share: number;
  /** What was asked for: each method with its path. */
  readonly requests: readonly string[];
  readonly faults: Readonly<Record<Fault, number>>;
  stop(): Promise<void>;
};

/** Longer than our client waits for an answer. */
const LATE_MS = 6000;

const ANSWERS: Partial<Record<Fault, { readonly status: number; readonly headers?: Record<string, string> }>> = {
  busy: { status: 429, headers: { "retry-after": "1" } },
  broken: { status: 503 },
  unknown: { status: 401 },
};

/** Stands between a client and a real API server. The same seed draws the same faults. */
export async function faultyApi(plane: Plane, seed: number): Promise<FaultyApi> {
  const config = new KubeConfig();
  config.loadFromFile(plane.kubeconfig);
  const identity: RequestOptions & { headers?: OutgoingHttpHeaders } = {};
  await config.applyToHTTPSOptions(identity);
  const dice = seededDice(seed);
  const faults = { busy: 0, broken: 0, unknown: 0, reset: 0, lost: 0, late: 0 };
  const requests: string[] = [];
  const made = await generate([{ name: "commonName", value: "api" }], {
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });

  const draw = (share: number): Fault | undefined => (dice.chance(share) ? dice.pick(FAULTS) : undefined);

  async function forward(asked: IncomingMessage, response: ServerResponse, fault: Fault | undefined): Promise<void> {
    const { authorization: _, host: __, ...headers } = asked.headers;
    const options = { ...identity, method: asked.method, headers: { ...headers, ...identity.headers } };
    const sent = request(new URL(asked.url ?? "/", plane.address), options);
    asked.pipe(sent);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    if (fault === "lost") response.destroy();
    if (fault === "late") await new Promise((resolve) => setTimeout(resolve, LATE_MS));
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  }

  const server = createServer({ cert: made.cert, key: made.private }, (asked, response) => {
    requests.push(`${asked.method} ${asked.url}`);
    const fault = draw(faulty.share);
    if (fault !== undefined) faults[fault] += 1;
    const instead = fault === undefined ? undefined : ANSWERS[fault];
    if (instead !== undefined) response.writeHead(instead.status, instead.headers).end();
    else if (fault === "reset") response.destroy();
    else forward(asked, response, fault).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const kubeconfig = join(plane.folder, "faulty");
  const authority = Buffer.from(made.cert).toString("base64");
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      "current-context": "here",
      clusters: [{ name: "test", cluster: { server: address, "certificate-authority-data": authority } }],
      users: [{ name: "me", user: { token: "a-token" } }],
      contexts: [{ name: "here", context: { cluster: "test", user: "me" } }],
    }),
  );
  const faulty: FaultyApi = {
    kubeconfig,
    share: 0,
    requests,
    faults,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return faulty;
}
