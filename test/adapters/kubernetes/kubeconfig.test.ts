import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { kubernetesCluster } from "../../../lib/adapters/kubernetes/cluster.ts";
import { kubeconfigClient } from "../../../lib/adapters/kubernetes/kubeconfig.ts";
import type { Cluster } from "../../../lib/ports/clusters.ts";
import { apiServer } from "./server.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lastbeat-kubeconfig-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A kubeconfig in the folder. */
function kubeconfig(server: string, user: object, more: object = {}): string {
  const file = join(folder, "config");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    clusters: [{ name: "lab", cluster: { server, ...more } }],
    users: [{ name: "me", user }],
    contexts: [{ name: "here", context: { cluster: "lab", user: "me" } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const kubeconfigCluster = (file: string, context?: string): Cluster => {
  const { name, rest } = kubeconfigClient(file, context);
  return kubernetesCluster(name, rest);
};

describe("a kubeconfig", () => {
  test.each([
    ["a token", (): object => ({ token: "token-1" })],
    [
      "a command that makes a token",
      (): object => {
        const credential = {
          apiVersion: "client.authentication.k8s.io/v1",
          kind: "ExecCredential",
          status: { token: "token-1" },
        };
        return {
          exec: { apiVersion: "client.authentication.k8s.io/v1", command: "echo", args: [JSON.stringify(credential)] },
        };
      },
    ],
  ])("with %s leads to the API server", async (_, user) => {
    const standIn = await apiServer(({ headers }) =>
      headers.authorization === "Bearer token-1" ? { body: { items: [] } } : { status: 401, body: { message: "no" } },
    );
    try {
      const { server, tls } = await standIn.connection.access();
      const ca = Buffer.from(String(tls.ca)).toString("base64");
      const cluster = kubeconfigCluster(kubeconfig(server.href, user(), { "certificate-authority-data": ca }));
      expect(cluster.name).toBe("lab");
      expect(await cluster.endedPods()).toEqual([]);
    } finally {
      await standIn.stop();
    }
  });

  test("does not lead to a server that its authority has not signed", async () => {
    const standIn = await apiServer(() => ({ body: { items: [] } }));
    try {
      const { server } = await standIn.connection.access();
      await expect(kubeconfigCluster(kubeconfig(server.href, { token: "t" })).endedPods()).rejects.toThrow(
        "self-signed",
      );
    } finally {
      await standIn.stop();
    }
  });

  test("that is not there, is none, or has no such context, is said", () => {
    expect(() => kubeconfigCluster(join(folder, "nothing"))).toThrow("cannot be used");
    expect(() => kubeconfigCluster(kubeconfig("http://127.0.0.1:1", {}))).toThrow("not an https address");
    expect(() => kubeconfigCluster(kubeconfig("https://127.0.0.1:1", {}), "there")).toThrow('no context "there"');
  });
});
