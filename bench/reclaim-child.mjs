/**
 * Runs the handler of a bundle in a process of its own: one batch after the other. Prints what each took of the processor, in
 * ms, as one line of JSON; the first one includes the start of Node and of the bundle. Arguments: the bundle, and a file with
 * the batches.
 */
import { readFileSync } from "node:fs";

const [, , bundle, file] = process.argv;
const { handler } = await import(bundle);
const spent = [];
let before = { user: 0, system: 0 };
for (const Records of JSON.parse(readFileSync(file, "utf8"))) {
  const { batchItemFailures } = await handler({ Records }, { getRemainingTimeInMillis: () => 60_000 });
  if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} messages failed`);
  const now = process.cpuUsage();
  spent.push((now.user + now.system - before.user - before.system) / 1000);
  before = now;
}
process.stderr.write(`${JSON.stringify(spent)}\n`);
process.exit(0);
