import { startBy } from "../core/ending.ts";
import { fence, type Queued, type Result, type Run } from "../core/run.ts";
import type { Registration, Spec } from "../core/spec.ts";
import { unixSeconds } from "../core/time.ts";
import type { App } from "./app.ts";
import { sign } from "./credentials.ts";
import { digest } from "./digest.ts";
import { settleOrLeave } from "./settle.ts";

export type Registered =
  | { readonly kind: "registered"; readonly isNew: boolean; readonly run: Run; readonly ticket?: string }
  | { readonly kind: "over"; readonly result: Result }
  | { readonly kind: "run-exists" };

/**
 * Registers a run. The same spec again is answered as before, and completes a registration that crashed in between;
 * another spec under the same id is refused. They are the same when `asked`, what the owner has written, is: our own
 * defaults may change between his two requests.
 */
export async function register(app: App, run: string, spec: Spec, asked: unknown = spec): Promise<Registered> {
  const now = app.clock.now();
  const shard = Math.floor(app.dice.roll() * (await app.control.shards()));
  const offered: Registration = {
    run,
    shard,
    fence: fence(unixSeconds(now)),
    registeredAt: now,
    hash: digest(asked),
    spec,
  };
  const isFirst = (await app.specs.create(offered)) === "written";
  const registration = isFirst ? offered : ((await app.specs.read(run, now)) ?? offered);
  if (registration.hash !== offered.hash) return { kind: "run-exists" };
  const result = await app.results.read(run, now);
  if (result !== undefined) return { kind: "over", result };
  const first = firstOf(registration);
  const isNew = (await app.runs.create(first)) === "written";
  if (isNew) app.log.write({ decision: "registered", run, attempt: 1, fence: first.fence, state: "queued" });
  if (isNew && first.debt !== undefined) await settleOrLeave(app, first);
  const current = await app.runs.read(first);
  if (current === undefined) return over(app, run);
  return {
    kind: "registered",
    isNew,
    run: current,
    ...(current.state === "queued" && { ticket: await sign(app, "ticket", current) }),
  };
}

/** The item went between two reads: the run has just ended and been archived. */
async function over(app: App, run: string): Promise<Registered> {
  const result = await app.results.read(run, app.clock.now());
  if (result === undefined) throw new Error(`run ${run} has neither an item nor a result`);
  return { kind: "over", result };
}

/** The first state of a run. Its start deadline counts from the registration, however late the item is written. */
const firstOf = (registration: Registration): Queued => ({
  run: registration.run,
  shard: registration.shard,
  state: "queued",
  fence: registration.fence,
  rev: registration.fence,
  attempt: 1,
  due: startBy(registration, registration.registeredAt),
  lease: registration.spec.lease,
  charges: "",
  ...(registration.spec.start === "dispatch" && {
    debt: { since: registration.registeredAt, owes: "message" } as const,
  }),
});
