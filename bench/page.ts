import { readFileSync } from "node:fs";
import { type Figure, table } from "./figure.ts";

/** As much of what `npm run bench -- --json FILE` keeps as the page shows. */
export type Kept = {
  readonly date: string;
  readonly machine: { readonly cpus: number; readonly model?: string; readonly arch: string; readonly node: string };
  readonly figures: readonly Figure[];
};

/** docs/performance.md: the method by hand, the figures from the last run that was kept. */
export const performancePage = ({ date, machine, figures }: Kept): string =>
  `${METHOD}
Last kept on ${date}: ${machine.cpus} cores (${machine.model ?? "unknown"}, ${machine.arch}), Node ${machine.node}.

${table(figures)}
`;

const METHOD = `# What it costs, and how fast it is

\`npm run bench\` prints this table and fails where a figure is beyond what is promised; \`npm run bench -- --json docs/performance.json\`
keeps it, and \`node bench/page.ts > docs/performance.md\` makes this page of it.

## How it is found out

- **Units are counted, never timed.** The use cases run on the adapters that the Lambdas have, against DynamoDB Local; beats by the client that is
  signed by hand. A meter around both clients looks up each item before and after a request and applies DynamoDB's rules
  (\`lib/cost/dynamodb-units.ts\`, held against facts from real tables in \`test/cost/dynamodb-units.test.ts\`); Amazon's own engine agrees wherever it
  says anything: it says nothing of refused writes, and calls a read that found nothing free, where AWS bills the least that there is. Sweeps are fitted as a x shards + b x live runs + c x runs that are due;
  deaths are counted to their last message.
- **Money follows from units** and the dated list prices of \`lib/cost/prices.ts\`, for usual run items (16 letters, an instance, a first attempt). Billed
  milliseconds of a beat are an input (8 and 25), because only AWS can tell them. \`lastbeat cost\` takes every run item at 128 B, which is
  dearer by two to four thousandths, and just beyond what is promised. The agent beats at least every 30 s, so a real
  thousand runner-hours cost the figure for 30 s; 60 s is what others are compared at.
- **Times of this machine** are those of a process of its own beside a table that answers at once, on loopback, no two measured at the same time, the best of three rounds; the
  calibration line says how fast the machine was. The AWS SDK's figures come from the same handler with the SDK in it. Resident memory
  is that of a process without a limit; a first beat, which a busy machine disturbs most, is the 25th percentile of 31. "Without the
  network" replaces Node's own HTTP client, too.
- **Latencies of AWS are modelled**: EventBridge p50 148, p90 241, p99 387 ms and SQS to Lambda 16, 34, 105 ms (bitesizedserverless.com, 2023), a
  request to DynamoDB 5, 10, 25 ms (assumed). Detection runs the real sweep in virtual time over 4,500 deaths: a scheduled rule that fires
  within 3 s of its minute (assumed), ticks as SQS brings them, no cold starts.
- **A mass reclaim** runs the bundled notice Lambda in a process of its own beside emulators behind TLS, and counts its processor
  time, start included. A queue, Lambda's ways of scaling (five batches at once, five more each second) and the share of a processor that its memory
  buys are played in virtual time from that; a core of Graviton is taken to be half as slow again (assumed).
- **A million runners** beat for an hour of virtual time through the real use cases, without HTTP, over a store of one number a run (\`bench/fleet.ts\`); one in a hundred dies, is found, announced, and claimed
  again. A seed gives the same digest each time.

## What it stands beside

Temporal Cloud bills each heartbeat that reaches it as an Action ($50 a million, falling to $25; its documentation of prices). An index on the due time takes
3 WRU a beat. SQS's ChangeMessageVisibility, Step Functions' task tokens and IoT Core's keep-alive are cheaper than a write, each with a
limit that the table names: Lastbeat is not the cheapest signal of life, but the cheapest that fences, tells causes apart and needs no
credentials on the runner. Detection of others: defaults of Temporal (1 s beyond the timeout), Kubernetes (40 s, and 300 s more), Airflow (300 s), Solid
Queue (5 to 10 min), from their sources.

\`npm run peers\` sends heartbeats over kept connections, eight at once, by one client, to the embedded server, to a real API server of Airflow 3.3.2 (a
task that runs) and to a real server of Prefect 3.9.1 (a flow run's heartbeat event), one after the other, each with one worker, the peers on SQLite. On
27 November 2026, on two cores, heartbeats a second and processor time of each: Lastbeat 1,378 and 1.00 ms, with the emulator of DynamoDB in it; Airflow 149
and 6.82 ms; Prefect 437 and 2.33 ms. The handler of beats by itself takes what the table says.

## What is not reached, and why

- The bundle of beats has 60 kB; 12 were aimed at. A beat is read by the same library and answered by the same table of decisions as
  everything else: without zod a first beat would come about 6 ms sooner, without the table 2, and a second reader and a second table would
  be two more things to be wrong. What mattered more was not to import node:http (\`lib/adapters/aws/signed-call.ts\`), which loads all of
  undici, and took 20 ms.
- With the loopback network in it a beat takes half of the SDK's processor time, not a fifth: most of what is left is the kernel's and
  Node's HTTP client.

## The figures
`;

// `node bench/page.ts` prints the page of what was kept.
if (import.meta.main) {
  const kept = JSON.parse(readFileSync(new URL("../docs/performance.json", import.meta.url), "utf8")) as Kept;
  process.stdout.write(performancePage(kept));
}
