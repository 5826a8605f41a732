import { type EndAtTarget, endedElsewhere, prolonged, type Shown, stepOf } from "../core/dispatching.ts";
import type { Evidence } from "../core/evidence.ts";
import { asFence, type Fence, type RunKey } from "../core/run.ts";
import { after, type Instant, later, milliseconds, type Span, seconds } from "../core/time.ts";
import { Busy, Refused, type Requeue, type Starter } from "../ports/dispatch.ts";
import { type Claims, parseBearer } from "../wire/credentials.ts";
import type { App } from "./app.ts";
import { change } from "./change.ts";
import { contentDigest } from "./content-digest.ts";
import { finish } from "./finish.ts";
import { reap } from "./reap.ts";
import { lineExpiryOf } from "./retention.ts";

/** What became of a message. `again`: it is to come again after this time. `refused`: no repetition will help. */
export type Dispatched =
  | { readonly kind: "done"; readonly why: string }
  | { readonly kind: "again"; readonly after: Span }
  | { readonly kind: "refused"; readonly why: string };

/** What the line of an attempt says whose target does not answer, or has too much to do. A metric reads it. */
export const DELAYED = "dispatch-delayed";

/** The run has changed between two reads: the next look finds how. */
const LOOK_AGAIN = seconds(5);

/** Look, fence, nudge: no more steps follow each other at once. */
const STEPS = 4;

/** A target that does not answer is asked again after this time, or when it says. SQS can wait for 15 minutes. */
const BUSY_AGAIN = seconds(15);
const MOST_BUSY_AGAIN = seconds(900);
/** What was made for an attempt that nobody waits for any more is not worth more than this. */
const CLEAN_UP = seconds(24 * 3600);

/**
 * One message: guard, fence, nudge, and verify when it comes again. Each step may be repeated, so a crash between two of
 * them does no harm. A target that does not answer is asked again until the attempt's time to start is over.
 */
export async function dispatch(
  app: App,
  starterOf: (requeue: Requeue) => Starter,
  requeue: Requeue,
): Promise<Dispatched> {
  const claims = parseBearer(`Bearer ${requeue.ticket}`)?.claims;
  if (claims === undefined) return said(app, requeue, { kind: "refused", why: "its ticket is none of ours" });
  let isPatient = false;
  try {
    const starter = starterOf(requeue);
    isPatient = starter.isPatient === true;
    const result = await stepByStep(app, starter, requeue, claims);
    return result.kind === "done" ? said(app, requeue, result) : result;
  } catch (error) {
    const isOperators = error instanceof Refused && !error.isOwn;
    if (isPatient && (error instanceof Busy || isOperators)) await wait(app, requeue, claims);
    if (error instanceof Busy) return await busy(app, requeue, error);
    if (isPatient && isOperators) return await busy(app, requeue, new Busy(error.message, LOOK_AT_SETTINGS));
    if (error instanceof Refused) return refused(app, requeue, claims, error);
    throw error;
  }
}

/** What an operator has to mend is asked again after this time. */
const LOOK_AT_SETTINGS = seconds(60);
/** The time to start of an attempt that waits for its target is never shorter than this. */
const WAITS_FOR = seconds(1200);

/** The start of an attempt is not charged for the silence of its target, for a day. */
async function wait(app: App, { fence, at }: Requeue, key: RunKey): Promise<void> {
  const now = app.clock.now();
  if (after(at, CLEAN_UP) > now) await prolong(app, key, asFence(fence), after(now, WAITS_FOR));
}

