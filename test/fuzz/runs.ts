/** How many inputs each property is tried on: some hundreds with every test run, many more with `npm run fuzz`. */
export const RUNS = { numRuns: Number(process.env["LASTBEAT_FUZZ_RUNS"] ?? 300) };

/** Long enough for the many. */
export const LONG = { timeout: 300_000 };
