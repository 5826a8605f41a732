import type { Decision, Reply } from "../core/decision.ts";
import { reopen } from "../core/ended-run.ts";
import { type Finish, SELF_FENCED, saysWhy } from "../core/finishing.ts";
import { isClaimed, type LedgerEnd, type Report, type Run } from "../core/run.ts";
import type { Instant } from "../core/time.ts";
import { decide } from "../core/transitions.ts";
import type { LedgerLine } from "../ports/records.ts";
import type { Claims } from "../wire/credentials.ts";
import type { App } from "./app.ts";
import { change, putBack } from "./change.ts";
import { contentDigest } from "./content-digest.ts";
import { evidenceFor } from "./host-evidence.ts";

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
    reportHash: contentDigest(report),
    now,
    roll,
    registration,
    evidence: [],
  };
  let line: LedgerLine | undefined;

  const eventFor = async (seen: Run): Promise<Finish> => {
    if (isClaimed(seen) && seen.fence === fence)
      return {
        ...base,
        // A report that says why the attempt ended needs no evidence.
        evidence: saysWhy(report) ? [] : await evidenceFor(app, seen),
        ...(report.reason === SELF_FENCED && { frontDoor: await app.control.frontDoor() }),
      };
    // A fence from before the registration belongs to an earlier life of this run id. Its ledger lines may still be
    // there.
    line = fence < registration.fence ? undefined : await app.ledger.read(run, fence);
    return { ...base, ...(line?.end !== undefined && { line: endOf(line.end) }) };
  };

  const decideOn = async (seen: Run): Promise<Decision> => {
    const event = await eventFor(seen);
    // The ledger has another copy of this report, so the run that was read may be older than that copy.
    return decide(event.line?.reportHash === undefined ? seen : await newest(app, seen, now), event);
  };
  const { reply } = await change(app, token, decideOn, () => putBack(app, token, decideOn, now, { kind: "ended" }));
  const isRefused = reply.kind === "superseded" || reply.kind === "ended";
  if (isRefused && report.outcome === "succeeded" && line?.end !== undefined && line.end.reportHash === undefined)
    await app.ledger.noteLateSuccess(run, fence, now);
  return reply;
}

/** The end of a ledger line without the charge that is stored beside it. */
export function endOf({ charge: _, ...end }: NonNullable<LedgerLine["end"]>): LedgerEnd {
  return end;
}

/** The run as it is now, even if it is archived. */
async function newest(app: App, seen: Run, now: Instant): Promise<Run> {
  const run = await app.runs.read(seen);
  if (run !== undefined) return run;
  const result = await app.results.read(seen.run, now);
  return result === undefined ? seen : reopen(result, now);
}
