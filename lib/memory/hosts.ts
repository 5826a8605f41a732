import type { Evidence } from "../core/evidence.ts";
import type { Hosts } from "../ports/hosts.ts";

export function memoryHosts(): Hosts {
  const hosts = new Map<string, Map<string, Evidence>>();
  const of = (host: string): Map<string, Evidence> => {
    const found = hosts.get(host) ?? new Map<string, Evidence>();
    hosts.set(host, found);
    return found;
  };
  return {
    enter: async () => {}, // nothing reads the entries yet
    evidence: async (host) => [...of(host).values()].sort((one, other) => one.at - other.at),
    record: async (host, evidence) => {
      of(host).set(`${evidence.at}#${evidence.id}`, evidence);
    },
  };
}
