import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMMANDS } from "../../lib/cli/commands.ts";

test("the page of exec is the same in each agent, as its options are", () => {
  const page = readFileSync(new URL("../../agents/go/help.txt", import.meta.url), "utf8");
  expect(page).toBe(COMMANDS.get("exec")?.help);
  const options = ["settings.go", "exec.go"]
    .map((file) => readFileSync(new URL(`../../agents/go/internal/settings/${file}`, import.meta.url), "utf8"))
    .join("\n");
  for (const name of Object.keys(COMMANDS.get("exec")?.options ?? {}))
    expect(options).toMatch(new RegExp(`"${name}": +{`));
});
