import { BUDGETS } from "../core/causes.ts";
import type { SpecBody } from "../wire/schemas.ts";
import { UsageError } from "./errors.ts";
import { type Flags, numberFlag, secondsFlag, textFlag } from "./flags.ts";
import { readJsonFile } from "./json-file.ts";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function labelsOf(flags: Flags): Fields | undefined {
  const given = flags["label"];
  if (!Array.isArray(given)) return undefined;
  return Object.fromEntries(
    given.map((label) => {
      const [key = "", ...value] = String(label).split("=");
      if (key === "" || value.length === 0) throw new UsageError(`--label takes KEY=VALUE, not "${label}"`);
      return [key, value.join("=")];
    }),
  );
}

function budgetsOf(flags: Flags): Fields | undefined {
  const counts = ["attempts", ...BUDGETS].flatMap((name) => {
    const value = numberFlag(flags, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return counts.length === 0 ? undefined : Object.fromEntries(counts);
}

/** One budget for all kinds excludes a budget per kind, so flags of one sort replace a file of the other sort. */
function mergedBudgets(file: unknown, flags: Fields | undefined): unknown {
  if (flags === undefined || !isFields(file)) return flags ?? file;
  return Object.hasOwn(file, "attempts") === Object.hasOwn(flags, "attempts") ? { ...file, ...flags } : flags;
}

/** The spec of `--spec FILE`. The flags override the file; labels and budgets are overridden one by one. */
export function specOf(flags: Flags): Fields {
  const name = textFlag(flags, "spec");
  const file = name === undefined ? {} : readJsonFile(name, "the spec");
  const labels = labelsOf(flags);
  const given = {
    leaseSeconds: secondsFlag(flags, "lease"),
    start: textFlag(flags, "start"),
    labels: labels !== undefined && isFields(file["labels"]) ? { ...file["labels"], ...labels } : labels,
    budgets: mergedBudgets(file["budgets"], budgetsOf(flags)),
  } satisfies { [K in keyof SpecBody]?: unknown };
  return { ...file, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}
