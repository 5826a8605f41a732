import { chargeAt } from "../core/causes.ts";
import { lingering } from "../core/ended-run.ts";
import { handedOver } from "../core/ending.ts";
import { isInferred } from "../core/refunding.ts";
import {
  type Ended,
  type Leaving,
  type LedgerEnd,
  nextFence,
  previousFence,
  type Queued,
  type Run,
  type RunKey,
} from "../core/run.ts";
import { settled } from "../core/settling.ts";
import { type Registration, startBy } from "../core/spec.ts";
import { stayOfEnd } from "../core/stay.ts";
import { after, earlier, type Instant, later, seconds } from "../core/time.ts";
import { NobodyStarts } from "../ports/queues.ts";
import type { LedgerLine } from "../ports/records.ts";
import { endedMessage, isToldOfEnd } from "../wire/ended-message.ts";
import { requeueMessage } from "../wire/requeue.ts";
import type { App } from "./app.ts";
import { sign } from "./credentials.ts";
import { expiryOf, lineExpiryOf } from "./retention.ts";

/** Others may settle the same debt, or change the run meanwhile. The last process finds nothing owed. */
const TRIES = 8;

/**
 * Carries out what the run owes, and clears the debt. Settling twice is harmless: the ids are the same, and writes are
 * guarded.
 */
export async function settle(app: App, key: RunKey): Promise<void> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const run = await app.runs.read(key);
    if (run?.debt === undefined) return;
    const now = app.clock.now();
    const registration = await app.specs.read(run.run, now);
    if (run.state === "ended" && !isOfThisLife(run, registration)) {
      if ((await app.runs.replace(run, lingering(run, now))) === "written") return;
      continue;
    }
    there(run, registration);
    const next = settled(run, registration, now);
    await payLedger(app, run);
    if (run.state === "queued" && run.debt.owes === "message") await announce(app, run, registration, next);
    if (run.state === "leaving" && run.debt.owes === "handover") await handOver(app, run, registration, now);
    if (run.state === "ended" && run.debt.owes === "archive") await archive(app, run, registration);
    if ((await app.runs.replace(run, next)) === "written") return;
  }
}

/** Whether the record of an ended item is still there. Once it has expired, nobody asks for that end any more. */
const isOfThisLife = ({ fence }: Run, registration: Registration | undefined): registration is Registration =>
  registration !== undefined && registration.fence <= fence;

/**
 * The decision is durable, so a failure to settle is not a failure of the caller. The debt stands, and a sweep settles
 * it.
 */
export async function settleOrLeave(app: App, key: RunKey): Promise<void> {
  try {
    await settle(app, key);
  } catch (error) {
    app.log.write({ decision: "debt-left", run: key.run, error: String(error) });
  }
}

/** The spec of a run that has an item. The spec outlives the item. */
export async function registrationOf(app: App, { run }: RunKey): Promise<Registration> {
  const registration = await app.specs.read(run, app.clock.now());
  there({ run }, registration);
  return registration;
}

function there({ run }: Pick<RunKey, "run">, found: Registration | undefined): asserts found is Registration {
  if (found === undefined) throw new Error(`run ${run} has an item but no spec`);
}

/** Writes the ledger part of a debt, when the debt is settled or about to be replaced. */
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
  await leaveHost(app, run, line);
}

/**
 * The latest evidence about an end: an event waits in its queue for a day, and for SQS's 14 days among the dead
 * letters.
 */
const LATEST_WORD = seconds(15 * 24 * 3600);

/** The attempt leaves its host. If its charge could still move, later evidence about that host still finds it. */
async function leaveHost(app: App, { run, shard, lease }: Run, line: LedgerEnd): Promise<void> {
  const { host, fence, claimedAt } = line;
  if (host === undefined) return;
  const endedBy = isInferred(line) ? stayOfEnd(line, lease)?.endedBy : undefined;
  if (endedBy === undefined || claimedAt === undefined) return app.hosts.leave(host, { run, fence });
  const expiry = earlier(expiryOf(app, endedBy), after(endedBy, LATEST_WORD));
  return app.hosts.leaveTrace(host, { run, shard, fence, at: claimedAt, endedBy }, expiry);
}

/**
 * The ledger line of the attempt before. Its fence is one lower, unless a restore has skipped some
 * (lib/core/restoring.ts).
 */
async function lineBefore(app: App, run: Queued, registration: Registration): Promise<LedgerLine | undefined> {
  const next = await app.ledger.read(run.run, previousFence(run));
  if (next !== undefined) return next;
  const lines = await app.ledger.list(run.run, registration.fence);
  return lines.find(({ end }) => end?.attempt === run.attempt - 1);
}

/** Sends the requeue message of the current attempt. The message says until when it may start, and so will the item. */
async function announce(app: App, run: Queued, registration: Registration, next: Run): Promise<void> {
  const previous = run.attempt > 1 ? await lineBefore(app, run, registration) : undefined;
  // If the message goes out late, its attempt still gets its full time to start.
  const ticket = await sign(app, "ticket", run, later(startBy(registration, app.clock.now()), run.due));
  await app.requeues.send(
    requeueMessage({ next: run, registration, previous, ticket, startBy: next.due, isHandover: false }),
  );
}

/**
 * Announces the next attempt while the current one still drains. It is the message that an end by interruption would
 * send, but held.
 */
async function handOver(app: App, run: Leaving, registration: Registration, now: Instant): Promise<void> {
  const next = { ...run, attempt: run.attempt + 1, fence: nextFence(run), charges: handedOver(run) };
  const previous = await app.ledger.read(run.run, run.fence);
  const ticket = await sign(app, "ticket", next, startBy(registration, now));
  await app.requeues.send(
    requeueMessage({ next, registration, previous, ticket, startBy: startBy(registration, now), isHandover: true }),
  );
}

/** Tells an orchestrator that the run has ended. If the deployment has none any more, nobody is told. */
async function tellOfEnd(app: App, ended: Ended, registration: Registration): Promise<void> {
  const line = await app.ledger.read(ended.run, ended.debt?.ledger?.fence ?? previousFence(ended));
  try {
    await app.requeues.send(endedMessage(ended, registration, line));
  } catch (error) {
    if (!(error instanceof NobodyStarts)) throw error;
    app.log.write({ decision: "end-not-told", run: ended.run, error: error.message });
  }
}

/** Stores what remains of an ended run. The spec expires with it, which frees the run id. */
async function archive(app: App, ended: Ended, registration: Registration): Promise<void> {
  const { state: _, due: __, debt: ___, ...result } = ended;
  const expiry = expiryOf(app, ended.endedAt);
  const isTold = isToldOfEnd(registration.spec.target) && ended.outcome !== "succeeded";
  // Before the result is there: a repetition finds by it that the target was told.
  if (isTold && (await app.results.read(ended.run, app.clock.now())) === undefined)
    await tellOfEnd(app, ended, registration);
  await app.results.write(result, expiry);
  const { run, outcome, cause, attempt, fence, endedAt } = ended;
  await app.endedRuns.add({ run, outcome, cause, attempt, fence, endedAt }, ended.rev, expiry);
  await app.specs.expire(registration, expiry);
}
