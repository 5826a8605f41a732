import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMMANDS } from "../../lib/cli/commands.ts";

test("the page of exec is the same in each agent, as its options are", () => {
  const page = readFileSync(new URL("../../agents/go/help.txt", import.meta.url), "utf8");
  expect(page).toBe(COMMANDS.get("exec")?.help);
  const options = readFileSync(new URL("../../agents/go/internal/settings/settings.go", import.meta.url), "utf8");
  for (const name of Object.keys(COMMANDS.get("exec")?.options ?? {}))
    expect(options).toMatch(new RegExp(`"${name}": +{`));
});
