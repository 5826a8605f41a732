import type { Freeze } from "../core/freeze.ts";
import type { Instant } from "../core/time.ts";
import type { Control } from "../ports/control.ts";
import type { Notices, RequeueMessage, Requeues } from "../ports/queues.ts";
import type { Oddities } from "../ports/records.ts";

export function memoryControl(shards = 4): Control & { use(shards: number): void } {
  let lastSweep: Instant | undefined;
  let used = shards;
  let frozen: Freeze | undefined;
  let canaryFailedAt: Instant | undefined;
  return {
    use: (count) => {
      used = Math.max(used, count);
    },
    shards: async () => used,
    standing: async () => ({
      shards: used,
      ...(lastSweep !== undefined && { lastSweep }),
      ...(canaryFailedAt !== undefined && { canaryFailedAt }),
    }),
    beginSweep: async (now, unless) => {
      if (lastSweep !== undefined && lastSweep > unless) return false;
      lastSweep = now;
      return true;
    },
    freeze: async () => frozen,
    rememberFreeze: async (freeze) => {
      frozen = freeze;
    },
    canaryFailed: async (at) => {
      canaryFailedAt = at;
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

/** A notice queue that keeps what was sent, in order. */
export function memoryNotices(): Notices & { readonly sent: object[] } {
  const sent: object[] = [];
  return {
    sent,
    send: async (event) => {
      sent.push(event);
    },
  };
}

/** Odd events by their text. */
export function memoryOddities(): Oddities & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    keep: async (text, why) => {
      kept.set(text, why);
    },
  };
}
