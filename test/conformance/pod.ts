import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server as HttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { lastbeat, type Program } from "../e2e/processes.ts";
import { certificateOf } from "./stand-ins.ts";

/*
 * A pod with a native sidecar, as a kubelet plays it: the main container starts when the startup probe of the sidecar says yes, is ended when
 * its liveness probe says no, and its end stands in the API. The kubelet starts a sidecar again that has died.
 */

type State = { readonly running?: object; readonly terminated?: object; readonly waiting?: object };

export type Pod = {
  /** The newest process of the sidecar. */
  readonly sidecar: () => Program;
  /** What all processes of the sidecar have said. */
  readonly said: () => string;
  /** The process id of the main container; undefined as long as it was not started. */
  readonly main: () => number | undefined;
  readonly probe: (name: string) => Promise<number>;
  /** Somebody deletes the pod: the preStop hook of the sidecar, and TERM to the main container. */
  readonly delete: () => Promise<void>;
  /** What the API shows of the main container, instead of what it does. */
  readonly show: (state: State) => void;
  readonly port: number;
  /** The kubelet starts the sidecar again, which it has not noticed to be dead. */
  readonly restart: () => void;
  /** TERM to the main container, for a reason that stands nowhere. */
  readonly end: () => void;
  /** The kubelet evicts the pod: no object is deleted. */
  readonly evict: () => void;
  /** The object of the pod was deleted, and another one has its name now, whose main container has succeeded. */
  readonly replace: () => void;
  /** Nobody probes any more. */
  readonly kubeletDies: () => void;
  /** The API answers with this status; undefined: as usual. */
  readonly fail: (status: number | undefined) => void;
  /** Is called at the end, whatever has happened. */
  readonly close: () => Promise<void>;
};

type Settings = {
  /** The agent; `folder` is what its container sees of this machine. */
  readonly program: (folder: string) => readonly [string, ...string[]];
  /** What the API answers at first. */
  readonly failure?: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly main: readonly [string, ...string[]];
  readonly spec?: (port: number) => object;
  /** Whether the kubelet ends the sidecar after the main container; it does not beside another container. */
  readonly isAlone?: boolean;
  /** Variables of the main container. */
  readonly mainEnvironment?: Readonly<Record<string, string>>;
};

/** How often the kubelet probes. */
const PERIOD_MS = 200;
/** Between TERM and KILL. */
const GRACE_MS = 1000;

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The probe of this sidecar on a path. */
export const probeOn = (path: string, port: number, more: object = {}): object => ({
  httpGet: { path, port },
  periodSeconds: 1,
  failureThreshold: 1,
  terminationGracePeriodSeconds: 1,
  ...more,
});

const defaultSpec = (port: number): object => ({
  restartPolicy: "Never",
  initContainers: [{ name: "lastbeat", restartPolicy: "Always", startupProbe: probeOn("/started", port) }],
  containers: [{ name: "main", livenessProbe: probeOn("/live", port), resources: { limits: { memory: "512Mi" } } }],
});

