import type { Evidence } from "../core/evidence.ts";
import type { HostEntry, Hosts } from "../ports/hosts.ts";

type Known = { readonly evidence: Map<string, Evidence>; readonly entries: Map<string, HostEntry> };

export function memoryHosts(): Hosts {
  const hosts = new Map<string, Known>();
  const of = (host: string): Known => {
    const found = hosts.get(host) ?? { evidence: new Map<string, Evidence>(), entries: new Map<string, HostEntry>() };
    hosts.set(host, found);
    return found;
  };
  return {
    enter: async (host, entry) => {
      const { entries } = of(host);
      const key = `${entry.run}#${entry.fence}`;
      if (!entries.has(key)) entries.set(key, entry);
    },
    entries: async (host) => [...of(host).entries.values()].sort((one, other) => other.at - one.at),
    evidence: async (host) => [...of(host).evidence.values()].sort((one, other) => one.at - other.at),
    record: async (host, evidence) => {
      of(host).evidence.set(`${evidence.at}#${evidence.id}`, evidence);
    },
  };
}
