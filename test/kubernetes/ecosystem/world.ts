import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "selfsigned";
import { parseAllDocuments } from "yaml";
import { end, type Plane, startPlane, until } from "../plane.ts";

const STAGES = fileURLToPath(new URL("stages.yaml", import.meta.url));

/** The folder with the programs and their manifests, which scripts/ecosystem.sh makes. */
function folder(): string {
  const path = process.env["LASTBEAT_ECOSYSTEM"];
  if (path === undefined) throw new Error("npm run test:kubernetes builds what these tests need");
  return path;
}

export type Made = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [more: string]: unknown;
};

/** A control plane whose nodes and pods are played by kwok, with real controllers of others beside its own. */
export type World = {
  readonly plane: Plane;
  /** Makes an object of any kind that is served, or replaces its spec. */
  apply(object: Made): Promise<void>;
  /** Sets the status of an object, as its controller would. */
  say(object: Made, status: object): Promise<void>;
  /** The objects of a folder of manifests. */
  manifests(name: string): readonly Made[];
  /** Waits until objects of that kind can be made. */
  served(apiVersion: string, kind: string): Promise<void>;
  /** Starts a program that scripts/ecosystem.sh has built. It ends with the world. */
  start(name: string, args: readonly string[], environment?: NodeJS.ProcessEnv): void;
  stop(): Promise<void>;
};

type Kind = { readonly name: string; readonly kind: string; readonly namespaced: boolean };

/** The path of an object, as the API server serves its kind. A kind whose definition was just made is waited for. */
async function pathOf(plane: Plane, { apiVersion, kind, metadata }: Made): Promise<string> {
  const group = `${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}`;
  const found = await until(`${kind} is served`, async () => {
    const { resources } = (await plane.call({ path: group }).catch(() => ({ resources: [] }))) as {
      readonly resources: readonly Kind[];
    };
    return resources.find((each) => each.kind === kind && !each.name.includes("/"));
  });
  const within = found.namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
  return `${group}${within}/${found.name}`;
}

async function apply(plane: Plane, object: Made): Promise<void> {
  const path = await pathOf(plane, object);
  const isThere = await plane.call({ path: `${path}/${object.metadata.name}` }).then(
    () => true,
    () => false,
  );
  if (isThere)
    await plane.call({ method: "PATCH", path: `${path}/${object.metadata.name}`, body: { spec: object["spec"] } });
  else await plane.call({ method: "POST", path, body: object });
}

const manifests = (name: string): readonly Made[] =>
  readdirSync(join(folder(), name)).flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder(), name, file), "utf8"))
      .map((document) => document.toJS() as Made | null)
      .filter((each) => each !== null),
  );

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
    env: { ...process.env, KUBECONFIG: plane.kubeconfig, ...environment },
  });
  closeSync(log);
  // The test ends it by a signal. One that gives up has said why.
  child.once("exit", (code) => {
    if (code)
      console.error(
        `${name} left with ${code}: ${readFileSync(join(plane.folder, `${name}.log`), "utf8").slice(-2000)}`,
      );
  });
  return child;
}

/** Starts all of them. Some listen on all interfaces, so the test has a network of its own, with nothing but a loopback. */
export async function startWorld(): Promise<World> {
  const plane = await startPlane();
  const stages = readdirSync(join(folder(), "kwok")).map((file) => join(folder(), "kwok", file));
  const programs = [
    started(plane, "kwok", [
      ...["--kubeconfig", plane.kubeconfig],
      ...[...stages, STAGES].flatMap((file) => ["--config", file]),
      "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
      "--node-lease-duration-seconds=10",
      ...["--cidr", "10.0.0.1/24", "--node-ip", "127.0.0.1"],
    ]),
  ];
  return {
    plane,
    apply: (object) => apply(plane, object),
    say: async (object, status) => {
      const path = `${await pathOf(plane, object)}/${object.metadata.name}/status`;
      await plane.call({ method: "PATCH", path, body: { status } });
    },
    manifests,
    served: async (apiVersion, kind) => void (await pathOf(plane, { apiVersion, kind, metadata: { name: "" } })),
    start: (name, args, environment) => void programs.push(started(plane, name, args, environment)),
    stop: async () => {
      await Promise.all(programs.map((program) => end(program)));
      await plane.stop();
    },
  };
}

/** A certificate for 127.0.0.1, in a folder, as tls.crt and tls.key. Returns it in base64. */
export async function certificateIn(path: string): Promise<string> {
  const { cert, private: key } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "tls.crt"), cert);
  writeFileSync(join(path, "tls.key"), key);
  return Buffer.from(cert).toString("base64");
}
