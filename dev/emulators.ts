import { createServer } from "node:net";
import { Worker } from "node:worker_threads";
import type { EmulatorData, EmulatorReady, EmulatorRefusal } from "./emulators-worker.ts";
import { Unusable } from "./unusable.ts";

export type Emulators = EmulatorReady & {
  /** Rejects if their thread ends before `stop`: then the stored data cannot be reached any more. */
  readonly died: Promise<never>;
  stop(): Promise<void>;
};

/** In a clone the worker is TypeScript; in the package it is beside this file in dist/. */
const workerFile = (): URL =>
  new URL(import.meta.url.endsWith(".ts") ? "./emulators-worker.ts" : "./emulators-worker.js", import.meta.url);

/** The port, or 0 (a free port) if another program has taken it meanwhile. */
function freeOr0(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
      .once("error", () => resolve(0))
      .listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}

function explain({ refused, folder, why }: EmulatorRefusal, data = ""): string {
  return refused === "locked"
    ? `another lastbeat dev uses the folder ${data}: stop it, or choose another folder with --data`
    : `${folder} cannot be opened (${why}): restore it from a copy, or choose another folder with --data`;
}

/** Starts both emulators on 127.0.0.1, on the wanted ports if they are free. Port 0: a free port. */
export async function startEmulators(wanted: EmulatorData): Promise<Emulators> {
  const [dynamodbPort, sqsPort] = await Promise.all([freeOr0(wanted.dynamodbPort), freeOr0(wanted.sqsPort)]);
  const worker = new Worker(workerFile(), { workerData: { ...wanted, dynamodbPort, sqsPort } });
  const death = Promise.withResolvers<never>();
  death.promise.catch(() => {}); // a caller that does not wait for it needs no error
  let reason = "";
  worker.on("error", (error: Error) => {
    reason = error.message;
  });
  worker.once("exit", (code) =>
    death.reject(new Unusable(`the emulators have ended: ${reason === "" ? `exit code ${code}` : reason}`)),
  );
  const ready = new Promise<EmulatorReady | EmulatorRefusal>((resolve) => worker.once("message", resolve));
  const answer = await Promise.race([ready, death.promise]);
  if (!("refused" in answer))
    return { ...answer, died: death.promise, stop: async () => void (await worker.terminate()) };
  await worker.terminate();
  throw new Unusable(explain(answer, wanted.folder));
}
