import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A mistake that somebody could make: one text in one file, replaced by another. */
export type Bug = { readonly name: string; readonly file: string; readonly from: string; readonly to: string };

const bug = (name: string, file: string, from: string, to: string): Bug => ({ name, file, from, to });

/** Each of these breaks a promise. The simulator that does not find one of them is looking the other way. */
export const BUGS: readonly Bug[] = [
  bug(
    "a write does not name the rev it saw",
    "lib/memory/runs.ts",
    "current === undefined || current.rev !== seen.rev",
    "current === undefined",
  ),
  bug("a verdict does not name the due time it saw", "lib/memory/runs.ts", "current.due !== due.is", "false"),
  bug("a write puts the whole item", "lib/memory/runs.ts", "apply(current, seen, next)", "next"),
  bug(
    "a beat shortens a lease",
    "lib/core/lease.ts",
    "isRenewable(run, now) && run.due < due",
    "isRenewable(run, now)",
  ),
  bug("a beat does not look at the fence", "lib/core/lease.ts", "run.fence === fence && isRenewable", "isRenewable"),
  bug("a beat is renewed past its last renewable instant", "lib/core/lease.ts", "run.lastRenewable > now", "true"),
  bug("the second holder of a ticket is let in", "lib/core/claiming.ts", "run.holder !== claim.holder", "false"),
  bug("two processes use one holder id", "test/sim/pods.ts", "this.started.toString(16)", '"a"'),
  bug(
    "a claim does not look at the fence",
    "lib/core/claiming.ts",
    "if (run.fence !== claim.fence) return refuseClaim(run, claim);\n  const { now",
    "const { now",
  ),
  bug("the message goes before the ledger line", "lib/app/settle.ts", "    await payLedger(app, run);\n", ""),
  bug("a debt is replaced unpaid", "lib/app/change.ts", "  await payLedger(app, seen);\n", ""),
  bug("an ended run is not archived", "lib/app/settle.ts", 'run.debt.owes === "archive"', "false"),
  bug("a debt is never settled by the sweep", "lib/app/sweep.ts", "isOverdue(owedSince, now)", "false"),
  bug("a message that is owed is never sent", "lib/app/settle.ts", 'run.debt.owes === "message"', "false"),
  bug(
    "a start is charged while its message is owed",
    "lib/core/reaping.ts",
    "isUndelivered(run, now) && !isOver(due)",
    "false",
  ),
  bug(
    "a verdict does not look at the clock",
    "lib/core/reaping.ts",
    'if (!isDead) return refuse({ kind: "spared" });',
    "",
  ),
  bug(
    "the fence does not rise",
    "lib/core/ending.ts",
    "fence: raised(run.fence), charges",
    "fence: run.fence, charges",
  ),
  bug(
    "an end is charged twice",
    "lib/core/ending.ts",
    "run.charges + (best",
    "run.charges + chargeOf(end.cause) + (best",
  ),
  bug(
    "an end is not charged",
    "lib/core/ending.ts",
    'run.charges + (best === undefined ? chargeOf(end.cause) : "f")',
    "run.charges",
  ),
  bug("a repeated report is taken for another one", "lib/core/finishing.ts", "line.body === event.body", "false"),
  bug(
    "a report does not look at the fence",
    "lib/core/finishing.ts",
    "if (run.fence !== event.fence) return finishLate(run, event);",
    "",
  ),
  bug(
    "a late success counts although a later attempt was claimed",
    "lib/core/finishing.ts",
    'letter === "s")',
    "letter !== undefined)",
  ),
  bug("a slow archiver writes last", "lib/memory/records.ts", "found.result.rev >= result.rev", "found.result.rev < 0"),
  bug("a slow ledger writer lands last", "lib/memory/records.ts", "line.rev >= rev", "line.rev < 0"),
  bug("an ended item does not linger", "lib/core/ending.ts", "LINGER = seconds(60)", "LINGER = seconds(0)"),
  bug("the sweep stops after one page", "lib/app/sweep.ts", "cursor = page.cursor;", "cursor = undefined;"),
  bug("the sweep knows one shard", "lib/app/sweep.ts", "turn < shards && goesOn()", "turn < 1"),
  bug(
    "a registration does not look for a result",
    "lib/app/register.ts",
    'if (result !== undefined) return { kind: "over", result };\n  const first',
    "const first",
  ),
  bug(
    "a registration overwrites the spec",
    "lib/memory/records.ts",
    'if (live(registration.run, registration.registeredAt) !== undefined) return "stale";',
    "",
  ),
  bug(
    "a cancel is forgotten when the attempt ends",
    "lib/core/finishing.ts",
    'if (run.state === "canceling") return "canceled";',
    "",
  ),
  bug(
    "a requeue takes the run from its holder at once",
    "lib/core/asking.ts",
    'state: "leaving",\n    directive: "stop"',
    'state: "leaving",\n    fence: (run.fence + 1) as typeof run.fence,\n    directive: "stop"',
  ),
  bug(
    "the agent starts its child without a claim",
    "lib/agent/heart.ts",
    'return stay({ ...heart, tries: tries + 1, askAt: after(now, retry(tries)) });\n  switch (answer.name) {\n    case "hold"',
    'return stay({ phase: "beating", lease: heart.lease, token: "", beatAt: now, forwarded: [] }, { do: "start", attempt: 1, fence: 1 });\n  switch (answer.name) {\n    case "hold"',
  ),
  bug(
    "a claim at the gate reaps an old attempt that is still alive",
    "lib/core/reaping.ts",
    "const isDead = proof === undefined ?",
    'const isDead = run.state === "leaving" || proof === undefined ? run.state === "leaving" ||',
  ),
  bug(
    "a proof is not asked which host the run item names",
    "lib/app/reap.ts",
    "isHeld(run) && run.host === host && run.fence === fence",
    "isHeld(run) && run.fence === fence",
  ),
  bug(
    "a proof is not asked which attempt it is about",
    "lib/app/reap.ts",
    'if (proof !== undefined && !isMeant(run, proof)) return { write: "none", reply: { kind: "spared" } };',
    "",
  ),
  bug(
    "a beat after the death does not disprove it",
    "lib/core/reaping.ts",
    "after(after(goneAt, lease), paceOf(lease).margin)",
    "after(after(goneAt, lease), seconds(9e6))",
  ),
  bug("a proof hits the next host of the same name", "lib/core/reaping.ts", "run.claimedAt < before(at, SKEW)", "true"),
  bug(
    "a host counts as gone before it is",
    "lib/core/reaping.ts",
    "goneAt === undefined || goneAt > now",
    "goneAt === undefined",
  ),
  bug(
    "a refund forgets the archive",
    "lib/core/refunding.ts",
    '(run.state === "ended" ? "archive" : undefined)',
    "undefined",
  ),
  bug("a refund forgets the ledger", "lib/core/refunding.ts", "{ since: now, ledger, ", "{ since: now, "),
  bug(
    "a run that is gone is not put back",
    "lib/app/change.ts",
    "await app.runs.create(archived);\n  return undefined;",
    "return none;",
  ),
  bug(
    "a handover's ticket is for the attempt that still runs",
    "lib/app/settle.ts",
    "fence: fenceOf(run.fence + 1) };",
    "fence: run.fence };",
  ),
  bug(
    "the gate lets the successor in at once",
    "lib/core/claiming.ts",
    'return refuse(run.fence > claim.fence ? superseded(run) : { kind: "hold" });',
    'return run.state === "leaving" ? open({ ...run, state: "queued", fence: claim.fence, attempt: run.attempt + 1 } as unknown as Queued, claim) : refuse(run.fence > claim.fence ? superseded(run) : { kind: "hold" });',
  ),
  bug(
    "the agent does not fence itself",
    "lib/agent/beating.ts",
    "fenced !== undefined && fenced <= now",
    "fenced !== undefined && fenced < 0",
  ),
  bug(
    "the agent goes on when it is superseded",
    "lib/agent/beating.ts",
    'case "superseded":\n',
    'case "superseded":\n      return stay(heart);\n',
  ),
];

