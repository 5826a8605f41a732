import { chargeAt } from "../core/causes.ts";
import { settled, startBy } from "../core/ending.ts";
import { type Ended, fence as fenceOf, type Leaving, type Queued, type Run, type RunKey } from "../core/run.ts";
import type { Registration } from "../core/spec.ts";
import type { Instant } from "../core/time.ts";
import { requeueMessage } from "../wire/requeue.ts";
import type { App } from "./app.ts";
import { sign } from "./credentials.ts";
import { expiryOf, lineExpiryOf } from "./retention.ts";

/** Others settle the same debt, or change the run meanwhile; whoever comes last finds nothing owed. */
const TRIES = 8;

/** Carries out what the run owes, and clears the debt. Settling twice is harmless: same ids, guarded writes. */
export async function settle(app: App, key: RunKey): Promise<void> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const run = await app.runs.read(key);
    if (run?.debt === undefined) return;
    const now = app.clock.now();
    const registration = await registrationOf(app, run);
    const next = settled(run, registration, now);
    await payLedger(app, run);
    if (run.state === "queued" && run.debt.owes === "message") await announce(app, run, registration, next);
    if (run.state === "leaving" && run.debt.owes === "handover") await handOver(app, run, registration, now);
    if (run.state === "ended" && run.debt.owes === "archive") await archive(app, run);
    if ((await app.runs.replace(run, next)) === "written") return;
  }
}

/** The decision is durable, so a failure to settle is not the caller's: the debt stands, and a sweep settles it. */
export async function settleOrLeave(app: App, key: RunKey): Promise<void> {
  try {
    await settle(app, key);
  } catch (error) {
    app.log.write({ decision: "debt-left", run: key.run, error: String(error) });
  }
}

/** The spec of a run that has an item: it outlives the item. */
export async function registrationOf(app: App, { run }: RunKey): Promise<Registration> {
  const registration = await app.specs.read(run, app.clock.now());
  if (registration === undefined) throw new Error(`run ${run} has an item but no spec`);
  return registration;
}

/** Writes the ledger part of a debt: by whoever settles it, and by whoever is about to replace it. */
export async function payLedger(app: App, run: Run): Promise<void> {
  const line = run.debt?.ledger;
  if (line === undefined) return;
  await app.ledger.end(
    run.run,
    line,
    chargeAt(run.charges, line.attempt) ?? "-",
    run.rev,
    lineExpiryOf(app, line.endedAt),
  );
}

/** Sends the requeue message of the current attempt. The message says until when it may start, as the item will. */
async function announce(app: App, run: Queued, registration: Registration, next: Run): Promise<void> {
  const previous = run.attempt > 1 ? await app.ledger.read(run.run, fenceOf(run.fence - 1)) : undefined;
  const ticket = await sign(app, "ticket", run);
  await app.requeues.send(
    requeueMessage({ next: run, registration, previous, ticket, startBy: next.due, isHeld: false }),
  );
}

/** Announces the next attempt while the current one still drains: the same message that its end will send, but held. */
async function handOver(app: App, run: Leaving, registration: Registration, now: Instant): Promise<void> {
  const next = { ...run, attempt: run.attempt + 1, fence: fenceOf(run.fence + 1) };
  const previous = await app.ledger.read(run.run, run.fence);
  const ticket = await sign(app, "ticket", next);
  await app.requeues.send(
    requeueMessage({ next, registration, previous, ticket, startBy: startBy(registration, now), isHeld: true }),
  );
}

/** What stays of an ended run. The spec expires with it, and frees the run id. */
async function archive(app: App, ended: Ended): Promise<void> {
  const { state: _, due: __, debt: ___, ...result } = ended;
  const expiry = expiryOf(app, ended.endedAt);
  await app.results.write(result, expiry);
  const { run, outcome, cause, attempt, fence, endedAt } = ended;
  await app.endedRuns.add({ run, outcome, cause, attempt, fence, endedAt }, expiry);
  await app.specs.expire(run, expiry);
}
