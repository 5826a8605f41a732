import { type Decision, type Reply, refuse, superseded } from "./decision.ts";
import { isRenewable, type Renewal, renews } from "./lease.ts";
import { type ClaimedRun, directiveOf, isClaimed, type Run } from "./run.ts";

export type Beat = { readonly kind: "beat"; readonly renewal: Renewal };

const toldBy = (run: ClaimedRun): Reply => ({
  kind: "renewed",
  lease: run.lease,
  directive: directiveOf(run),
  ...(run.reason !== undefined && { reason: run.reason }),
  ...(run.state === "leaving" && run.deadline !== undefined && { deadline: run.deadline }),
});

/**
 * A beat renews the lease of a claimed run, or the reply says why it did not. This is the whole column of the table in
 * `transitions.ts`: the Lambda of the beats calls it directly, and so loads no other rule.
 */
export function beat(run: Run, { renewal }: Beat): Decision {
  if (!isClaimed(run)) return refuse(run.state === "ended" ? { kind: "ended" } : superseded(run));
  if (run.fence !== renewal.fence) return refuse(superseded(run));
  if (renews(run, renewal)) return { write: "renew", renewal, reply: toldBy(run) };
  if (directiveOf(run) === "stop") return refuse(toldBy(run));
  if (!isRenewable(run, renewal.now)) return refuse({ kind: "overran" });
  return refuse(toldBy(run)); // a later beat arrived first and has renewed the lease
}
