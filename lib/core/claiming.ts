import { type Decision, type Reply, refuse, superseded } from "./decision.ts";
import { drains, type Evidence, isAbout, isWithin } from "./evidence.ts";
import { isRenewable, renewal, renews } from "./lease.ts";
import {
  type Canceling,
  directiveOf,
  type Fence,
  type HeldRun,
  type Leaving,
  type Queued,
  type Run,
  type Running,
} from "./run.ts";
import { endOfRun, type Registration } from "./spec.ts";
import { after, before, earlier, type Instant, seconds } from "./time.ts";

export type Claim = {
  readonly kind: "claim";
  readonly fence: Fence;
  readonly holder: string;
  readonly host?: string;
  readonly now: Instant;
  readonly registration: Registration;
  /** What is known about the claimer's host; read after the host entry was written, so that a notice is not missed. */
  readonly evidence: readonly Evidence[];
};

/** A claim with a ticket of another fence, or for a run that cannot be claimed in its state. */
export function refuseClaim(run: Run, claim: Claim): Decision {
  if (run.state === "ended") return refuse({ kind: "ended" });
  return refuse(run.fence > claim.fence ? superseded(run) : { kind: "hold" });
}

/** The first holder with the ticket opens the attempt. */
export function open(run: Queued, claim: Claim): Decision {
  if (run.fence !== claim.fence) return refuseClaim(run, claim);
  const { now, registration, holder, host } = claim;
  const end = endOfRun(registration);
  if (end !== undefined && end <= now) return refuse({ kind: "overran" });
  if (isGoing(claim)) return refuse({ kind: "hold" });
  const { attemptDeadline } = registration.spec;
  const lastRenewable = attemptDeadline === undefined ? end : earlier(after(now, attemptDeadline), end);
  const { debt: _, ...rest } = run;
  const running: Running = {
    ...rest,
    rev: run.rev + 1,
    state: "running",
    holder,
    claimedAt: now,
    due: after(now, run.lease),
    ...(host !== undefined && { host }),
    ...(lastRenewable !== undefined && { lastRenewable }),
  };
  return { write: "replace", next: running, reply: claimed(running, claim) };
}

/**
 * A spot notice gives two minutes, of which a minute is the slack of every event; a host that is still there then, after a
 * drain or a false alarm, may be used again.
 */
const GOING = seconds(60);

/**
 * Whether the claimer's host is known to be going. To start there would only spend a budget on work that is stopped at once,
 * and the successor might land there again: the claim is held, and the ticket stays good for any other host.
 */
const isGoing = ({ now, registration, evidence }: Claim): boolean =>
  registration.spec.onNotice !== "ignore" &&
  evidence.some((each) => drains(each) && isWithin(each.at, before(now, GOING), now) && isAbout(each, now));

/** The same holder asks again, because the reply was lost; the lease only moves forward. */
export function reopenClaim(run: Running | Leaving | Canceling, claim: Claim): Decision {
  if (run.fence !== claim.fence) return refuseClaim(run, claim);
  if (run.holder !== claim.holder) return refuse({ kind: "held-by-another" });
  const reply = claimed(run, claim);
  if (directiveOf(run) === "stop") return refuse(reply);
  if (!isRenewable(run, claim.now)) return refuse({ kind: "overran" });
  const forward = renewal(claim.fence, claim.now, run.lease);
  return renews(run, forward) ? { write: "renew", renewal: forward, reply } : refuse(reply);
}

const claimed = (run: HeldRun, { registration }: Claim): Reply => ({
  kind: "claimed",
  attempt: run.attempt,
  fence: run.fence,
  lease: run.lease,
  directive: directiveOf(run),
  onCutOff: registration.spec.onCutOff,
});
