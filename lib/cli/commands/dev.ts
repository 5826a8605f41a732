import type { LongCommand } from "../command.ts";
import { TEXT } from "../common-options.ts";
import { CommandError, UsageError } from "../errors.ts";
import { type Flags, textFlag, wholeWithin } from "../flags.ts";

/** Until it is told to end. The server is loaded on demand: no other command needs the emulators. */
async function serve(flags: Flags): Promise<number> {
  const port = wholeWithin(flags, "port", 8787, 0, 65535);
  const sweepSeconds = wholeWithin(flags, "sweep", 10, 1, 60);
  const data = textFlag(flags, "data");
  if (data === "") throw new UsageError("--data takes a folder");
  process.umask(0o077); // the emulators' files hold tickets
  const { startDev } = await import("../../../dev/dev.ts");
  const dev = await startDev({ port, sweepSeconds, ...(data !== undefined && { data }) }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") throw new CommandError(`port ${port} is taken: choose another with --port`);
      throw error;
    },
  );
  const { api, dynamodb, sqs, queueUrl, table } = dev.info;
  const kept = data === undefined ? "in memory: all is gone when it ends" : `kept in ${data}`;
  console.log(`lastbeat listens on ${api}  (sweeps every ${sweepSeconds} s, ${kept})
  DynamoDB  ${dynamodb}  table ${table}
  SQS       ${sqs}
  requeues  ${queueUrl}`);
  const told = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  try {
    await Promise.race([told, dev.died]);
  } finally {
    await dev.stop();
  }
  return 0;
}

export const dev: LongCommand = {
  usage: `  lastbeat dev [--port N] [--data DIR] [--sweep SECONDS]
      the embedded server, on 127.0.0.1
`,
  help: `lastbeat dev [--port N] [--data DIR] [--sweep SECONDS]

One process: the Lambdas of the cloud behind a small HTTP server, with a DynamoDB and an
SQS emulator, all on 127.0.0.1. GET /dev/info says where they are; POST /dev/events takes
events of EventBridge, one or a list. Whatever is set for AWS in the environment or in
files stays out. It runs until SIGINT or SIGTERM.

  --port N             where the API listens (8787); 0 takes a free port
  --data DIR           keep everything in DIR, over restarts and kill -9 (else: in
                       memory). The ports of DynamoDB and SQS stay too, while free
  --sweep SECONDS      time between two sweeps (1 to 60; 10)

Exit codes: 0 told to end; 1 it could not start or go on (stderr says why); 2 not
understood.
`,
  options: { port: TEXT, data: TEXT, sweep: TEXT },
  takes: [],
  run: serve,
};
