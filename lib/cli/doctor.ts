import type { Finding } from "../stack/doctor/finding.ts";
import { printable } from "../wire/printable.ts";
import type { Answer, StackCommand } from "./command.ts";
import { surroundingsOf } from "./exec.ts";
import type { Flags } from "./flags.ts";
import { examinePod } from "./pod.ts";
import { apiAt, stackOf } from "./target.ts";
import { UsageError } from "./usage.ts";
import { ownVersion } from "./version.ts";

/** One line for each finding, its fix below it, and how many there are that somebody should look at. */
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

const answerOf = (findings: readonly Finding[]): Answer => ({
  json: { findings },
  text: findingsText(findings),
  code: findings.some(({ state }) => state === "problem") ? 1 : 0,
});

async function ofPod(flags: Flags): Promise<Answer> {
  const { url, stack } = flags;
  if (stack !== undefined) throw new UsageError("--from-pod needs no stack: a pod has no right to look at it");
  const findings = await examinePod({
    ...surroundingsOf({}),
    urls: typeof url === "string" ? url : process.env["LASTBEAT_URL"],
    ticket: process.env["LASTBEAT_TICKET"],
    clock: Date.now,
  });
  return answerOf(findings);
}

async function ofStack(flags: Flags): Promise<Answer> {
  const { stack, url } = stackOf("doctor", flags, process.env);
  const { doctor } = await import("../stack/doctor/doctor.ts");
  const findings = await doctor({
    stack,
    url,
    settings: {},
    version: ownVersion(),
    clock: Date.now,
    call: async (at, region) => {
      const api = await apiAt(at, { region }, process.env);
      await api.call("GET", "/v1/runs?limit=1");
    },
  });
  return answerOf(findings);
}

/** What is wrong with a deployment, or with where a runner runs, and what to do about it. */
export const doctor: StackCommand = {
  takes: [],
  answer: (_, flags) => (flags["from-pod"] === true ? ofPod(flags) : ofStack(flags)),
};
