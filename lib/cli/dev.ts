import { type Flags, textFlag, wholeWithin } from "./flags.ts";
import { CommandError, UsageError } from "./usage.ts";

/** Runs the embedded server until it is told to end. Loaded on demand: no other command needs the emulators. */
export async function runDev(flags: Flags): Promise<number> {
  const port = wholeWithin(flags, "port", 8787, 0, 65535);
  const sweepSeconds = wholeWithin(flags, "sweep", 10, 1, 60);
  const data = textFlag(flags, "data");
  if (data === "") throw new UsageError("--data takes a folder");
  process.umask(0o077); // the emulators' files hold tickets
  const { startDev } = await import("../../dev/dev.ts");
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
