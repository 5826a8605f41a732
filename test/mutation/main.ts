import { readFileSync } from "node:fs";
import { EXPLAINED } from "./survivors.ts";

/**
 * `node test/mutation/main.ts`: what Stryker's reports say of each part, and whether every mutant that no test has
 * noticed is explained in survivors.ts. Fails for one that is not, and for an explanation that is about no survivor.
 */
type Report = {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
};
type Place = { readonly line: number; readonly column: number };
type Mutant = {
  readonly status: string;
  readonly replacement: string;
  readonly location: { readonly start: Place; readonly end: Place };
};

/** Stryker's words for a mutant that some test has noticed, by failing or by never ending. */
const NOTICED: ReadonlySet<string> = new Set(["Killed", "Timeout"]);
/** Statuses of mutants that have not run as programs. */
const VOID: ReadonlySet<string> = new Set(["CompileError", "RuntimeError", "Ignored"]);

/** Lines and columns begin with 1. */
function textBetween(source: string, { start, end }: Mutant["location"]): string {
  const lines = source.split("\n").slice(start.line - 1, end.line);
  return lines
    .map((line, n) =>
      line.slice(n === 0 ? start.column - 1 : 0, n === lines.length - 1 ? end.column - 1 : line.length).trim(),
    )
    .join(" ");
}

const unexplained = new Set<string>();
const met = new Set<string>();
for (const part of ["core", "guards"]) {
  const { files } = JSON.parse(readFileSync(`coverage/mutation-${part}.json`, "utf8")) as Report;
  let [noticed, all] = [0, 0];
  for (const [file, { source, mutants }] of Object.entries(files)) {
    for (const { status, location, replacement } of mutants) {
      if (VOID.has(status)) continue;
      all += 1;
      if (NOTICED.has(status)) noticed += 1;
      else {
        const line = source.split("\n")[location.start.line - 1]?.trim();
        const change = `${textBetween(source, location)} => ${replacement.replaceAll(/\s+/g, " ")}`;
        const survivor = `${file}: ${line} [${change}]`;
        (EXPLAINED.has(survivor) ? met : unexplained).add(survivor);
      }
    }
  }
  if (all === 0) throw new Error(`the report of ${part} has no mutants`);
  console.log(`${part}: ${noticed} of ${all} mutants noticed, ${((100 * noticed) / all).toFixed(2)} %`);
}
const stale = [...EXPLAINED.keys()].filter((survivor) => !met.has(survivor));
for (const survivor of unexplained) console.error(`nothing explains that this survives  ${survivor}`);
for (const survivor of stale) console.error(`explained, but noticed or gone        ${survivor}`);
console.log(`${met.size} survivors explained, ${unexplained.size} not; ${stale.length} explanations of nothing`);
process.exitCode = unexplained.size + stale.length === 0 ? 0 : 1;
