import { defineConfig } from "vitest/config";

/** What Stryker runs against each mutant of the write guards: the contract, on the engine that starts at once. */
export default defineConfig({
  test: { include: ["test/contract/dynalite.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
});
