import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { kubeconfigClient } from "../../lib/adapters/kubernetes/kubeconfig.ts";
import type { Call, Rest } from "../../lib/adapters/kubernetes/rest.ts";

/** The binary that scripts/kubernetes.sh builds. */
export function binary(): string {
  const path = process.env["LASTBEAT_KUBERNETES"];
  if (path === undefined) throw new Error("npm run test:kubernetes builds what these tests need");
  return path;
}

export type Plane = {
  readonly folder: string;
  /** The URL of the API server. */
  readonly address: string;
  readonly kubeconfig: string;
  readonly rest: Rest;
  call(call: Call): Promise<unknown>;
  stop(): Promise<void>;
};

/** Ends a process, and waits until it has. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const left = once(child, "close");
  child.kill(signal);
  const killed = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await left;
  clearTimeout(killed);
}

/** A real control plane on 127.0.0.1. A node counts as silent after 20 s. */
export async function startPlane(): Promise<Plane> {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-kubernetes-"));
  const args = [
    "control-plane",
    "-dir",
    join(folder, "plane"),
    "-kcm-args",
    "--node-monitor-grace-period=20s --node-monitor-period=2s",
  ];
  const child = spawn(binary(), args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const said = await Promise.race([once(lines, "line").then(([line]) => String(line)), once(child, "close")]);
  const [, address] = /^ready (\S+)$/.exec(String(said)) ?? [];
  if (address === undefined) throw new Error(`the control plane did not start; its logs are in ${folder}`);
  const kubeconfig = join(folder, "plane", "kubeconfig");
  const { rest } = kubeconfigClient(kubeconfig);
  const plane: Plane = {
    folder,
    address,
    kubeconfig,
    rest,
    call: (call) => rest.call(call),
    stop: async () => {
      rest.close();
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await until("the namespace has its service account", () =>
    plane.call({ path: "/api/v1/namespaces/default/serviceaccounts/default" }).then(
      () => true,
      () => false,
    ),
  );
  return plane;
}

/** Looks again until it is so. The bound is far beyond what it takes. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, seconds = 120): Promise<T> {
  const over = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > over) throw new Error(`it did not come to that within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
