import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { BUGS } from "../sim/bugs.ts";

// The simulator takes minutes until it reaches a bug that can no longer be planted. This takes a moment.
test.each(BUGS)("the source still has one place for the planted bug: $name", ({ file, from }) => {
  expect(readFileSync(file, "utf8").split(from)).toHaveLength(2);
});