async function stepByStep(app: App, starter: Starter, requeue: Requeue, key: Claims): Promise<Dispatched> {
  const fence = asFence(requeue.fence);
  const isReported = requeue.previous?.isReported === true;
  const announced = { fence, startBy: requeue.startBy, isHeld: requeue.isHeld, isReported };
  let shown: Shown | undefined;
  for (let taken = 0; taken < STEPS; taken += 1) {
    const now = app.clock.now();
    const run = await app.runs.read(key);
    const { isEndAwaited, isGated, isSeen } = starter;
    const situation = { now, announced, run, isEndAwaited, isGated, isSeen, announcedAt: requeue.at };
    const step = stepOf({ ...situation, ...(shown !== undefined && { shown }) });
    switch (step.kind) {
      case "drop":
        // A claim that came now would be refused.
        await starter.withdraw(requeue);
        return { kind: "done", why: step.why };
      case "done":
        return { kind: "done", why: step.why };
      case "look":
        shown = await starter.look(requeue);
        break;
      case "fence":
        await starter.fence(requeue);
        shown = { before: "ending", next: (shown as Shown).next };
        break;
      case "give-up": {
        const { cause, evidence } = step.failed;
        const { kind } = await reap(app, key, { fence, evidence, failedStart: cause });
        // It may have been claimed meanwhile: then it lives.
        if (kind !== "reaped") return { kind: "again", after: LOOK_AGAIN };
        await starter.withdraw(requeue);
        return { kind: "done", why: `it will never claim: ${evidence.note}` };
      }
      case "end":
        await end(app, requeue, key, step.end);
        return { kind: "done", why: step.end.note };
      case "tell":
        await starter.nudge(requeue);
        return { kind: "done", why: "its target has taken it" };
      case "wait":
        return { kind: "again", after: step.again };
      case "nudge":
        await starter.nudge(requeue);
        if (step.until !== undefined) await prolong(app, key, fence, step.until);
        return { kind: "again", after: step.again };
    }
  }
  throw new Error(`${requeue.run}: more than ${STEPS} steps at once`);
}

/**
 * The run ends as it has ended at its target. A success is that of the attempt before, which could not report it. Where
 * that does not count any more, and for any other end, nobody wants the run.
 */
async function end(app: App, requeue: Requeue, key: Claims, { outcome, note }: EndAtTarget): Promise<void> {
  const { previous } = requeue;
  if (outcome === "succeeded" && previous !== undefined) {
    const before = { ...key, attempt: previous.attempt, fence: asFence(previous.fence) };
    const { kind } = await finish(app, before, { outcome, message: note });
    if (kind === "finished") return;
  }
  const now = app.clock.now();
  const registration = await app.specs.read(key.run, now);
  if (registration === undefined) return;
  const event = { kind: "cancel", now, registration, reason: note } as const;
  await change(
    app,
    key,
    (seen) => endedElsewhere(seen, asFence(requeue.fence), event),
    async () => ({ kind: "ended" }),
  );
}

const prolong = (app: App, key: RunKey, fence: Fence, until: Instant): Promise<unknown> =>
  change(
    app,
    key,
    (seen) => prolonged(seen, fence, until),
    async () => ({ kind: "ended" }),
  );

/** Somebody who looks at a run that does not start finds why. */
async function busy(app: App, requeue: Requeue, { message, again = BUSY_AGAIN }: Busy): Promise<Dispatched> {
  if (after(later(requeue.startBy, requeue.at), CLEAN_UP) <= app.clock.now())
    return said(app, requeue, { kind: "done", why: `its target has not answered for a day: ${message}` });
  const { run, attempt, fence } = requeue;
  await keepReason(app, requeue, "delayed", message);
  app.log.write({ decision: DELAYED, run, attempt, fence, error: message });
  return { kind: "again", after: milliseconds(Math.min(Math.max(again, BUSY_AGAIN), MOST_BUSY_AGAIN)) };
}

/** How much of a reason is kept. It stands in the run item until the ledger has it. */
const REASON_LENGTH = 200;

/**
 * The reason stands in the ledger, where the owner of the run looks. An attempt that cannot be started as its run asks
 * is charged at once. If an operator has to mend something first, the attempt waits for that until its time to start is
 * over.
 */
async function refused(app: App, requeue: Requeue, key: RunKey, { message, isOwn }: Refused): Promise<Dispatched> {
  const evidence = await keepReason(app, requeue, "refused", message);
  if (isOwn) await reap(app, key, { fence: asFence(requeue.fence), evidence, failedStart: "unstartable" });
  return said(app, requeue, { kind: "refused", why: message });
}

async function keepReason(
  app: App,
  { run, fence: of }: Requeue,
  kind: "refused" | "delayed",
  message: string,
): Promise<Evidence> {
  const fence = asFence(of);
  const now = app.clock.now();
  const id = `${kind}-${contentDigest({ run, fence })}`;
  const evidence = { id, source: "lastbeat", kind, at: now, note: message.slice(0, REASON_LENGTH) } as const;
  await app.ledger.refuse(run, fence, evidence, lineExpiryOf(app, now));
  return evidence;
}

function said(app: App, { run, attempt, fence }: Requeue, result: Dispatched): Dispatched {
  const error = result.kind === "refused" ? { error: result.why } : {};
  app.log.write({
    decision: result.kind === "refused" ? "dispatch-refused" : "dispatched",
    run,
    attempt,
    fence,
    ...error,
  });
  return result;
}
