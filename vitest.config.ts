import { defineConfig } from "vitest/config";
import { testCounts } from "./scripts/test-counts.ts";

/** The folders whose tests wait for nothing but the processor. */
const PURE = ["test/core/**/*.test.ts", "test/wire/**/*.test.ts", "test/*.test.ts"];

const full = { lines: 100, branches: 100, functions: 100, statements: 100 };
const most = { lines: 90, branches: 90, functions: 90, statements: 90 };

export default defineConfig({
  test: {
    reporters: ["default", testCounts()],
    projects: [
      { test: { name: "pure", include: PURE, testTimeout: 10_000 } },
      {
        test: {
          name: "whole",
          include: ["test/**/*.test.ts"],
          exclude: [...PURE, "test/emulated/**", "test/kubernetes/**", "test/orchestrators/**"],
          // They start emulators and processes; on a busy machine with two cores a start has taken 10 s.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
    coverage: {
      provider: "v8",
      // What no test loads counts as uncovered.
      include: ["lib/**/*.ts", "lambdas/**/*.ts", "cdk/**/*.ts", "dev/**/*.ts"],
      exclude: ["**/*.d.ts", "cdk/app.ts"],
      reporter: ["text-summary", "json-summary"],
      reportOnFailure: true,
      thresholds: {
        "lib/core/**": full,
        "lib/app/**": most,
        "lib/wire/**": most,
        "lib/adapters/memory/**": most,
        "lib/adapters/aws/**": most,
        "lib/agent/**": most,
        "lib/stack/**": most,
        "lib/cost/**": most,
        "lambdas/**": most,
        "cdk/**": most,
      },
    },
  },
});
