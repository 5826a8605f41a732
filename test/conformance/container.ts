import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { GO, hasGo } from "./agents.ts";

/*
 * Real containers by runc, without an image registry: a root file system is made by hand, and runc gives it namespaces, control groups,
 * a user and a seccomp profile.
 */

/** Where `npm run agents` has put these two of Debian, or where the PATH has them. */
const RUNC = process.env["LASTBEAT_RUNC"] ?? "runc";
const BUSYBOX = process.env["LASTBEAT_BUSYBOX"] ?? "/bin/busybox";

/** What keeps containers from being started here; undefined if nothing does. */
export function whyNoContainers(): string | undefined {
  if (process.platform !== "linux") return "containers need Linux";
  if (process.getuid?.() !== 0) return "runc needs root";
  if (spawnSync(RUNC, ["--version"]).status !== 0) return "there is no runc (LASTBEAT_RUNC)";
  if (!existsSync(BUSYBOX)) return "there is no busybox (LASTBEAT_BUSYBOX)";
  if (!hasGo) return "npm run agents builds the binary";
  return canRun() ? undefined : "runc cannot start a container here";
}

/** Whether a container starts at all: a machine that is a container itself may lack the rights. */
function canRun(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-runc-"));
  try {
    const id = `lastbeat-try-${process.pid}`;
    const bundle = bundleOf(imageOfTheUser(folder), id, { args: ["true"] });
    return spawnSync(RUNC, ["run", "--bundle", bundle, id]).status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** System calls that Docker's default profile blocks (docs.docker.com, "Seccomp security profiles for Docker"). */
const BLOCKED = [
  "acct",
  "add_key",
  "bpf",
  "clock_adjtime",
  "clock_settime",
  "create_module",
  "delete_module",
  "finit_module",
  "get_kernel_syms",
  "get_mempolicy",
  "init_module",
  "ioperm",
  "iopl",
  "kcmp",
  "kexec_file_load",
  "kexec_load",
  "keyctl",
  "lookup_dcookie",
  "mbind",
  "mount",
  "move_pages",
  "nfsservctl",
  "open_by_handle_at",
  "perf_event_open",
  "pivot_root",
  "process_vm_readv",
  "process_vm_writev",
  "ptrace",
  "query_module",
  "quotactl",
  "reboot",
  "request_key",
  "set_mempolicy",
  "setns",
  "settimeofday",
  "stime",
  "swapon",
  "swapoff",
  "sysfs",
  "_sysctl",
  "umount",
  "umount2",
  "unshare",
  "uselib",
  "userfaultfd",
  "ustat",
  "vm86",
  "vm86old",
] as const;

export type Container = {
  readonly id: string;
  /** The runc in front of it. */
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly errors: string[];
  /** The exit code of its first process. */
  readonly left: Promise<number>;
  /** Another process in it; its output. */
  exec(...args: readonly string[]): string;
  /** A verb of runc about it: `kill`, `pause`, `resume`, `delete`. */
  runc(verb: "kill" | "pause" | "resume" | "delete", ...words: readonly string[]): void;
};

type Settings = {
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
  /** Folders of this machine that it sees, and may write to, under the same path. */
  readonly folders?: readonly string[];
  /** Where its output goes; it is collected without this. */
  readonly stdio?: "inherit";
  readonly stderr?: number;
};

/** A root file system from scratch: the image of agents/go/Dockerfile. */
export function imageOfTheAgent(folder: string): string {
  const root = join(folder, "scratch");
  mkdirSync(root, { recursive: true });
  copyFileSync(GO, join(root, "lastbeat"));
  return root;
}

/** What a user's image is: a shell and some programs, and nothing of Lastbeat's. */
export function imageOfTheUser(folder: string): string {
  const root = join(folder, "user");
  for (const name of ["bin", "tmp", "work"]) mkdirSync(join(root, name), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  for (const applet of ["sh", "sleep", "cat", "grep", "tail", "echo", "seq", "setsid", "true", "kill", "ls"])
    symlinkSync("busybox", join(root, "bin", applet));
  return root;
}

let count = 0;

/** The bundle of a container: its root file system is read-only, its capabilities are none, and new privileges are refused. */
function bundleOf(
  root: string,
  id: string,
  { args, environment = {}, user = 65_532, memoryBytes, pids, folders = [] }: Settings,
): string {
  const bundle = mkdtempSync(join(dirname(root), "bundle-"));
  execFileSync(RUNC, ["spec", "--bundle", bundle]);
  const config = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8"));
  config.process.terminal = false;
  config.process.args = args;
  config.process.user = { uid: user, gid: user };
  config.process.env = [
    "PATH=/bin:/lastbeat",
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ];
  for (const set of ["bounding", "effective", "permitted", "ambient"]) config.process.capabilities[set] = [];
  config.root = { path: root, readonly: true };
  config.hostname = id;
  config.mounts = [
    ...config.mounts,
    ...folders.map((folder) => ({ destination: folder, type: "bind", source: folder, options: ["bind", "rw"] })),
  ];
  // The network of this machine: the embedded server listens on 127.0.0.1 alone.
  config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: string }) => type !== "network");
  config.linux.cgroupsPath = `/${id}`;
  config.linux.resources = {
    ...config.linux.resources,
    ...(memoryBytes !== undefined && { memory: { limit: memoryBytes, swap: memoryBytes } }),
    ...(pids !== undefined && { pids: { limit: pids } }),
  };
  config.linux.seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
    syscalls: [{ names: BLOCKED, action: "SCMP_ACT_ERRNO" }],
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  return bundle;
}

/** Starts a container. */
export function start(root: string, settings: Settings): Container {
  const { stderr, stdio } = settings;
  const id = `lastbeat-${process.pid}-${count++}`;
  const bundle = bundleOf(root, id, settings);
  const child = spawn(RUNC, ["run", "--bundle", bundle, id], {
    stdio: ["ignore", stdio ?? "pipe", stderr ?? stdio ?? "pipe"],
  });
  const [lines, errors]: [string[], string[]] = [[], []];
  child.stdout?.on("data", (text) => lines.push(...String(text).split("\n").filter(Boolean)));
  child.stderr?.on("data", (text) => errors.push(...String(text).split("\n").filter(Boolean)));
  const runc: Container["runc"] = (verb, ...words) => {
    spawnSync(RUNC, [verb, ...(verb === "delete" ? ["--force"] : []), id, ...words]);
  };
  return {
    id,
    child,
    lines,
    errors,
    left: new Promise((resolve) => child.once("close", (code) => resolve(code ?? 255))),
    exec: (...words) => String(spawnSync(RUNC, ["exec", id, ...words]).stdout),
    runc,
  };
}

/** Kills the first process of a container that another process has started, as nobody can catch. */
export const kill = (id: string): void => void spawnSync(RUNC, ["kill", id, "KILL"]);
