import type { Evidence } from "../core/evidence.ts";
import { isClaimed, type Run } from "../core/run.ts";
import type { App } from "./app.ts";

/**
 * What is known about an attempt besides its silence: the evidence about its host, and what its own runner has told; or
 * why an attempt that nobody has claimed could not be started.
 */
export async function evidenceFor(app: App, run: Run): Promise<readonly Evidence[]> {
  if (run.state !== "queued" && !isClaimed(run)) return [];
  const host = isClaimed(run) ? run.host : undefined;
  const [ofHost, line] = await Promise.all([
    host === undefined ? [] : app.hosts.evidence(host),
    app.ledger.read(run.run, run.fence),
  ]);
  return [...ofHost, ...(line?.words ?? [])];
}
