import type { Evidence } from "../core/evidence.ts";
import type { ClaimedRun } from "../core/run.ts";
import type { App } from "./app.ts";

/**
 * What is known about an attempt besides its silence: the evidence about its host, and what its own runner has told.
 */
export async function evidenceFor(app: App, { run, fence, host }: ClaimedRun): Promise<readonly Evidence[]> {
  const [ofHost, line] = await Promise.all([
    host === undefined ? [] : app.hosts.evidence(host),
    app.ledger.read(run, fence),
  ]);
  return [...ofHost, ...(line?.words ?? [])];
}
