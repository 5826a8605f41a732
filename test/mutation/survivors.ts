/**
 * The mutants that survive, as "file: text => what it became", by the reason why no test could notice them: each makes a
 * program that does the same. test/mutation/main.ts fails for one that is not here, and for one that is here and was noticed.
 */
const BECAUSE: Readonly<Record<string, readonly string[]>> = {
  "undefined is neither below nor above anything: the type checker needs the clause, the program does not": [
    "lib/core/claiming.ts: end !== undefined => true",
    "lib/core/ending.ts: end !== undefined => true",
    "lib/core/finishing.ts: floor !== undefined => true",
    "lib/core/finishing.ts: run.lastRenewable !== undefined => true",
    "lib/core/freeze.ts: canaryFailedAt !== undefined => true",
    "lib/core/freeze.ts: floor !== undefined => true",
    "lib/core/reaping.ts: end !== undefined => true",
    "lib/core/reaping.ts: goneAt === undefined => false",
    "lib/core/reaping.ts: run.lastRenewable !== undefined => true",
  ],
  "only that state has the field that is asked for beside it": [
    'lib/core/asking.ts: run.state === "leaving" => true',
    'lib/core/beating.ts: run.state === "leaving" => true',
    'lib/core/finishing.ts: run.state === "leaving" => true',
    'lib/core/finishing.ts: run.state === "ended" => true',
    'lib/core/reaping.ts: run.state === "queued" => true',
    'lib/core/refunding.ts: run.state === "ended" => true',
  ],
  "both sides are the same where they are equal": [
    "lib/core/freeze.ts: floor > now => floor >= now",
    "lib/core/freeze.ts: after(floor, lease) <= due => after(floor, lease) < due",
    "lib/core/time.ts: one <= other => one < other",
  ],
  "a queued run has no host and no claim, so that no evidence and no proof is about it": [
    'lib/core/reaping.ts: run.state !== "queued" => true',
    'lib/core/reaping.ts: "queued" => ""',
    'lib/core/reaping.ts: run.state === "queued" => false',
  ],
  "a freeze that has lasted began before: the valve opens for none that begins now": [
    "lib/core/freeze.ts: before !== undefined => true",
  ],
  "whatever is no letter of a budget ends in the same undefined": [
    'lib/core/budgets.ts: "+" => ""',
    'lib/core/budgets.ts: case "-": return undefined; => case "-":',
    'lib/core/budgets.ts: "-" => ""',
  ],
  "DynamoDB answers every query with items, if with none: the type alone allows an answer without": [
    'lib/aws/ended-runs.ts: [] => ["Stryker was here"]',
    'lib/aws/hosts.ts: [] => ["Stryker was here"]',
    'lib/aws/records.ts: [] => ["Stryker was here"]',
    'lib/aws/runs.ts: [] => ["Stryker was here"]',
  ],
  "a field that is undefined is not sent, and not read": [
    "lib/aws/ended-runs.ts: last !== undefined => true",
    "lib/aws/hosts.ts: start !== undefined => true",
    "lib/aws/records.ts: start !== undefined => true",
  ],
  "no two keys are equal, and none is as short as the instant that it begins with": [
    "lib/aws/ended-runs.ts: one < other => one <= other",
    "lib/aws/ended-runs.ts: key >= from => key > from",
  ],
  "a page that is full has a last line": ["lib/aws/ended-runs.ts: page.at(-1)?.[0] => page.at(-1)[0]"],
};

/** Each survivor, and why it survives. */
export const EXPLAINED: ReadonlyMap<string, string> = new Map(
  Object.entries(BECAUSE).flatMap(([why, survivors]) => survivors.map((survivor) => [survivor, why] as const)),
);
