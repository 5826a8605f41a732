import { part } from "./part.mjs";

const GUARDS = ["renew", "runs", "records", "control", "hosts", "ended-runs"];

export default part(
  "guards",
  GUARDS.map((name) => `lib/adapters/aws/${name}.ts`),
  // The contract speaks HTTP: a mutant that is slow there is not one that never ends.
  { timeoutMS: 60_000 },
);
