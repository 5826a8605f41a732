import type { Instant } from "../core/time.ts";
import { milliseconds } from "../core/time.ts";

/** A secret that was changed is used after this time. */
const IS_KEPT = milliseconds(5 * 60_000);

/** A secret, as it is understood. It is read once, and again after five minutes; while it cannot be read again, the known one is used. */
export function keptSecret<T>(read: () => Promise<T>, now: () => Instant): () => Promise<T> {
  let known: { readonly it: T; readonly at: Instant } | undefined;
  return async () => {
    if (known !== undefined && now() - known.at < IS_KEPT) return known.it;
    try {
      known = { it: await read(), at: now() };
    } catch (error) {
      if (known === undefined) throw error;
      known = { it: known.it, at: now() };
    }
    return known.it;
  };
}
