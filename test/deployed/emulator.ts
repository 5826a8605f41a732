import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { end, spawnBound } from "./bound.ts";
import { pythonProgram } from "./python.ts";

/** The account and the region that the emulator plays. Its root user is `test`. */
export const ACCOUNT = "000000000000";
export const REGION = "us-east-1";
export const ROOT = { accessKeyId: "test", secretAccessKey: "test" } as const;

export type Emulator = {
  /** The name is that in the URLs of its queues. */
  readonly endpoint: string;
  readonly port: number;
  stop(): Promise<void>;
};

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Longer than a cold start on a busy machine, which took 3 s. */
const START_MS = 60_000;

/** Resolves when `url` answers; rejects when the program ends first, or takes too long. */
export async function answers(url: string, program: ChildProcess): Promise<void> {
  const until = Date.now() + START_MS;
  while (Date.now() < until && program.exitCode === null) {
    const isUp = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not answer (exit code ${program.exitCode})`);
}

/**
 * MiniStack, which plays AWS on the loopback interface, with authorization on: a Lambda may do what its role may. Lambdas
 * are plain processes of this very Node, and reach AWS through `lambdaEndpoint`.
 */
export async function startEmulator(lambdaEndpoint: string): Promise<Emulator> {
  const program = pythonProgram("requirements.txt", "ministack");
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-emulator-"));
  mkdirSync(join(folder, "s3"));
  const port = await freePort();
  const child = spawnBound(program, [], {
    PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
    HOME: folder,
    TMPDIR: folder,
    S3_DATA_DIR: join(folder, "s3"),
    BIND_HOST: "127.0.0.1",
    GATEWAY_PORT: String(port),
    IOT_MTLS_ENABLED: "0",
    AUTH: "true",
    AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    AWS_ENDPOINT_URL: lambdaEndpoint,
  });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  const endpoint = `http://localhost:${port}`;
  try {
    await answers(`${endpoint}/_ministack/health`, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, port, stop };
}
