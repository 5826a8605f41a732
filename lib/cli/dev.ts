import { CommandError, UsageError } from "./usage.ts";

function whole(name: string, value: string | undefined, standard: number, least: number, most: number): number {
  if (value === undefined) return standard;
  const number = Number(value);
  if (!Number.isInteger(number) || number < least || number > most || value.trim() === "")
    throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not "${value}"`);
  return number;
}

/** Runs the embedded server until it is told to end. Loaded on demand: no other command needs the emulators. */
export async function runDev(flags: { port?: string; data?: string; sweep?: string }): Promise<number> {
  const port = whole("port", flags.port, 8787, 0, 65535);
  const sweepSeconds = whole("sweep", flags.sweep, 10, 1, 60);
  const { startDev } = await import("../dev/dev.ts");
  const dev = await startDev({ port, sweepSeconds, ...(flags.data !== undefined && { data: flags.data }) }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") throw new CommandError(`port ${port} is taken: choose another with --port`);
      throw error;
    },
  );
  const { api, dynamodb, sqs, queueUrl, table } = dev.info;
  const kept = flags.data === undefined ? "in memory: all is gone when it ends" : `kept in ${flags.data}`;
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
