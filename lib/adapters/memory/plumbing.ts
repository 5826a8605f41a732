import { CANARY_BREAK, type Canary, type Freeze } from "../../core/freeze.ts";
import { after, type Instant } from "../../core/time.ts";
import type { Control } from "../../ports/control.ts";
import type { Notices, RequeueMessage, Requeues } from "../../ports/queues.ts";
import type { Oddities } from "../../ports/records.ts";

export function memoryControl(shards = 4): Control & { use(shards: number): void } {
  let lastSweep: Instant | undefined;
  let used = shards;
  let frozen: Freeze | undefined;
  let canary: Canary = {};
  return {
    use: (count) => {
      used = Math.max(used, count);
    },
    shards: async () => used,
    standing: async () => ({
      shards: used,
      ...(lastSweep !== undefined && { lastSweep }),
      canary,
      ...(frozen !== undefined && { freeze: frozen }),
    }),
    beginSweep: async (now, unless, period) => {
      if (lastSweep !== undefined && lastSweep > unless && lastSweep <= after(now, period)) return false;
      lastSweep = now;
      return true;
    },
    frontDoor: async () => ({ canary, ...(frozen !== undefined && { freeze: frozen }) }),
    rememberFreeze: async (freeze) => {
      if (frozen !== undefined && frozen.lastBad > freeze.lastBad) return "stale";
      frozen = freeze;
      return "written";
    },
    canaryFailed: async (at) => {
      const { throughSince: _, ...rest } = canary;
      canary = { ...rest, failedAt: at };
    },
    canarySang: async (at, isUnbroken) => {
      const { throughAt, throughSince } = canary;
      const goesOn = isUnbroken && throughAt !== undefined && after(throughAt, CANARY_BREAK) >= at;
      canary = { ...canary, throughAt: at, throughSince: goesOn ? (throughSince ?? at) : at };
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
