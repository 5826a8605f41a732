import type { Instant } from "../core/time.ts";
import type { Control } from "../ports/control.ts";
import type { RequeueMessage, Requeues } from "../ports/queues.ts";

export function memoryControl(shards = 4): Control & { use(shards: number): void } {
  let lastSweep: Instant | undefined;
  let used = shards;
  return {
    use: (count) => {
      used = Math.max(used, count);
    },
    shards: async () => used,
    beginSweep: async (now, unless) => {
      if (lastSweep !== undefined && lastSweep > unless) return false;
      lastSweep = now;
      return true;
    },
  };
}

/** A queue that keeps what was sent, in order. */
export function memoryRequeues(): Requeues & { readonly sent: RequeueMessage[] } {
  const sent: RequeueMessage[] = [];
  return {
    sent,
    send: async (message) => {
      sent.push(message);
    },
  };
}
