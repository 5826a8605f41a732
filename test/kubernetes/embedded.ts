import type { RecordView } from "../../lib/wire/run-view.ts";
import { lastbeat } from "../e2e/processes.ts";

/** The embedded server, in a process of its own, on the cluster of a kubeconfig. */
export type Embedded = {
  /** Throws unless the answer is a success. */
  call(method: string, path: string, body?: object): Promise<unknown>;
  register(run: string, spec: object): Promise<void>;
  record(run: string): Promise<RecordView>;
  stop(): Promise<void>;
};

/** It sweeps, and looks at its cluster, every five seconds. */
export async function startEmbedded(kubeconfig: string, ...more: readonly string[]): Promise<Embedded> {
  const program = lastbeat(["dev", "--port", "0", "--sweep", "5", "--kubeconfig", kubeconfig, ...more]);
  const [, url] = await program.line(/lastbeat listens on (\S+)/);
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      method,
      // A connection that is kept may be closed by the server at the moment at which it is used again.
      headers: { connection: "close" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return response.json();
  };
  return {
    call,
    register: async (run, spec) => void (await call("PUT", `/v1/runs/${run}`, spec)),
    record: async (run) => (await call("GET", `/v1/runs/${run}`)) as RecordView,
    stop: async () => {
      program.child.kill("SIGTERM");
      await program.left;
    },
  };
}
