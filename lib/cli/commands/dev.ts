import type { LongCommand } from "../command.ts";
import { TEXT } from "../common-options.ts";
import { CommandError, UsageError } from "../errors.ts";
import { type Flags, secondsWithin, textFlag, wholeWithin } from "../flags.ts";

/** Serves until SIGINT or SIGTERM. The server is loaded on demand: no other command needs the emulators. */
async function serve(flags: Flags): Promise<number> {
  const port = wholeWithin(flags, "port", 8787, 0, 65535);
  const sweepSeconds = secondsWithin(flags, "sweep", 10, 1, 60);
  const data = textFlag(flags, "data");
  if (data === "") throw new UsageError("--data needs a folder");
  process.umask(0o077); // the emulators' files hold tickets
  const { startDev } = await import("../../../dev/dev.ts");
  const dev = await startDev({ port, sweepSeconds, ...(data !== undefined && { data }) }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE")
        throw new CommandError(`port ${port} is already in use: choose another with --port`);
      throw error;
    },
  );
  const { api, dynamodb, sqs, queueUrl, table } = dev.info;
  const kept = data === undefined ? "in memory: all data is lost when the server ends" : `kept in ${data}`;
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

Starts the embedded server in one process: the Lambdas of the cloud behind a small HTTP
server, with a DynamoDB and an SQS emulator, all on 127.0.0.1. GET /dev/info returns their
addresses; POST /dev/events accepts one event of EventBridge or a list. The server ignores
the AWS settings in the environment and in files. It runs until SIGINT or SIGTERM.

  --port N             the port of the API (8787); 0 chooses a free port
  --data DIR           keep all data in DIR, over restarts and kill -9 (default: in
                       memory). The ports of DynamoDB and SQS also stay, while free
  --sweep SECONDS      time between two sweeps (1 to 60; 10)

Exit codes: 0 ended by a signal; 1 it could not start or continue (stderr says why); 2
wrong usage.
`,
  options: { port: TEXT, data: TEXT, sweep: TEXT },
  takes: [],
  run: serve,
};
