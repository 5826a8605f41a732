import { defineConfig } from "vitest/config";
import { testCounts } from "./scripts/test-counts.ts";

/** `npm run e2e`, `npm run test:localstack`: the real stack, deployed by the CDK to an emulator. They need Python. */
const on = (emulator: string, fileParallelism: boolean) => ({
  test: {
    name: emulator,
    include: [`test/emulated/${emulator}/*.test.ts`],
    fileParallelism,
    maxConcurrency: 20,
    // The rule of every minute fires a minute after the deployment, and a lost run waits for it.
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});

export default defineConfig({
  test: {
    reporters: ["verbose", testCounts()],
    // Vitest's own number is one on two cores, and more than these two files on others.
    maxWorkers: 2,
    projects: [
      // One deployment at a time, on two cores.
      on("ministack", false),
      // The contract keeps one core busy while the stories wait for the rule of every minute.
      on("localstack", true),
      on("generated", false),
      // A real Kubernetes, whose nodes are on this machine.
      {
        test: {
          name: "kubernetes",
          include: ["test/kubernetes/*.test.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      // Real orchestrators, each with its own workers.
      {
        test: {
          name: "orchestrators",
          include: ["test/orchestrators/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 600_000, // the first time they are installed
        },
      },
      // A control plane beside real controllers of others, which take nodes and pods away.
      {
        test: {
          name: "ecosystem",
          include: ["test/kubernetes/ecosystem/*.test.ts"],
          fileParallelism: false,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
