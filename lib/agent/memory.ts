import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { seconds } from "../core/time.ts";

/*
 * Whether the kernel has killed a process for want of memory: the counters of the control group that this process is in (docs.kernel.org,
 * admin-guide/cgroup-v2 and cgroup-v1/memory).
 */

/** A control group, as one of the two versions of the kernel's interface shows it. */
type Group = { readonly folder: string; readonly mount: string; readonly version: 1 | 2 };

/** What a child ran into. The limit in bytes is absent if there is none, and the host itself had no memory left. */
export type OutOfMemory = { readonly limitBytes?: number };

/**
 * Counts the kills in our group from now on. The answer tells, once and at the end, whether a process of the group was killed in the last 30
 * to 60 s: a command may have survived an earlier kill, which does not explain its end. `root` is "/" but in tests.
 */
export function watchMemory(root = "/"): () => OutOfMemory | undefined {
  const group = groupsOf(root).find((each) => killsOf(each) !== undefined);
  if (group === undefined) return () => undefined;
  let older = killsOf(group) ?? 0;
  let newer = older;
  const timer = setInterval(() => {
    older = newer;
    newer = killsOf(group) ?? newer;
  }, SAMPLE).unref();
  return () => {
    clearInterval(timer);
    if ((killsOf(group) ?? 0) <= older) return undefined;
    const limitBytes = limitOf(group);
    return limitBytes === undefined ? {} : { limitBytes };
  };
}

const SAMPLE = seconds(30);

/**
 * The groups that may be ours, the likeliest first. In a container the path in /proc is often that of the host, and what is mounted is the
 * container's own group.
 */
function groupsOf(root: string): readonly Group[] {
  const lines = textOf(join(root, "proc/self/cgroup")).split("\n");
  const [v1, v2] = [join(root, "sys/fs/cgroup/memory"), join(root, "sys/fs/cgroup")];
  const found = lines.flatMap((line): Group[] => {
    const [number, controllers = "", ...path] = line.trim().split(":");
    const folder = path.join(":");
    if (controllers.split(",").includes("memory"))
      return [v1, join(v1, folder)].map((each) => ({ folder: each, mount: v1, version: 1 }));
    if (number === "0" && controllers === "" && path.length > 0)
      return [v2, join(v2, folder)].map((each) => ({ folder: each, mount: v2, version: 2 }));
    return [];
  });
  return found.sort((one, other) => one.version - other.version || other.folder.length - one.folder.length);
}

const killsOf = ({ folder, version }: Group): number | undefined =>
  fieldOf(join(folder, version === 2 ? "memory.events" : "memory.oom_control"), "oom_kill");

/** The smallest limit of the group and of those above it; undefined without one, which version 1 writes as nearly 2^63. */
function limitOf({ folder, mount, version }: Group): number | undefined {
  const limits = version === 1 ? [fieldOf(join(folder, "memory.stat"), "hierarchical_memory_limit")] : [];
  for (let at = folder; version === 2 && at.startsWith(mount); at = dirname(at))
    limits.push(numberOf(textOf(join(at, "memory.max")).trim()));
  const least = Math.min(...limits.filter((limit) => limit !== undefined));
  return Number.isSafeInteger(least) ? least : undefined;
}

/** The number behind a name in a file of lines like `oom_kill 3`. */
function fieldOf(file: string, name: string): number | undefined {
  const line = textOf(file)
    .split("\n")
    .find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : numberOf(line.slice(name.length + 1).trim());
}

const numberOf = (text: string): number | undefined => (/^\d+$/.test(text) ? Number(text) : undefined);

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // not this version, or not Linux
  }
}
