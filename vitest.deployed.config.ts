import { defineConfig } from "vitest/config";
import { testCounts } from "./scripts/test-counts.ts";

/** `npm run e2e`: the real stack, deployed by the CDK to an emulator of AWS. Too slow for every `npm test`, and needs Python. */
export default defineConfig({
  test: {
    reporters: ["verbose", testCounts()],
    include: ["test/deployed/*.test.ts"],
    // One deployment and two cores for all of them.
    fileParallelism: false,
    maxConcurrency: 20,
    // The rule of every minute fires a minute after the deployment, and a lost run waits for it.
    testTimeout: 240_000,
    // Installing the emulator for the first time, bootstrapping, deploying.
    hookTimeout: 300_000,
  },
});
