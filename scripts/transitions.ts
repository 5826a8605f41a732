import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { transitions } from "../lib/core/transitions.ts";

/** docs/transitions.md as the table in lib/core says it. A test holds the file against it. */
export function transitionsPage(): string {
  const rows = Object.entries(transitions).flatMap(([state, events]) =>
    Object.entries(events).map(
      ([event, { next, effects, replies }]) =>
        `| ${state} | ${event} | ${next.join(", ")} | ${effects.join(", ") || "-"} | ${replies.join(", ")} |`,
    ),
  );
  return `# The life of a run

Printed from the table in \`lib/core/transitions.ts\` by \`node scripts/transitions.ts\`; do not edit. For each state and event:
the states that the run may be in afterwards (its own one when nothing changes, or only its lease does), the effects that the
write may leave as a debt, and what the caller is told. \`due\` is the clock's event: a sweep has seen the run's due time pass.

| state | event | next | effects | reply |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  writeFileSync(new URL("../docs/transitions.md", import.meta.url), transitionsPage());
