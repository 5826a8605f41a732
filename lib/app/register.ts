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
 * Registers a run. The same spec again gets the same answer, and completes a registration that crashed in between. A
 * different spec under the same id is refused. Two specs are the same if `asked`, the spec as the owner wrote it, is
 * the same: our own defaults may change between the two requests.
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
  return answer(app, current, isNew);
}

/**
 * The ticket of the attempt that is queued now, for a process that an orchestrator has started by itself. Undefined if
 * nobody has registered the run.
 */
export async function ticketOf(app: App, run: string): Promise<Registered | undefined> {
  const now = app.clock.now();
  const registration = await app.specs.read(run, now);
  if (registration === undefined) return undefined;
  const result = await app.results.read(run, now);
  if (result !== undefined) return { kind: "over", result };
  const current = await app.runs.read(registration);
  return current === undefined ? undefined : answer(app, current, false);
}

const answer = async (app: App, current: Run, isNew: boolean): Promise<Registered> => ({
  kind: "registered",
  isNew,
  run: current,
  ...(current.state === "queued" && { ticket: await sign(app, "ticket", current, current.due) }),
});

/**
 * A request is over after 30 s. A registration that has no item after this time was never answered, and never will be.
 */
const ABANDONED = seconds(15 * 60);

/**
 * Another process is faster at most twice: the sweep that deletes the item of an earlier life, and another request that
 * registers.
 */
const TRIES = 3;

/** The registration that counts: the one that was there, unless it was abandoned without an item. */
async function registered(app: App, offered: Registration): Promise<Registration> {
  const found = await create(app, offered);
  if (found === undefined) return offered;
  const isOld = after(found.registeredAt, ABANDONED) <= offered.registeredAt;
  if (found.hash === offered.hash || !isOld || (await isComplete(app, found, offered.registeredAt))) return found;
  return (await app.specs.replace(found, offered)) === "written" ? offered : found;
}

/**
 * Stores the registration, or returns the one that is already there. If that one expires between two calls, ours takes
 * its place.
 */
async function create(app: App, offered: Registration): Promise<Registration | undefined> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    if ((await app.specs.create(offered)) === "written") return undefined;
    const found = await app.specs.read(offered.run, offered.registeredAt);
    if (found !== undefined) return found;
  }
  throw new Contended(`the registration of run ${offered.run} expired again and again; try again`);
}

const isComplete = async (app: App, { run, shard }: Registration, now: Instant): Promise<boolean> =>
  (await app.runs.read({ run, shard })) !== undefined || (await app.results.read(run, now)) !== undefined;

/**
 * Stores the first state of a run. The item of an earlier life may still be in its place. The record of that life has
 * expired, and with it everything that it owes.
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

/** The item went away between two reads: the run has just ended and been archived. */
async function over(app: App, run: string): Promise<Registered> {
  const result = await app.results.read(run, app.clock.now());
  if (result === undefined) throw new Error(`run ${run} has neither an item nor a result`);
  return { kind: "over", result };
}

/**
 * The first state of a run. If a later request completes the registration, the run has its full time to start from then
 * on.
 */
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
