import type { Evidence } from "../../core/evidence.ts";
import type { Fence, LedgerEnd, Result } from "../../core/run.ts";
import type { Registration } from "../../core/spec.ts";
import type { Instant } from "../../core/time.ts";
import type { EndedRun, EndedRuns, Ledger, LedgerLine, Results, Specs } from "../../ports/records.ts";
import type { Write } from "../../ports/runs.ts";

export function memorySpecs(): Specs {
  const specs = new Map<string, { registration: Registration; expiry?: Instant }>();
  const live = (run: string, now: Instant): Registration | undefined => {
    const found = specs.get(run);
    return found?.expiry !== undefined && found.expiry <= now ? undefined : found?.registration;
  };
  return {
    read: async (run, now) => live(run, now),
    create: async (registration) => {
      if (live(registration.run, registration.registeredAt) !== undefined) return "stale";
      specs.set(registration.run, { registration });
      return "written";
    },
    replace: async (seen, registration) => {
      if (!isSame(specs.get(registration.run)?.registration, seen)) return "stale";
      specs.set(registration.run, { registration });
      return "written";
    },
    expire: async (registration, at) => {
      const found = specs.get(registration.run);
      if (found === undefined || !isSame(found.registration, registration)) return "stale";
      found.expiry = at;
      return "written";
    },
  };
}

const isSame = (one: Registration | undefined, other: Registration): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

type Line = LedgerLine & { readonly rev?: number };

export function memoryLedger(): Ledger {
  const runs = new Map<string, Map<Fence, Line>>();
  const linesOf = (run: string): Map<Fence, Line> => {
    const lines = runs.get(run) ?? new Map<Fence, Line>();
    runs.set(run, lines);
    return lines;
  };
  const bare = ({ rev: _, ...line }: Line): LedgerLine => line;
  const keepWord = (run: string, fence: Fence, word: Evidence): Write => {
    const lines = linesOf(run);
    const line = lines.get(fence);
    const words = line?.words ?? [];
    if (words.some(({ kind, at }) => kind === word.kind && at >= word.at)) return "stale";
    lines.set(fence, { ...line, fence, words: [...words.filter(({ kind }) => kind !== word.kind), word] });
    return "written";
  };
  return {
    claim: async (run, claim) => {
      const lines = linesOf(run);
      lines.set(claim.fence, { ...lines.get(claim.fence), fence: claim.fence, claim });
    },
    end: async (run: string, end: LedgerEnd, charge, rev) => {
      const lines = linesOf(run);
      const line = lines.get(end.fence);
      if (line?.rev !== undefined && line.rev >= rev) return "stale";
      lines.set(end.fence, { ...line, fence: end.fence, end: { ...end, charge }, rev });
      return "written";
    },
    hear: async (run, fence, word) => (linesOf(run).has(fence) ? keepWord(run, fence, word) : "stale"),
    refuse: async (run, fence, word) => keepWord(run, fence, word),
    noteLateSuccess: async (run, fence, at) => {
      const lines = linesOf(run);
      const line = lines.get(fence);
      if (line !== undefined) lines.set(fence, { ...line, lateSuccessAt: at });
    },
    read: async (run, fence) => {
      const line = linesOf(run).get(fence);
      return line === undefined ? undefined : bare(line);
    },
    list: async (run, from) =>
      [...linesOf(run).values()]
        .filter((line) => line.fence >= from)
        .sort((one, other) => one.fence - other.fence)
        .map(bare),
  };
}

export function memoryResults(): Results {
  const results = new Map<string, { result: Result; expiry: Instant }>();
  return {
    read: async (run, now) => {
      const found = results.get(run);
      return found === undefined || found.expiry <= now ? undefined : found.result;
    },
    write: async (result, expiry) => {
      const found = results.get(result.run);
      if (found !== undefined && found.result.rev >= result.rev) return "stale";
      results.set(result.run, { result, expiry });
      return "written";
    },
  };
}

export function memoryEndedRuns(): EndedRuns {
  const ended = new Map<string, { run: EndedRun; rev: number }>();
  const keyOf = ({ endedAt, run }: EndedRun): string => `${new Date(endedAt).toISOString()}#${run}`;
  return {
    add: async (run, rev) => {
      const found = ended.get(keyOf(run));
      if (found !== undefined && found.rev >= rev) return "stale";
      ended.set(keyOf(run), { run, rev });
      return "written";
    },
    list: async (now, since, limit, cursor) => {
      const from = `${new Date(since).toISOString()}#`;
      const latest = `${new Date(now + 1).toISOString()}#`;
      const to = cursor === undefined || cursor > latest ? latest : cursor;
      const keys = [...ended.keys()]
        .filter((key) => key >= from && key < to)
        .sort()
        .reverse();
      const page = keys.slice(0, limit);
      const last = page.at(-1);
      return {
        runs: page.map((key) => ended.get(key)?.run).filter((run) => run !== undefined),
        ...(last !== undefined && keys.length > limit && { cursor: last }),
      };
    },
  };
}
