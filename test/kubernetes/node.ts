import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { binary, end, type Plane, until } from "./plane.ts";

/** The folder with containerd, runc and busybox that scripts/kubernetes.sh has fetched; undefined where there is none. */
export const TOOLS = process.env["LASTBEAT_NODE_TOOLS"];

const tool = (path: string): string => join(TOOLS ?? "", path);
const PATH = `${tool("usr/bin")}:${tool("usr/sbin")}:${process.env["PATH"]}`;
const LIBRARIES = `${tool("usr/lib/x86_64-linux-gnu")}:${tool("usr/lib/aarch64-linux-gnu")}`;

/** A node: a real kubelet and a real containerd, on an address of its own on the loopback device. */
export type Node = {
  readonly name: string;
  /** Ends kubelet, containerd and all containers at once, as when a machine loses its power. */
  crash(): Promise<void>;
  /** Ends the kubelet alone: its containers run on. */
  cutOff(): Promise<void>;
  /** Kills all processes of the containers of a pod at once, its agent among them. */
  killPod(uid: string): void;
  stop(): Promise<void>;
};

/** The names of the images that pods may use. */
export const IMAGES = {
  pause: "docker.io/local/pause:1",
  work: "docker.io/local/work:1",
  agent: "docker.io/local/agent:1",
} as const;

const sha256 = (data: Buffer | string): string => createHash("sha256").update(data).digest("hex");

/** A docker archive of one layer, made of a folder. */
function archive(folder: string, root: string, name: string, entrypoint: readonly string[]): string {
  const build = join(folder, sha256(name).slice(0, 8));
  const digest = join(build, "layer");
  mkdirSync(digest, { recursive: true });
  execFileSync("tar", ["-C", root, "-cf", join(digest, "layer.tar"), "."]);
  const layer = sha256(readFileSync(join(digest, "layer.tar")));
  const config = JSON.stringify({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Env: ["PATH=/bin"], Entrypoint: entrypoint },
    rootfs: { type: "layers", diff_ids: [`sha256:${layer}`] },
    history: [{ created_by: "test" }],
  });
  const file = `${sha256(config)}.json`;
  writeFileSync(join(build, file), config);
  writeFileSync(
    join(build, "manifest.json"),
    JSON.stringify([{ Config: file, RepoTags: [name], Layers: ["layer/layer.tar"] }]),
  );
  const tar = join(folder, `${sha256(name).slice(0, 8)}.tar`);
  execFileSync("tar", ["-C", build, "-cf", tar, "manifest.json", file, "layer/layer.tar"]);
  rmSync(build, { recursive: true });
  return tar;
}

/** Busybox with its commands as links. */
function rootOf(folder: string): string {
  const root = join(folder, "rootfs");
  if (existsSync(root)) return root;
  mkdirSync(join(root, "bin"), { recursive: true });
  for (const name of ["tmp", "etc", "proc", "dev", "sys"]) mkdirSync(join(root, name));
  copyFileSync(tool("bin/busybox"), join(root, "bin", "busybox"));
  for (const name of execFileSync(tool("bin/busybox"), ["--list"], { encoding: "utf8" }).trim().split("\n"))
    if (name !== "busybox") symlinkSync("busybox", join(root, "bin", name));
  return root;
}

function agentRoot(folder: string): string {
  const root = join(folder, "agentfs");
  // As agents/go/Dockerfile has it.
  mkdirSync(join(root, "bin"), { recursive: true });
  copyFileSync(tool("lastbeat"), join(root, "bin", "lastbeat"));
  chmodSync(join(root, "bin", "lastbeat"), 0o755);
  return root;
}

function imagesOf(folder: string): readonly string[] {
  const root = rootOf(folder);
  return [
    archive(folder, root, IMAGES.pause, ["/bin/sleep", "1000000"]),
    archive(folder, root, IMAGES.work, []),
    archive(folder, agentRoot(folder), IMAGES.agent, ["/bin/lastbeat"]),
  ];
}

const containerdConfig = (folder: string): string => `version = 2
root = "${folder}/root"
state = "${folder}/state"
[grpc]
  address = "${folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGES.pause}"
  disable_tcp_service = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${tool("usr/lib/cni")}"
    conf_dir = "${folder}/cni"
`;

const kubeletConfig = (folder: string, port: number, cgroup: string): string =>
  JSON.stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: "127.0.0.1",
    port,
    readOnlyPort: 0,
    healthzPort: 0,
    failSwapOn: false,
    failCgroupV1: false,
    cgroupDriver: "cgroupfs",
    cgroupRoot: cgroup,
    containerRuntimeEndpoint: `unix://${folder}/containerd.sock`,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    enforceNodeAllocatable: [],
    nodeStatusUpdateFrequency: "5s",
    evictionHard: { "nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi" },
    volumePluginDir: `${folder}/plugins`,
    podLogsDir: `${folder}/logs`,
  });

