import type { Reply } from "../core/decision.ts";
import { reopen } from "../core/ended-run.ts";
import type { Registration } from "../core/spec.ts";
import type { Instant } from "../core/time.ts";
import { decide, type Event } from "../core/transitions.ts";
import type { App } from "./app.ts";
import { change } from "./change.ts";

export type Asked = Reply | { readonly kind: "not-found" };

/** The owner no longer wants the run. */
export const cancel = (app: App, run: string, reason?: string): Promise<Asked> =>
  ask(app, run, (now, registration) => ({
    kind: "cancel",
    now,
    registration,
    ...(reason !== undefined && { reason }),
  }));

/** The owner wants another attempt at once. With `attempt`, only if that one is still the current one. */
export const requeue = (app: App, run: string, attempt?: number, reason?: string): Promise<Asked> =>
  ask(app, run, (now, registration) => ({
    kind: "requeue",
    now,
    registration,
    ...(attempt !== undefined && { attempt }),
    ...(reason !== undefined && { reason }),
  }));

async function ask(
  app: App,
  run: string,
  eventFor: (now: Instant, registration: Registration) => Event,
): Promise<Asked> {
  const now = app.clock.now();
  const registration = await app.specs.read(run, now);
  if (registration === undefined) return { kind: "not-found" };
  const { reply, seen } = await change(
    app,
    registration,
    (current) => decide(current, eventFor(now, registration)),
    async () => ({ kind: "ended" }),
  );
  if (seen !== undefined) return reply;
  // Its item was removed. The result, if there is one, answers as the run would.
  const result = await app.results.read(run, now);
  return result === undefined ? { kind: "not-found" } : decide(reopen(result, now), eventFor(now, registration)).reply;
}
