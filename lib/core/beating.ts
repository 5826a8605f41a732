import { type Decision, type Reply, refuse, superseded } from "./decision.ts";
import { isRenewable, type Renewal, renews } from "./lease.ts";
import { type Canceling, directiveOf, type Leaving, type Run, type Running } from "./run.ts";

export type Beat = { readonly kind: "beat"; readonly renewal: Renewal };

const toldBy = (run: Running | Leaving | Canceling): Reply => ({
  kind: "renewed",
  lease: run.lease,
  directive: directiveOf(run),
  ...(run.reason !== undefined && { reason: run.reason }),
  ...(run.state === "leaving" && run.deadline !== undefined && { deadline: run.deadline }),
});

/** A beat for a held run. It renews the lease, or the reply says why it did not. */
export function beat(run: Running | Leaving | Canceling, { renewal }: Beat): Decision {
  if (run.fence !== renewal.fence) return refuse(superseded(run));
  if (renews(run, renewal)) return { write: "renew", renewal, reply: toldBy(run) };
  if (directiveOf(run) === "stop") return refuse(toldBy(run));
  if (!isRenewable(run, renewal.now)) return refuse({ kind: "overran" });
  return refuse(toldBy(run)); // a later beat arrived first and has renewed the lease
}

/** A beat of an attempt that has ended. */
export const refuseBeat = (run: Run): Decision => refuse(run.state === "ended" ? { kind: "ended" } : superseded(run));
