import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Door, httpDoor } from "../lib/agent/client.ts";
import { live } from "../lib/agent/driver.ts";
import { requestTimeout } from "../lib/agent/heart.ts";
import { seconds } from "../lib/core/time.ts";
import { parseBearer } from "../lib/wire/credentials.ts";
import type { RecordView } from "../lib/wire/run-view.ts";

/** Many runs at once over one embedded server, each with the agent's real heart and a child that only waits. */
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000" },
    seconds: { type: "string", default: "120" },
    lease: { type: "string", default: "60" },
  },
});
const runs = Number(values.runs);
const lasting = Number(values.seconds);
const lease = Number(values.lease);

const BIN = fileURLToPath(new URL("../bin.mjs", import.meta.url));
const server = spawn(process.execPath, [BIN, "dev", "--port", "0"], { stdio: ["ignore", "pipe", "ignore"] });
const began = performance.now();

async function url(): Promise<string> {
  for await (const line of createInterface({ input: server.stdout })) {
    const found = /listens on (http:\S+)/.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error("the embedded server did not start");
}

/** Calls by name: how long each took, and how many failed. */
const took: Record<string, number[]> = { claim: [], beat: [], finish: [] };
let unclear = 0;

/** A front door that measures each call. */
function timed(door: Door): Door {
  const time = async <T extends { kind: string }>(name: string, call: Promise<T>): Promise<T> => {
    const start = performance.now();
    const answer = await call;
    took[name]?.push(performance.now() - start);
    if (answer.kind === "unclear") unclear += 1;
    return answer;
  };
  return {
    claim: (ticket, holder) => time("claim", door.claim(ticket, holder)),
    beat: (token) => time("beat", door.beat(token)),
    notice: (token, notice) => door.notice(token, notice),
    finish: (token, report) => time("finish", door.finish(token, report)),
  };
}

async function oneRun(base: string, run: string): Promise<void> {
  const response = await fetch(`${base}/v1/runs/${run}`, {
    method: "PUT",
    body: JSON.stringify({ leaseSeconds: lease }),
  });
  const { ticket } = (await response.json()) as { ticket: string };
  const span = parseBearer(`Bearer ${ticket}`)?.claims.lease ?? seconds(lease);
  await live({
    door: timed(httpDoor(base, { run, timeout: requestTimeout(span) })),
    ticket,
    lease: span,
    holder: { id: randomBytes(16).toString("hex"), host: `host-${run}` },
    start: (_, __, ended) => {
      setTimeout(() => ended({ exitCode: 0, status: 0 }), lasting * 1000);
      return { signal: () => {} };
    },
    say: () => {},
  }).left;
}

const quantile = (sorted: readonly number[], q: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0).toFixed(0);

/** The most memory that the server has used, from the kernel; "unknown" if there is no /proc. */
function peakMemory(): string {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1];
    return `${Math.round(Number(kilobytes) / 1024)} MB`;
  } catch {
    return "unknown";
  }
}

async function record(base: string, run: string): Promise<RecordView> {
  return (await (await fetch(`${base}/v1/runs/${run}`)).json()) as RecordView;
}

const base = await url();
const names = Array.from({ length: runs }, (_, index) => `load-${index}`);
// The starts are spread over an interval, like those of runs that one command did not start together.
const spread = (lease / 4) * 1000;
const all = names.map(async (run, index) => {
  await new Promise((resolve) => setTimeout(resolve, (index / runs) * spread));
  await oneRun(base, run);
});
await Promise.all(all);
const total = ((performance.now() - began) / 1000).toFixed(0);
const records: RecordView[] = [];
for (const run of names) records.push(await record(base, run));

const succeeded = records.filter(({ outcome, attempts }) => outcome === "succeeded" && attempts.length === 1).length;
const lost = records.filter(({ attempts }) => attempts.some(({ cause }) => cause === "lost")).length;
console.log(`${runs} runs, lease ${lease} s, each ${lasting} s long, in ${total} s:
  ${succeeded} succeeded on their first attempt, ${lost} lost falsely`);
for (const [name, times] of Object.entries(took)) {
  const sorted = times.sort((one, other) => one - other);
  console.log(
    `  ${String(sorted.length).padStart(6)} ${name.padEnd(7)} p50 ${quantile(sorted, 0.5)} ms, p99 ${quantile(sorted, 0.99)} ms, max ${quantile(sorted, 1)} ms`,
  );
}
console.log(`  ${unclear} answers that were none; the server's peak memory was ${peakMemory()}`);
server.kill("SIGTERM");
process.exitCode = succeeded === runs && lost === 0 ? 0 : 1;
