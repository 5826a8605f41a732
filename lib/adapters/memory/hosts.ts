import { type Evidence, knownAs, remembered, wordsExpire } from "../../core/evidence.ts";
import type { Instant } from "../../core/time.ts";
import type { HostEntry, Hosts } from "../../ports/hosts.ts";

type Entry = { readonly entry: HostEntry; readonly expiry: Instant };
type Known = { words: readonly Evidence[]; expiry: Instant | undefined; readonly entries: Map<string, Entry> };

/** The hosts in memory. `forget` does what a TTL does some time after the expiry. */
export function memoryHosts(): Hosts & { forget(now: Instant): void } {
  const hosts = new Map<string, Known>();
  const of = (host: string): Known => {
    const found = hosts.get(host) ?? { words: [], expiry: undefined, entries: new Map<string, Entry>() };
    hosts.set(host, found);
    return found;
  };
  const keyOf = ({ run, fence }: Pick<HostEntry, "run" | "fence">): string => `${run}#${fence}`;
  return {
    enter: async (host, entry, expiry) => {
      const { entries } = of(host);
      entries.set(keyOf(entry), { ...(entries.get(keyOf(entry)) ?? { entry }), expiry });
    },
    leave: async (host, entry) => {
      const { entries } = of(host);
      if (entries.get(keyOf(entry))?.entry.endedBy === undefined) entries.delete(keyOf(entry));
    },
    leaveTrace: async (host, entry, expiry) => {
      of(host).entries.set(keyOf(entry), { entry, expiry });
    },
    entries: async (host, since) =>
      [...of(host).entries.values()]
        .map(({ entry }) => entry)
        .filter(({ endedBy }) => endedBy === undefined || endedBy >= since)
        .sort((one, other) => other.at - one.at),
    evidence: async (host) => of(host).words,
    record: async (host, evidence, now, kept) => {
      const known = of(host);
      known.words = remembered(known.words, evidence, now);
      known.expiry = wordsExpire(known.words, now, kept);
      return knownAs(evidence, known.words);
    },
    forget: (now) => {
      for (const [host, known] of hosts) {
        if (known.expiry !== undefined && known.expiry <= now) known.words = [];
        for (const [key, { expiry }] of known.entries) if (expiry <= now) known.entries.delete(key);
        if (known.words.length === 0 && known.entries.size === 0) hosts.delete(host);
      }
    },
  };
}
