import type { Decision, Reply } from "../core/decision.ts";
import type { Evidence } from "../core/evidence.ts";
import { type Finish, hasOwnExitCode, SELF_FENCED } from "../core/finishing.ts";
import { isHeld, type LedgerEnd, type Report, type Run } from "../core/run.ts";
import type { Instant } from "../core/time.ts";
import { decide } from "../core/transitions.ts";
import type { LedgerLine } from "../ports/records.ts";
import type { Claims } from "../wire/credentials.ts";
import type { App } from "./app.ts";
import { change, putBack } from "./change.ts";
import { digest } from "./digest.ts";
import { known } from "./known.ts";

/** The holder reports how its attempt ended. The same report may be sent again. */
export async function finish(app: App, token: Claims, report: Report): Promise<Reply> {
  const now = app.clock.now();
  const { run, fence, attempt } = token;
  const registration = await app.specs.read(run, now);
  if (registration === undefined) return { kind: "ended" };
  const roll = app.dice.roll();
  const base: Finish = {
    kind: "finish",
    attempt,
    fence,
    report,
    body: digest(report),
    now,
    roll,
    registration,
    evidence: [],
  };
  let line: LedgerLine | undefined;

  const eventFor = async (seen: Run): Promise<Finish> => {
    if (isHeld(seen) && seen.fence === fence)
      return { ...base, evidence: await evidenceFor(app, seen, report), ...(await floorFor(app, report)) };
    // A fence from before the registration is of a former life of this run id, whose ledger lines may still be there.
    line = fence < registration.fence ? undefined : await app.ledger.read(run, fence);
    return { ...base, ...(line?.end !== undefined && { line: endOf(line.end) }) };
  };

  const decideOn = async (seen: Run): Promise<Decision> => decide(seen, await eventFor(seen));
  const reply = await change(app, token, decideOn, () => putBack(app, token, decideOn, now, { kind: "ended" }));
  const isRefused = reply.kind === "superseded" || reply.kind === "ended";
  if (isRefused && report.outcome === "succeeded" && line?.end !== undefined && line.end.body === undefined)
    await app.ledger.noteLateSuccess(run, fence, now);
  return reply;
}

/** The end of a ledger line without the charge that is kept beside it. */
export function endOf({ charge: _, ...end }: NonNullable<LedgerLine["end"]>): LedgerEnd {
  return end;
}

/** An agent that fenced itself while the fleet was silent was cut off by us. */
async function floorFor(app: App, { reason }: Report): Promise<{ floor?: Instant }> {
  const freeze = reason === SELF_FENCED ? await app.control.freeze() : undefined;
  return freeze === undefined ? {} : { floor: freeze.lastBad }; // also after the valve has opened
}

/** A success and a real exit code speak for themselves; otherwise the host's evidence is asked. */
async function evidenceFor(app: App, run: Run, report: Report): Promise<readonly Evidence[]> {
  if (!isHeld(run)) return [];
  if (report.outcome === "succeeded" || (report.outcome === "failed" && hasOwnExitCode(report))) return [];
  return known(app, run.host, run);
}
