import { parseArgs } from "node:util";
import { kubernetesCluster } from "../lib/adapters/kubernetes/cluster.ts";
import { kubeconfigClient } from "../lib/adapters/kubernetes/kubeconfig.ts";
import type { Rest } from "../lib/adapters/kubernetes/rest.ts";
import { startPlane } from "../test/kubernetes/plane.ts";

/*
 * What one look at a cluster asks a real API server for, by the number of pods: calls, bytes on the wire and time. LASTBEAT_KUBERNETES
 * names the binary that `npm run test:kubernetes` builds.
 */

const { values } = parseArgs({ options: { pods: { type: "string", default: "10,1000,10000" } } });
const SIZES = values.pods.split(",").map(Number);
const PODS = "/api/v1/namespaces/default/pods";
/** As many at once as the API server takes without putting us off. */
const AT_ONCE = 32;

/** A pod of a usual size: the template of a training job, with our agent in it. */
const podOf = (name: string, agent: object): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", labels: { "lastbeat.dev/run": name, "lastbeat.dev/fence": "1", ...agent } },
  spec: {
    restartPolicy: "Never",
    initContainers: [{ name: "lastbeat", image: "lastbeat-agent", args: ["install", "--to", "/lastbeat"] }],
    containers: [
      {
        name: "work",
        image: "registry.example/train:7",
        command: ["/lastbeat/lastbeat", "exec", "--", "python", "train.py"],
        env: Array.from({ length: 20 }, (_, index) => ({ name: `VARIABLE_${index}`, value: `value-${index}` })),
        resources: { limits: { cpu: "2", memory: "8Gi" } },
      },
    ],
  },
});

async function inTurns(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function make(rest: Rest, kind: string, from: number, to: number, agent: object, status: object): Promise<void> {
  await inTurns(to - from, async (index) => {
    const name = `${kind}-${from + index}`;
    await rest.call({ method: "POST", path: PODS, body: podOf(name, agent) });
    await rest.call({ method: "PATCH", path: `${PODS}/${name}/status`, body: { status } });
  });
}

/** The calls, the bytes and the time of a list, the second time that it is asked for. */
async function measured(rest: Rest, look: () => Promise<readonly unknown[]>): Promise<string> {
  await look();
  const before = { ...rest.traffic };
  const began = performance.now();
  const { length } = await look();
  const took = performance.now() - began;
  const { calls, bytes } = rest.traffic;
  return `${length} pods, ${calls - before.calls} calls, ${((bytes - before.bytes) / 1024).toFixed(1)} kB, ${took.toFixed(0)} ms`;
}

const plane = await startPlane();
try {
  const { rest } = kubeconfigClient(plane.kubeconfig);
  const cluster = kubernetesCluster("test", rest);
  const ended = { phase: "Failed", containerStatuses: [{ name: "work", state: { terminated: { exitCode: 1 } } }] };
  let made = 0;
  for (const size of SIZES) {
    await make(rest, "ended", made, size, {}, ended);
    await make(rest, "running", made, size, { "lastbeat.dev/agent": "none" }, { phase: "Running" });
    made = size;
    console.log(`ended:   ${await measured(rest, () => cluster.endedPods())}`);
    console.log(`running: ${await measured(rest, () => cluster.runningPods())}`);
  }
  rest.close();
} finally {
  await plane.stop();
}
