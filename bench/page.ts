import { readFileSync } from "node:fs";
import { type Figure, table } from "./figure.ts";

/** The part of what `npm run bench -- --json FILE` stores that the page shows. */
export type Kept = {
  readonly date: string;
  readonly machine: { readonly cpus: number; readonly model?: string; readonly arch: string; readonly node: string };
  readonly figures: readonly Figure[];
};

/** docs/performance.md: the method is written by hand, and the figures are those of the last run that was stored. */
export const performancePage = ({ date, machine, figures }: Kept): string =>
  `${METHOD}
Last kept on ${date}: ${machine.cpus} cores (${machine.model ?? "unknown"}, ${machine.arch}), Node ${machine.node}.

${table(figures)}
`;

const METHOD = `# What it costs, and how fast it is

\`npm run bench\` prints this table and fails when a figure is beyond what is promised. \`npm run bench -- --json docs/performance.json\` keeps the table,
and \`node bench/page.ts > docs/performance.md\` makes this page of it.

## How it is found out

- **Units are counted, never timed.** The use cases run on the adapters of the Lambdas, against DynamoDB Local. Beats use the client that is signed by
  hand. A meter around both clients looks up each item before and after a request and applies DynamoDB's rules (\`lib/cost/dynamodb-units.ts\`, compared
  with facts from real tables in \`test/cost/dynamodb-units.test.ts\`). Amazon's own engine confirms each unit that it reports. It reports none for
  refused writes, and calls a read that found nothing free, where AWS bills the minimum. The cost of a sweep is fitted as a constant + a × shards + b
  × live runs + c × runs that are due. Deaths are counted to their last message.
- **Money follows from units** and the dated list prices of \`lib/cost/prices.ts\`, for usual run items (a run id of 16 letters, an instance, a first
  attempt). The billed milliseconds of a beat are an input (8 and 25), because only AWS can tell them. \`lastbeat cost\` assumes 128 B for every run
  item. That makes its figures 0.1 to 0.2 % higher than the table's, just above the promised limit. With the default lease of 120 s
  the agent beats every 30 s, so a thousand real runner-hours cost the figure for 30 s. With a lease of 600 s, the default of Jobs, they cost that for
  150 s, and with 1200 s that for 300 s (decision 29). The figure for 60 s is for comparison with others.
- **Times of this machine** come from a separate process beside a table on loopback that answers at once. Only one process is measured at a time, and
  the best of three rounds counts. The calibration line says how fast the machine was. The AWS SDK's figures come from the same handler with the SDK
  in it. Resident memory is that of a process without a limit. A busy machine disturbs a first beat most, so its figure is the 25th percentile of 31.
  "Without the network" also replaces Node's own HTTP client.
- **Latencies of AWS are modelled**: EventBridge p50 148, p90 241, p99 387 ms and SQS to Lambda 16, 34, 105 ms (bitesizedserverless.com, 2023), a
  request to DynamoDB 5, 10, 25 ms (assumed). Detection runs the real sweep in virtual time over 4,500 deaths. A scheduled rule fires within 3 s of
  its minute (assumed), SQS delivers the ticks, and there are no cold starts.
- **A mass reclaim** runs the bundled notice Lambda in a separate process beside emulators behind TLS, and counts its processor time, start included.
  The rest is played in virtual time: a queue, Lambda's scaling (five batches at once, five more each second), and the share of a processor that the
  memory buys. A core of Graviton is assumed to take half as long again.
- **A million runners** beat for an hour of virtual time through the real use cases, without HTTP, over a store of one number a run
  (\`bench/fleet.ts\`). One in a hundred dies, is found, announced, and claimed again. A seed gives the same digest each time.

## What it is compared with

Temporal Cloud bills each heartbeat that reaches it as an Action ($50 a million, falling to $25; from its pricing documentation). An index on the due
time costs 3 WRU a beat. SQS's ChangeMessageVisibility, Step Functions' task tokens and IoT Core's keep-alive are cheaper than a write, each with a
limit that the table names. So Lastbeat is not the cheapest sign of life. It is the cheapest that fences, distinguishes causes, and needs no
credentials on the runner. Detection times of others are the defaults in their sources: Temporal (1 s beyond the timeout), Kubernetes (40 s, and 300 s
more), Airflow (300 s), Solid Queue (5 to 10 min).

\`npm run peers\` sends heartbeats from one client over eight kept connections, to one server after the other: the embedded server, a real API server of
Airflow 3.3.2 (a task that runs), and a real server of Prefect 3.9.1 (a flow run's heartbeat event). Each has one worker, and the peers run on SQLite.
On 27 November 2026, on two cores, the heartbeats a second and the processor time of each were: Lastbeat 1,378 and 1.00 ms, including the emulator of
DynamoDB; Airflow 149 and 6.82 ms; Prefect 437 and 2.33 ms. The table has the figures of the beats' handler alone.

## A cluster of Kubernetes

Each sweep looks at each cluster with two lists (decision 28). \`npm run bench:cluster\` asks a real API server (Kubernetes 1.35, on the same two cores) for
them, with pods of the size of a training job. A Job goes an hour after its end, so a cluster with 1,000 ends an hour shows about 1,000 of them.

| pods | have ended | run without an agent |
| --- | --- | --- |
| 10 | 1 call, 54 kB, 14 ms | 1 call, 30 kB, 13 ms |
| 1,000 | 3 calls, 253 kB, 0.3 s | 2 calls, 110 kB, 0.1 s |
| 10,000 | 21 calls, 2.4 MB, 1.6 s | 20 calls, 1.1 MB, 0.7 s |

Pods that run with an agent are in no list, and cost nothing. A death and the next attempt cost three calls (\`test/kubernetes/faults.test.ts\` counts them),
and one for the node, one for the Secret of the ticket, and up to three where the pod does not say who ended it.

## What is not reached, and why

- The bundle of beats has 44 kB; the aim was 12. A beat is read by the same library as everything else.
  Without zod a first beat would come about 6 ms sooner. But a second reader could go wrong, too. It
  mattered more not to import node:http (\`lib/adapters/aws/signed-call.ts\`), which loads all of undici and took 20 ms.
- Including the loopback network, a beat takes half of the SDK's processor time, not a fifth. Most of the rest is the kernel's and Node's HTTP client.

## The figures
`;

// `node bench/page.ts` prints the page from the stored figures.
if (import.meta.main) {
  const kept = JSON.parse(readFileSync(new URL("../docs/performance.json", import.meta.url), "utf8")) as Kept;
  process.stdout.write(performancePage(kept));
}
