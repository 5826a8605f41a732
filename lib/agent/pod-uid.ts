import { readFileSync } from "node:fs";

/** Files that every kubelet mounts into every container, from the folder of the pod. */
const MOUNTED = /^\S+ \S+ \S+ (?<root>\S+) \/(?:etc\/hosts|dev\/termination-log) /;
const UID = /\/pods\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//;

/**
 * The uid of the pod that this process is in; undefined if it is in none. Its mounts tell it, so nobody has to pass it.
 * A cluster is asked for the pod by it.
 */
export function podUid(file = "/proc/self/mountinfo"): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined; // no such file on this system
  }
  for (const line of text.split("\n")) {
    const uid = UID.exec(MOUNTED.exec(line)?.groups?.["root"] ?? "")?.[1];
    if (uid !== undefined) return uid;
  }
  return undefined;
}
