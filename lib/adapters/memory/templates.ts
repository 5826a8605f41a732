import type { Instant } from "../../core/time.ts";
import type { Templates } from "../../ports/dispatch.ts";

export function memoryTemplates(): Templates {
  const kept = new Map<string, { readonly text: string; readonly expiry: Instant }>();
  return {
    keep: async (digest, template, expiry) => {
      kept.set(digest, { text: JSON.stringify(template), expiry });
    },
    read: async (digest, now) => {
      const found = kept.get(digest);
      return found === undefined || found.expiry <= now ? undefined : (JSON.parse(found.text) as object);
    },
  };
}
