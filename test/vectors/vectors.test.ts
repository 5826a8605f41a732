import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FOLDER, files } from "./files.ts";

test("the vectors that bind the other agents are those of the heart as it is (npm run vectors writes them)", async () => {
  for (const { name, text, lives } of await files()) {
    expect(lives).toBeGreaterThan(400);
    // Not toBe: the difference of two megabytes helps nobody.
    expect([name, readFileSync(new URL(name, FOLDER), "utf8") === text]).toEqual([name, true]);
  }
});
