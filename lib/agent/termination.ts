import { appendFileSync, existsSync } from "node:fs";
import type { Claims } from "../wire/credentials.ts";
import type { Left } from "./driver.ts";

/** The file that Kubernetes shows as the message of an ended container, even if the network is dead. */
export const TERMINATION_LOG = "/dev/termination-log";

/**
 * Appends one line about the attempt's end to the termination log: the named one, or Kubernetes' if it is there. An
 * attempt without a report was never started, or is not ours any more.
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
    // The report goes its own way. This line is for people, and its failure is not worth an exit code.
  }
}
