import { appendFileSync, existsSync } from "node:fs";
import type { Claims } from "../wire/credentials.ts";
import type { Left } from "./driver.ts";

/** What Kubernetes shows as the message of a container that ended, even when the network is dead. */
export const TERMINATION_LOG = "/dev/termination-log";

/**
 * Appends one line about the attempt's end to the termination log: the one that was named, or Kubernetes' where there is
 * one. An attempt without a report was never started, or is not ours any more.
 */
export function logTermination(
  named: string | undefined,
  { run, attempt, fence }: Claims,
  { code, report, why }: Left,
): void {
  const file = named ?? (existsSync(TERMINATION_LOG) ? TERMINATION_LOG : undefined);
  if (file === undefined) return;
  const outcome = report?.outcome ?? "interrupted";
  const reason = report === undefined ? why : report.reason;
  const line = { lastbeat: { run, attempt, fence, outcome, ...(reason !== undefined && { reason }), exitCode: code } };
  try {
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  } catch {
    // The report has gone out by its own way; this line is for people, and not worth an exit code.
  }
}
