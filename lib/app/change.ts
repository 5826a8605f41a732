import type { Decision, Reply } from "../core/decision.ts";
import { reopen } from "../core/ended-run.ts";
import type { LedgerEnd, Run, RunKey } from "../core/run.ts";
import { after, type Instant, seconds } from "../core/time.ts";
import type { LogLine } from "../ports/runtime.ts";
import type { App } from "./app.ts";
import { payLedger, settleOrLeave } from "./settle.ts";

/** Others kept changing the same run. Nothing of this request was written, so the caller may try again. */
export class Contended extends Error {}

/**
 * Each stale write means that another process changed this run, and a run has few events. Eight in a row have not been
 * seen in simulation. The bound turns a bug into an error instead of a loop.
 */
const TRIES = 8;

/** The result of a change, and the run on which it was decided; the run is absent if there was no item. */
export type Changed = { readonly reply: Reply; readonly seen?: Run };

/**
 * Reads the run, decides, and writes under the guard that names what was read. If the write is stale, it reads and
 * decides again. The ledger part of a debt that the write replaces is paid first. `absent` is called if there is no
 * item. It returns a reply, or undefined if it has put an item back and the run is to be read again.
 */
export async function change(
  app: App,
  key: RunKey,
  decideOn: (run: Run) => Decision | Promise<Decision>,
  absent: () => Promise<Reply | undefined>,
): Promise<Changed> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const seen = await app.runs.read(key);
    const decision = seen === undefined ? undefined : await decideOn(seen);
    if (seen === undefined || decision === undefined) {
      const reply = await absent();
      if (reply !== undefined) return { reply };
    } else if (decision.write === "none" || (await carryOut(app, seen, decision)))
      return { reply: decision.reply, seen };
  }
  throw new Contended(`run ${key.run} changed ${TRIES} times while one request was decided`);
}

/** Whether the decision was written. Its debt is then settled, or left for a sweep if that fails. */
async function carryOut(app: App, seen: Run, decision: Exclude<Decision, { write: "none" }>): Promise<boolean> {
  if (decision.write === "renew") return (await app.runs.renew(seen, decision.renewal)).write === "written";
  const { next, due } = decision;
  await payLedger(app, seen);
  if ((await app.runs.replace(seen, next, due)) === "stale") return false;
  const { run, attempt, fence, state } = next;
  const line = next.debt?.ledger;
  app.log.write({
    decision: decision.reply.kind,
    run,
    attempt,
    fence,
    state,
    ...(line !== undefined && { cause: line.cause }),
    // A debt that was there before belongs to an earlier verdict, and was counted with it.
    ...(line !== undefined && line.fence !== seen.debt?.ledger?.fence && { verdict: verdictOf(line) }),
  });
  if (next.debt !== undefined) await settleOrLeave(app, next);
  return true;
}

const verdictOf = ({ cause, endedAt, lastBeatAt }: LedgerEnd): NonNullable<LogLine["verdict"]> => ({
  cause,
  ...(cause === "lost" && lastBeatAt !== undefined && { silentSeconds: (endedAt - lastBeatAt) / 1000 }),
});

/**
 * An item that is put back is archived again, and needs its spec until then. A request takes 30 s at most, and a sweep
 * settles what it left a minute later. A record that expires sooner than this stays as it is.
 */
const TO_BE_ARCHIVED = seconds(120);

/**
 * For a run whose item was archived and deleted. If the event changes the run, the item is put back from the result, so
 * that there is one place to write to. Undefined then asks the caller to decide again. `none` is the reply if there is
 * no such result.
 */
export async function putBack(
  app: App,
  key: RunKey,
  decideOn: (run: Run) => Promise<Decision>,
  now: Instant,
  none: Reply,
): Promise<Reply | undefined> {
  const result = await app.results.read(key.run, after(now, TO_BE_ARCHIVED));
  if (result === undefined || result.shard !== key.shard) return none;
  const archived = reopen(result, now);
  const decision = await decideOn(archived);
  if (decision.write === "none") return decision.reply;
  await app.runs.create(archived);
  return undefined;
}
