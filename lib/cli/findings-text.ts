import type { Finding } from "../stack/doctor/finding.ts";
import { printable } from "../wire/printable.ts";

/** One line for each finding, with its fix below, and at the end the number of problems and warnings. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  const lines = findings.flatMap((finding) => {
    const margin = " ".repeat("problem  ".length + width + 2);
    const line = `${finding.state.padEnd("problem  ".length)}${finding.check.padEnd(width)}  ${printable(finding.says)}`;
    return finding.state === "ok" ? [line] : [line, `${margin}fix: ${printable(finding.fix)}`];
  });
  const counted = (state: Finding["state"]): string => {
    const number = findings.filter((finding) => finding.state === state).length;
    return `${number} ${state}${number === 1 ? "" : "s"}`;
  };
  return `${lines.join("\n")}\n\n${counted("problem")}, ${counted("warning")}\n`;
}