export async function startPod({
  program,
  environment,
  main: command,
  mainEnvironment = {},
  isAlone = true,
  failure: firstFailure,
  spec = defaultSpec,
}: Settings): Promise<Pod> {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-pod-"));
  const [account, kept] = [join(folder, "account"), join(folder, "state")];
  chmodSync(folder, 0o755);
  mkdirSync(kept);
  chmodSync(kept, 0o777); // as an emptyDir is
  const port = await freePort();
  let [state, failure, isDeleted, isClosed]: [State, number | undefined, boolean, boolean] = [
    { waiting: { reason: "PodInitializing" } },
    firstFailure,
    false,
    false,
  ];
  let isShown = false;
  let [uid, status]: [string, object] = ["uid-1", {}];
  const api = await apiServer(account, () =>
    failure === undefined
      ? {
          status: 200,
          body: {
            metadata: { uid, ...(isDeleted && { deletionTimestamp: new Date().toISOString() }) },
            spec: spec(port),
            status: { ...status, containerStatuses: [{ name: "main", state }] },
          },
        }
      : { status: failure, body: { kind: "Status" } },
  );
  const { port: apiPort } = api.address() as AddressInfo;
  const processes: Program[] = [];
  let main: ChildProcess | undefined;

  const startSidecar = (): void => {
    const process = lastbeat(
      ["sidecar", "--state-dir", kept, "--port", String(port)],
      {
        ...environment,
        KUBERNETES_SERVICE_HOST: "127.0.0.1",
        KUBERNETES_SERVICE_PORT: String(apiPort),
        LASTBEAT_SERVICE_ACCOUNT: account,
        POD_NAME: "etl-7d9f",
      },
      program(folder),
    );
    processes.push(process);
    void process.left.then(() => {
      // The kubelet waits longer from time to time. Here it is always the same.
      if (!isClosed && main?.exitCode === null && main.signalCode === null) setTimeout(startSidecar, 100);
    });
  };
  const sidecar = (): Program => processes.at(-1) as Program;
  const probe = async (name: string): Promise<number> => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/${name}`, { signal: AbortSignal.timeout(1000) })).status;
    } catch {
      return 0; // nobody is there
    }
  };
  const set = (next: State): void => {
    if (!isShown) state = next;
  };
  const startMain = (): void => {
    const [file, ...args] = command;
    main = spawn(file, args, {
      stdio: "ignore",
      detached: true,
      env: { ...process.env, ...mainEnvironment },
    });
    set({ running: {} });
    main.once("exit", (code, signal) => {
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      set({ terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error" } });
      if (isAlone) sidecar().child.kill("SIGTERM");
    });
  };
  const kill = (): void => {
    if (main?.pid === undefined || main.exitCode !== null) return;
    const group = -main.pid;
    const signal = (name: NodeJS.Signals): void => {
      try {
        process.kill(group, name);
      } catch {} // it is gone
    };
    signal("SIGTERM");
    setTimeout(() => signal("SIGKILL"), GRACE_MS).unref();
  };
  /** Three refused connections in a row are a failure, as with a failureThreshold of 3: the sidecar may just come back. */
  let refused = 0;
  const kubelet = setInterval(async () => {
    if (main === undefined) {
      if ((await probe("started")) === 200 && main === undefined && !isClosed) startMain();
      return;
    }
    const status = await probe("live");
    refused = status === 0 ? refused + 1 : 0;
    if (status === 503 || refused > 15) kill();
  }, PERIOD_MS);
  startSidecar();
  return {
    sidecar,
    said: () => processes.flatMap(({ errors }) => errors).join("\n"),
    main: () => main?.pid,
    probe,
    delete: async () => {
      isDeleted = true;
      await probe("leaving");
      kill();
    },
    show: (next) => {
      isShown = true;
      state = next;
    },
    port,
    restart: () => {
      startSidecar();
      // The kubelet ends it, because the main container has ended.
      setTimeout(() => sidecar().child.kill("SIGTERM"), 1000);
    },
    end: kill,
    evict: () => {
      status = { reason: "Evicted" };
      kill();
    },
    replace: () => {
      uid = "uid-2";
      isShown = true;
      state = { terminated: { exitCode: 0, reason: "Completed" } };
    },
    kubeletDies: () => clearInterval(kubelet),
    fail: (status) => {
      failure = status;
    },
    close: async () => {
      isClosed = true;
      clearInterval(kubelet);
      kill();
      sidecar().child.kill("SIGKILL");
      await sidecar().left;
      api.closeAllConnections();
      api.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A Kubernetes API that knows one pod, with the files of a service account. */
async function apiServer(account: string, answer: () => { status: number; body: object }): Promise<HttpsServer> {
  const made = await certificateOf("kubernetes");
  mkdirSync(account);
  writeFileSync(join(account, "ca.crt"), made.cert);
  writeFileSync(join(account, "token"), "a-token");
  writeFileSync(join(account, "namespace"), "jobs\n");
  const server = createServer({ key: made.private, cert: made.cert }, (request, response) => {
    const isKnown =
      request.headers.authorization === "Bearer a-token" && request.url === "/api/v1/namespaces/jobs/pods/etl-7d9f";
    const { status, body } = isKnown ? answer() : { status: 403, body: { kind: "Status" } };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
