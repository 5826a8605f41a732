import { asFence, type Queued, type Result, type Run } from "../core/run.ts";
import { type Registration, type Spec, startBy } from "../core/spec.ts";
import { after, type Instant, later, seconds, unixSeconds } from "../core/time.ts";
import type { App } from "./app.ts";
import { Contended } from "./change.ts";
import { contentDigest } from "./content-digest.ts";
import { sign } from "./credentials.ts";
import { settleOrLeave } from "./settle.ts";

export type Registered =
  | { readonly kind: "registered"; readonly isNew: boolean; readonly run: Run; readonly ticket?: string }
  | { readonly kind: "over"; readonly result: Result }
  | { readonly kind: "run-exists" };

/**
 * Registers a run. The same spec again is answered as before, and completes a registration that crashed in between;
 * another spec under the same id is refused. They are the same when `asked`, what the owner has written, is: our own
 * defaults may change between the two requests.
 */
export async function register(app: App, run: string, spec: Spec, asked: unknown = spec): Promise<Registered> {
  const now = app.clock.now();
  const shard = Math.floor(app.dice.roll() * (await app.control.shards()));
  const offered: Registration = {
    run,
    shard,
    fence: asFence(unixSeconds(now)),
    registeredAt: now,
    hash: contentDigest(asked),
    spec,
  };
  const registration = await registered(app, offered);
  if (registration.hash !== offered.hash) return { kind: "run-exists" };
  const result = await app.results.read(run, now);
  if (result !== undefined) return { kind: "over", result };
  const first = firstOf(registration, now);
  const isNew = await put(app, first, now);
  if (isNew) app.log.write({ decision: "registered", run, attempt: 1, fence: first.fence, state: "queued" });
  if (isNew && first.debt !== undefined) await settleOrLeave(app, first);
  const current = await app.runs.read(first);
  if (current === undefined) return over(app, run);
  return {
    kind: "registered",
    isNew,
    run: current,
    ...(current.state === "queued" && { ticket: await sign(app, "ticket", current, current.due) }),
  };
}

/** A request is over after 30 s. A registration that has no item after so long was never answered, and never will be. */
const ABANDONED = seconds(15 * 60);

/** Somebody else is faster at most twice: the sweep that deletes a former life's item, and another request that registers. */
const TRIES = 3;

/** The registration that counts: the one that was there, unless its owner got no further than that. */
async function registered(app: App, offered: Registration): Promise<Registration> {
  const found = await create(app, offered);
  if (found === undefined) return offered;
  const isOld = after(found.registeredAt, ABANDONED) <= offered.registeredAt;
  if (found.hash === offered.hash || !isOld || (await isComplete(app, found, offered.registeredAt))) return found;
  return (await app.specs.replace(found, offered)) === "written" ? offered : found;
}

/** Keeps the registration; else answers the one that is there. One that expires between two calls makes room for ours. */
async function create(app: App, offered: Registration): Promise<Registration | undefined> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    if ((await app.specs.create(offered)) === "written") return undefined;
    const found = await app.specs.read(offered.run, offered.registeredAt);
    if (found !== undefined) return found;
  }
  throw new Contended(`the registration of run ${offered.run} comes and goes`);
}

const isComplete = async (app: App, { run, shard }: Registration, now: Instant): Promise<boolean> =>
  (await app.runs.read({ run, shard })) !== undefined || (await app.results.read(run, now)) !== undefined;

/**
 * Puts the first state of a run. The item of a former life may still be in its place: its record has expired, and with it
 * whatever it owes.
 */
async function put(app: App, first: Queued, now: Instant): Promise<boolean> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    if ((await app.runs.create(first)) === "written") return true;
    const found = await app.runs.read(first);
    if (found === undefined) {
      if ((await app.results.read(first.run, now)) !== undefined) return false; // this life has ended meanwhile
      continue;
    }
    if (found.state !== "ended" || found.fence >= first.fence) return false;
    if ((await app.runs.replace(found, first)) === "written") return true;
  }
  return false;
}

/** The item went between two reads: the run has just ended and been archived. */
async function over(app: App, run: string): Promise<Registered> {
  const result = await app.results.read(run, app.clock.now());
  if (result === undefined) throw new Error(`run ${run} has neither an item nor a result`);
  return { kind: "over", result };
}

/** The first state of a run. A registration that is completed by a later request has its full time to start from then on. */
const firstOf = (registration: Registration, now: Instant): Queued => ({
  run: registration.run,
  shard: registration.shard,
  state: "queued",
  fence: registration.fence,
  rev: registration.fence,
  attempt: 1,
  due: startBy(registration, later(now, registration.registeredAt)),
  lease: registration.spec.lease,
  charges: "",
  ...(registration.spec.start === "dispatch" && {
    debt: { since: later(now, registration.registeredAt), owes: "message" } as const,
  }),
});
