import { existsSync, readFileSync } from "node:fs";
import type { Line } from "./table.ts";

/** The lines of a table, as rows with a column for each agent. */
function rowsOf(file: string): readonly Readonly<Record<string, string>>[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  const rows = new Map<string, Record<string, string>>();
  for (const line of lines) {
    const { behaviour: name, agent, has } = JSON.parse(line) as Line;
    rows.set(name, { ...rows.get(name), behaviour: name, [agent]: has ? "yes" : "no" });
  }
  return [...rows.values()];
}

const rows = rowsOf(process.argv[2] ?? "");
console.table(Object.fromEntries(rows.map(({ behaviour, ...agents }) => [behaviour, agents])));