/** How many schedules a planted bug may hide in. */
const SEEDS = 6000;
/** A bug that makes a schedule run in circles is found by this; so many schedules take a minute. */
const LIMIT_MS = 240_000;

const root = new URL("../..", import.meta.url).pathname;

/** A copy of the source with the bug in it. A text that is not there exactly once has been edited away: the list is stale. */
function planted({ name, file, from, to }: Bug): string {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-bug-"));
  for (const part of ["lib", "test/sim", "package.json"])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const source = readFileSync(join(folder, file), "utf8");
  const found = source.split(from).length - 1;
  if (found !== 1) throw new Error(`"${name}": the text to replace is ${found} times in ${file}`);
  writeFileSync(
    join(folder, file),
    source.replace(from, () => to),
  );
  return folder;
}

/** Whether the simulator finds the bug, and what it said. */
export async function caught(one: Bug): Promise<{ isCaught: boolean; said: string }> {
  const folder = planted(one);
  try {
    const { code, output } = await hunted(folder);
    return { isCaught: code === 1 && output.startsWith("seed"), said: output.trim().split("\n").at(0) ?? "" };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function hunted(folder: string): Promise<{ code: number | null; output: string }> {
  const args = [join(folder, "test/sim/main.ts"), "--hunt", "--seeds", String(SEEDS)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT_MS });
  let output = "";
  child.stdout.on("data", (data) => {
    output += String(data);
  });
  child.stderr.on("data", (data) => {
    output += String(data);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}
