import { defineConfig } from "vitest/config";

/** What Stryker runs against each mutant of the write guards: the contract, on the engine that starts at once, and what is asked of it. */
export default defineConfig({
  test: {
    include: ["test/contract/dynalite.test.ts", "test/contract/requests.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
