import { Worker } from "node:worker_threads";
import type { EmulatorData, EmulatorReady } from "./emulators-worker.ts";

export type Emulators = EmulatorReady & { stop(): Promise<void> };

/** In a clone the worker is TypeScript, in the package it stands beside this file in dist/. */
const workerFile = (): URL =>
  new URL(import.meta.url.endsWith(".ts") ? "./emulators-worker.ts" : "./emulators-worker.js", import.meta.url);

/** Starts both emulators on 127.0.0.1. Port 0 means a free one. Rejects when a port is taken. */
export function startEmulators(data: EmulatorData): Promise<Emulators> {
  const worker = new Worker(workerFile(), { workerData: data });
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (ready: EmulatorReady) =>
      resolve({
        ...ready,
        stop: async () => {
          await worker.terminate();
        },
      }),
    );
  });
}