/** A cgroup of the node's own, in each hierarchy. A cpuset without processors takes no process. */
function makeCgroup(name: string): void {
  const root = "/sys/fs/cgroup";
  if (existsSync(join(root, "cgroup.controllers"))) {
    mkdirSync(join(root, name), { recursive: true });
    return;
  }
  for (const hierarchy of readdirSync(root)) {
    const folder = join(root, hierarchy, name);
    try {
      mkdirSync(folder, { recursive: true });
      for (const file of ["cpuset.cpus", "cpuset.mems"])
        if (existsSync(join(folder, file)))
          writeFileSync(join(folder, file), readFileSync(join(root, hierarchy, file)));
    } catch {
      // not a hierarchy that takes groups
    }
  }
}

/** The processes whose command line has this text: the shims of this node's containerd, and their children. */
function shimsOf(folder: string): readonly number[] {
  const found: number[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const line = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      if (line.includes("containerd-shim") && line.includes(folder)) found.push(Number(entry));
    } catch {
      // it has ended meanwhile
    }
  }
  return found;
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** The processes in the containers of a pod, apart from the one that holds its place. */
function processesOf(uid: string): readonly number[] {
  const all = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return all
    .filter((pid) => {
      try {
        const isOfPod = readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(`pod${uid}`);
        return isOfPod && !readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("1000000");
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}

const tree = (pid: number): readonly number[] => [pid, ...childrenOf(pid).flatMap(tree)];

function kill(pids: readonly number[]): void {
  for (const pid of pids)
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it has ended meanwhile
    }
}

/** Removes the mounts and the groups that containers have left. */
function cleanUp(folder: string, cgroup: string): void {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  for (const mount of mounts.filter((each) => each.startsWith(folder)).reverse()) spawnSync("umount", ["-l", mount]);
  spawnSync("sh", ["-c", `find /sys/fs/cgroup -depth -type d -path '*/${cgroup}*' -exec rmdir {} + 2>/dev/null`]);
  rmSync(folder, { recursive: true, force: true });
}

let numbers = 0;

/** Starts a node, and waits until pods can run on it. */
export async function startNode(plane: Plane, labels: Readonly<Record<string, string>> = {}): Promise<Node> {
  numbers += 1;
  const name = `node${numbers}`;
  const address = `10.199.0.${numbers}`;
  const cgroup = `lastbeat-${process.pid}-${numbers}`;
  const folder = join(plane.folder, name);
  for (const each of ["cni", "plugins", "logs"]) mkdirSync(join(folder, each), { recursive: true });
  spawnSync("ip", ["addr", "add", `${address}/32`, "dev", "lo"]);
  makeCgroup(cgroup);
  writeFileSync(join(folder, "containerd.toml"), containerdConfig(folder));
  writeFileSync(
    join(folder, "cni", "10-lo.conflist"),
    '{"cniVersion":"0.4.0","name":"lo","plugins":[{"type":"loopback"}]}',
  );
  writeFileSync(join(folder, "kubelet.yaml"), kubeletConfig(folder, await freePort(), `/${cgroup}`));
  const env = { ...process.env, PATH, LD_LIBRARY_PATH: LIBRARIES };
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const log = openSync(join(folder, `${args[0] === "kubelet" ? "kubelet" : "containerd"}.log`), "a");
    return spawn(program, args, { stdio: ["ignore", log, log], env });
  };
  const containerd = start(tool("usr/bin/containerd"), ["--config", join(folder, "containerd.toml")]);
  await until("containerd listens", async () => existsSync(join(folder, "containerd.sock")), 30);
  for (const image of imagesOf(folder))
    execFileSync(
      tool("usr/bin/ctr"),
      ["-a", join(folder, "containerd.sock"), "-n", "k8s.io", "images", "import", image],
      { env, stdio: "ignore" },
    );
  const given = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const kubelet = start(binary(), [
    "kubelet",
    "--kubeconfig",
    plane.kubeconfig,
    "--config",
    join(folder, "kubelet.yaml"),
    "--root-dir",
    join(folder, "kubelet"),
    "--cert-dir",
    join(folder, "cert"),
    "--hostname-override",
    name,
    "--node-ip",
    address,
    ...(given.length > 0 ? ["--node-labels", given.join(",")] : []),
  ]);
  await until(`${name} is ready`, async () => {
    const node = (await plane.call({ path: `/api/v1/nodes/${name}` }).catch(() => undefined)) as
      | { status: { conditions?: readonly { type: string; status: string }[] } }
      | undefined;
    return node?.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  });
  const crash = async (): Promise<void> => {
    kill([kubelet.pid ?? 0, containerd.pid ?? 0]);
    kill(shimsOf(folder).flatMap(tree));
    await Promise.all([end(kubelet, "SIGKILL"), end(containerd, "SIGKILL")]);
  };
  return {
    name,
    crash,
    cutOff: () => end(kubelet, "SIGKILL"),
    killPod: (uid) => kill(processesOf(uid)),
    stop: async () => {
      await crash();
      spawnSync("ip", ["addr", "del", `${address}/32`, "dev", "lo"]);
      cleanUp(folder, cgroup);
    },
  };
}
