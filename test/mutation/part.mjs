/**
 * How Stryker runs one part: the files to change, and what else is its own. The tests against each change are those of
 * `<name>.config.ts`, and the report is coverage/mutation-<name>.json, which main.ts reads.
 */
export const part = (name, mutate, own = {}) => ({
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: `test/mutation/${name}.config.ts`, related: false },
  tsconfigFile: "none.json",
  mutate,
  coverageAnalysis: "perTest",
  concurrency: 2,
  reporters: ["clear-text", "json"],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  jsonReporter: { fileName: `coverage/mutation-${name}.json` },
  tempDirName: `coverage/stryker-${name}`,
  thresholds: { high: 100, low: 95, break: 95 },
  ...own,
});
