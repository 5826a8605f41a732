import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import type { SQSClient } from "@aws-sdk/client-sqs";
import type { OUTPUTS } from "../../lib/names.ts";

/** The account and the region that the emulators play. Their root user is `test`. */
export const ACCOUNT = "000000000000";
export const REGION = "us-east-1";
export const ROOT = { accessKeyId: "test", secretAccessKey: "test" } as const;

export type Sdk = { readonly endpoint: string; readonly region: string; readonly credentials: typeof ROOT };

/** Something that plays AWS on this machine, and how it differs from AWS. */
export type Emulator = {
  /** Which one and which version, and whose code does what in it. */
  readonly what: string;
  readonly endpoint: string;
  /** The way in that is used unless another is asked for. */
  readonly frontDoor: "httpApi" | "restApi";
  /** How its Lambdas reach it, when that is not through the wiretap. */
  readonly inside?: string;
  /** The name of the stack there, when others may have one. */
  readonly stack?: string;
  /** Settings of the stack without which it cannot be deployed there. */
  readonly settings: Readonly<Record<string, string>>;
  /** Actions that it does not know, and who plays them. */
  readonly played: Readonly<Record<string, (sqs: SQSClient, input: unknown) => Promise<object>>>;
  /** After each deployment: makes good what it does otherwise than AWS. */
  mend(sdk: Sdk, output: (name: keyof typeof OUTPUTS) => string): Promise<void>;
  stop(): Promise<void>;
};

/** Starts one whose Lambdas reach AWS through that endpoint. */
export type StartEmulator = (lambdaEndpoint: string) => Promise<Emulator>;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Longer than a cold start on a busy machine, which took LocalStack 4 s. */
const START_MS = 60_000;

/** Resolves when `url` answers; rejects when the program ends first, or takes too long. */
export async function answers(url: string, program: ChildProcess): Promise<void> {
  const until = Date.now() + START_MS;
  while (Date.now() < until && program.exitCode === null) {
    const isUp = await fetch(url, { signal: AbortSignal.timeout(5000) }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not answer (exit code ${program.exitCode})`);
}
