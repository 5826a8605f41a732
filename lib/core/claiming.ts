import { type Decision, type Reply, refuse, superseded } from "./decision.ts";
import { drains, type Evidence, happenedBy, isAbout, RUNNER, SLACK } from "./evidence.ts";
import { isRenewable, renewal, renews } from "./lease.ts";
import {
  type Canceling,
  type ClaimedRun,
  directiveOf,
  type Fence,
  type Leaving,
  type Queued,
  type Run,
  type Running,
} from "./run.ts";
import { endOfRun, type Registration } from "./spec.ts";
import { after, before, earlier, type Instant, later, seconds } from "./time.ts";

export type Claim = {
  readonly kind: "claim";
  readonly fence: Fence;
  readonly holder: string;
  readonly host?: string;
  /** The pod of the attempt runs already, and has no agent. */
  readonly isWatched?: true;
  readonly now: Instant;
  readonly registration: Registration;
  /**
   * What is known about the claimer's host. It is read after the host entry was written, so that no notice is missed.
   */
  readonly evidence: readonly Evidence[];
};

/** A claim with a ticket of another fence, or for a run that cannot be claimed in its state. */
export function refuseClaim(run: Run, claim: Claim): Decision {
  if (run.state === "ended") return refuse({ kind: "ended" });
  return refuse(run.fence > claim.fence ? superseded(run) : { kind: "hold" });
}

/** The first runner that claims with the ticket opens the attempt. */
export function openAttempt(run: Queued, claim: Claim): Decision {
  if (run.fence !== claim.fence) return refuseClaim(run, claim);
  const { now, registration, holder, host, isWatched } = claim;
  const end = endOfRun(registration);
  if (end !== undefined && end <= now) return refuse({ kind: "overran" });
  if (isWatched !== true && isGoing(claim)) return refuse({ kind: "hold" });
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
    ...(isWatched === true && { isWatched }),
    ...(lastRenewable !== undefined && { lastRenewable }),
  };
  return { write: "replace", next: running, reply: claimed(running, claim) };
}

/**
 * How long a host counts as leaving if nobody gave a deadline: two minutes, AWS's longest warning for spot. After that
 * the host is gone, or may be used again.
 */
const GOING = seconds(120);

/**
 * Whether the claimer's host is known to be leaving, until its deadline if one was given. An attempt that started there
 * would be stopped at once and would only spend a budget, and its successor might land there again. So the claim is
 * held, and the ticket stays valid on any other host. What a runner says never closes a host to others.
 */
const isGoing = ({ now, registration, evidence }: Claim): boolean =>
  registration.spec.onNotice !== "ignore" &&
  evidence.some((each) => drains(each) && each.source !== RUNNER && isAhead(each, now) && isAbout(each, now));

/** Whether the host has begun to leave and is expected to be there still. `SLACK` allows for clocks that differ. */
const isAhead = (evidence: Evidence, now: Instant): boolean =>
  before(evidence.at, SLACK) <= now && later(after(evidence.at, GOING), happenedBy(evidence)) >= now;

/** The same holder asks again, because the reply was lost; the lease only moves forward. */
export function claimTaken(run: Running | Leaving | Canceling, claim: Claim): Decision {
  if (run.fence !== claim.fence) return refuseClaim(run, claim);
  if (run.holder !== claim.holder) return refuse({ kind: "held-by-another" });
  const reply = claimed(run, claim);
  if (directiveOf(run) === "stop") return refuse(reply);
  if (!isRenewable(run, claim.now)) return refuse({ kind: "overran" });
  const forward = renewal(claim.fence, claim.now, run.lease);
  return renews(run, forward) ? { write: "renew", renewal: forward, reply } : refuse(reply);
}

const claimed = (run: ClaimedRun, { registration }: Claim): Reply => ({
  kind: "claimed",
  attempt: run.attempt,
  fence: run.fence,
  lease: run.lease,
  directive: directiveOf(run),
  onCutOff: registration.spec.onCutOff,
});
