import { defineConfig } from "vitest/config";

/** What Stryker runs against each mutant of the core: the tests of the core alone, so that a survivor is a gap in them. */
export default defineConfig({ test: { include: ["test/core/**/*.test.ts"], testTimeout: 10_000 } });
