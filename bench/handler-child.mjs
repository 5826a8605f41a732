/**
 * Runs the handler of a bundle in a process of its own: one beat, and then as many as asked for, each timed. Prints one
 * line of JSON. Arguments: the bundle, the event as JSON, how many beats, and an answer of DynamoDB that is given without any
 * network, if there is one.
 */
import { EventEmitter } from "node:events";

const [, , bundle, event, count, canned] = process.argv;

if (canned !== undefined) {
  // As lib/adapters/aws/signed-call.ts takes it: an import here would be a part of each cold start.
  process.getBuiltinModule("node:http").request = () => {
    const request = new EventEmitter();
    request.destroy = () => {};
    request.end = () => {
      const response = new EventEmitter();
      response.statusCode = 200;
      response.setEncoding = () => {};
      queueMicrotask(() => {
        request.emit("response", response);
        response.emit("data", canned);
        response.emit("end");
      });
    };
    return request;
  };
}

const { handler } = await import(bundle);
const call = async () => {
  const { statusCode, body } = await handler(JSON.parse(event), { getRemainingTimeInMillis: () => 10_000 });
  if (statusCode !== 200) throw new Error(`${statusCode}: ${body}`);
};
await call();
if (Number(count) === 0) process.exit(0);
for (let n = 0; n < 1000; n += 1) await call();

/** The processor's clock is coarse: so many beats are timed at once. */
const AT_ONCE = 20;
const cpu = [];
const latency = [];
for (let n = 0; n < Number(count) / AT_ONCE; n += 1) {
  const before = process.cpuUsage();
  for (let beat = 0; beat < AT_ONCE; beat += 1) {
    const started = performance.now();
    await call();
    latency.push(performance.now() - started);
  }
  const { user, system } = process.cpuUsage(before);
  cpu.push((user + system) / 1000 / AT_ONCE);
}
const quantile = (numbers, share) => numbers.toSorted((one, other) => one - other)[Math.floor(share * numbers.length)];
console.log(
  JSON.stringify({
    cpuMs: quantile(cpu, 0.5),
    latencyMs: quantile(latency, 0.5),
    slowMs: quantile(latency, 0.99),
    mb: process.memoryUsage().rss / 1e6,
  }),
);
process.exit(0);
