import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadAllYaml } from "@kubernetes/client-node";
import { end, type Plane, startPlane, until } from "../plane.ts";

const STAGES = fileURLToPath(new URL("stages.yaml", import.meta.url));

/** The folder with the programs and their manifests, which scripts/karpenter.sh makes. */
function folder(): string {
  const path = process.env["LASTBEAT_KARPENTER"];
  if (path === undefined) throw new Error("npm run test:kubernetes builds what these tests need");
  return path;
}

type Made = { readonly apiVersion: string; readonly kind: string; readonly metadata: { readonly name: string } };

/** The plural of each kind, and whether its objects are in a namespace. */
const KINDS: Readonly<Record<string, string>> = {
  CustomResourceDefinition: "customresourcedefinitions",
  Namespace: "namespaces",
  KWOKNodeClass: "kwoknodeclasses",
  NodePool: "nodepools",
};

/** A control plane whose nodes and pods are played by kwok, and whose nodes a real Karpenter makes and takes away. */
export type Fleet = {
  readonly plane: Plane;
  /** Makes an object that is in no namespace, or replaces its spec. */
  apply(object: object): Promise<void>;
  stop(): Promise<void>;
};

const pathOf = ({ apiVersion, kind }: Made): string => {
  const plural = KINDS[kind];
  if (plural === undefined) throw new Error(`the test does not know the kind ${kind}`);
  return `${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}/${plural}`;
};

async function applyTo(plane: Plane, object: Made & { readonly spec?: unknown }): Promise<void> {
  const path = pathOf(object);
  const isThere = await plane.call({ path: `${path}/${object.metadata.name}` }).then(
    () => true,
    () => false,
  );
  if (isThere)
    await plane.call({ method: "PATCH", path: `${path}/${object.metadata.name}`, body: { spec: object.spec } });
  else await plane.call({ method: "POST", path, body: object });
}

const manifests = (name: string): readonly Made[] =>
  readdirSync(join(folder(), name)).flatMap((file) =>
    loadAllYaml(readFileSync(join(folder(), name, file), "utf8")).filter((each: unknown) => each !== null),
  ) as unknown as readonly Made[];

/** A program whose output goes to a file in the folder of the plane. */
function started(
  plane: Plane,
  name: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): ChildProcess {
  const log = openSync(join(plane.folder, `${name}.log`), "w");
  const child = spawn(join(folder(), "bin", name), args, {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...environment },
  });
  closeSync(log);
  return child;
}

/** Starts all of them. Some listen on all interfaces, so the test has a network of its own, with nothing but a loopback. */
export async function startFleet(): Promise<Fleet> {
  const plane = await startPlane();
  const apply = (object: object): Promise<void> => applyTo(plane, object as Made);
  for (const each of manifests("karpenter")) await apply(each);
  await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "karpenter" } });
  const served = "/apis/karpenter.kwok.sh/v1alpha1/kwoknodeclasses";
  await until("the kinds of Karpenter are served", () =>
    plane.call({ path: served }).then(
      () => true,
      () => false,
    ),
  );
  const stages = readdirSync(join(folder(), "kwok")).map((file) => join(folder(), "kwok", file));
  const kwok = started(plane, "kwok", [
    ...["--kubeconfig", plane.kubeconfig],
    ...[...stages, STAGES].flatMap((file) => ["--config", file]),
    "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
    "--node-lease-duration-seconds=10",
    ...["--cidr", "10.0.0.1/24", "--node-ip", "127.0.0.1"],
  ]);
  const karpenter = started(plane, "karpenter", [], {
    KUBECONFIG: plane.kubeconfig,
    SYSTEM_NAMESPACE: "karpenter",
    DISABLE_LEADER_ELECTION: "true",
    METRICS_PORT: "18080",
    HEALTH_PROBE_PORT: "18081",
    KUBERNETES_MIN_VERSION: "1.19.0-0",
  });
  const nodeClass = { apiVersion: "karpenter.kwok.sh/v1alpha1", kind: "KWOKNodeClass", metadata: { name: "default" } };
  await apply(nodeClass);
  // In production the provider's own controller finds that. The one for kwok has none.
  const ready = {
    type: "Ready",
    status: "True",
    reason: "Ready",
    message: "",
    lastTransitionTime: new Date().toISOString(),
  };
  await plane.call({ method: "PATCH", path: `${served}/default/status`, body: { status: { conditions: [ready] } } });
  return {
    plane,
    apply,
    stop: async () => {
      await Promise.all([end(karpenter), end(kwok)]);
      await plane.stop();
    },
  };
}
