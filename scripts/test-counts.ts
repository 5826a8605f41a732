import type { Reporter } from "vitest/node";

/**
 * Ends a test run with the plain line "N passed, N failed", which the CI and scripts/check.ts read. A run in which nothing
 * passed has failed, whatever else it says.
 */
export const testCounts = (): Reporter => ({
  onTestRunEnd(modules, errors) {
    let passed = 0;
    let skipped = 0;
    // What went wrong outside of a test counts as a failed one, or a file that cannot be loaded would fail nothing.
    let failed = errors.length;
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      const bad = tests.filter((each) => each.result().state === "failed").length;
      passed += tests.filter((each) => each.result().state === "passed").length;
      skipped += tests.filter((each) => each.result().state === "skipped").length;
      failed += bad === 0 && module.state() === "failed" ? 1 : bad;
    }
    if (passed === 0) process.exitCode = 1;
    console.log(`${modules.length} test files\n${skipped} skipped\n${passed} passed, ${failed} failed`);
  },
});
