import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A mistake that somebody could make: one text in one file, replaced by another. */
export type Bug = {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** What has to find it: the schedules, or the outages of whole fleets. */
  readonly by: "schedules" | "outages";
};

const bug = (name: string, file: string, from: string, to: string): Bug => ({ name, file, from, to, by: "schedules" });

/** A mistake in telling an outage of ours from a real loss. */
const ofFreeze = (name: string, from: string, to: string, file = "lib/core/freeze.ts"): Bug => ({
  name,
  file,
  from,
  to,
  by: "outages",
});

/** Each of these breaks a promise. A simulator that misses one of them is not looking there. */
export const BUGS: readonly Bug[] = [
  bug(
    "a write does not name the rev it saw",
    "lib/adapters/memory/runs.ts",
    "current === undefined || current.rev !== seen.rev",
    "current === undefined",
  ),
  bug("a verdict does not name the due time it saw", "lib/adapters/memory/runs.ts", "current.due !== due.is", "false"),
  bug("a write puts the whole item", "lib/adapters/memory/runs.ts", "apply(current, seen, next)", "next"),
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
  bug("a debt is never settled by the sweep", "lib/app/sweep-reading.ts", "isDebtOld(owedSince, now)", "false"),
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
    'if (!isDead(run, due)) return refuse({ kind: "spared" });',
    "",
  ),
  bug("the fence does not rise", "lib/core/ending.ts", "fence: nextFence(run), charges", "fence: run.fence, charges"),
  bug(
    "an end is charged twice",
    "lib/core/ending.ts",
    "const charges = run.charges + charge;",
    "const charges = run.charges + charge + charge;",
  ),
  bug(
    "an end is not charged",
    "lib/core/ending.ts",
    "const charges = run.charges + charge;",
    "const charges = run.charges;",
  ),
  bug(
    "a repeated report is taken for another one",
    "lib/core/finishing.ts",
    "line.reportHash === event.reportHash",
    "false",
  ),
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
  bug(
    "a slow archiver writes last",
    "lib/adapters/memory/records.ts",
    "found.result.rev >= result.rev",
    "found.result.rev < 0",
  ),
  bug("a slow ledger writer lands last", "lib/adapters/memory/records.ts", "line.rev >= rev", "line.rev < 0"),
  bug("an ended item does not linger", "lib/core/ended-run.ts", "LINGER = seconds(60)", "LINGER = seconds(0)"),
  bug("the sweep stops after one page", "lib/app/sweep-reading.ts", "cursor = page.cursor;", "cursor = undefined;"),
  bug(
    "the sweep knows one shard",
    "lib/app/sweep-reading.ts",
    "Array.from({ length: shards }",
    "Array.from({ length: 1 }",
  ),
  bug(
    "a registration does not look for a result",
    "lib/app/register.ts",
    'if (result !== undefined) return { kind: "over", result };\n  const first',
    "const first",
  ),
  bug(
    "a registration overwrites the spec",
    "lib/adapters/memory/records.ts",
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
    "lib/core/owner-requests.ts",
    'state: "leaving",\n    directive: "stop"',
    'state: "leaving",\n    fence: (run.fence + 1) as typeof run.fence,\n    directive: "stop"',
  ),
  bug(
    "the agent starts its child without a claim",
    "lib/agent/heart.ts",
    "return stay({ ...heart, tries: tries + 1, askAt: after(now, retry(tries, roll, answer.retryAfter)) });",
    'return stay({ phase: "beating", lease: heart.lease, token: "", beatAt: now, forwarded: [] }, { do: "start", attempt: 1, fence: 1 });',
  ),
  bug(
    "a claim at the gate reaps an old attempt that is still alive",
    "lib/core/reaping.ts",
    "if (proof === undefined) return run.due <= now;",
    'if (run.state === "leaving") return true; if (proof === undefined) return run.due <= now;',
  ),
  bug(
    "a proof is not asked which host the run item names",
    "lib/app/reap.ts",
    "return isClaimed(run) && (host === undefined || run.host === host);",
    "return isClaimed(run);",
  ),
  bug(
    "a proof is not asked which attempt it is about",
    "lib/app/reap.ts",
    'if (proof !== undefined && !isProofAbout(run, proof)) return { write: "none", reply: { kind: "spared" } };',
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
    "fence: nextFence(run), charges",
    "fence: run.fence, charges",
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
  bug(
    "a notice about one host drains an attempt on another",
    "lib/core/noticing.ts",
    "(isClaimed(run) && run.host === host)",
    "isClaimed(run)",
  ),
  bug(
    "a word moves the charge of an attempt on another host",
    "lib/core/refunding.ts",
    "host !== undefined && line.host !== host",
    "false",
  ),
  bug(
    "a verdict on an attempt that leaves does not see what comes before its last step",
    "lib/core/transitions.ts",
    '["noted", "leaving"], hasten)',
    '["noted", "leaving"], noted)',
  ),
  bug(
    "a nearer deadline is not told",
    "lib/core/noticing.ts",
    "if (isNearer && isToldToLeave(notice)) {",
    "if (false) {",
  ),
  bug(
    "a host that drains takes claims two minutes later",
    "lib/core/claiming.ts",
    "later(after(evidence.at, GOING), happenedBy(evidence)) >= now",
    "after(evidence.at, seconds(20)) >= now",
  ),
  bug(
    "a handover's message is made of the charges before it",
    "lib/app/settle.ts",
    "charges: handedOver(run) };",
    "charges: run.charges };",
  ),
  bug("a runner's word is not looked for", "lib/app/host-evidence.ts", "...(line?.words ?? [])", ""),
  bug(
    "a runner's word does not say where it stood",
    "lib/app/runner-notice.ts",
    "...(host !== undefined && { host }) };",
    "};",
  ),
  bug(
    "a host entry goes while its attempt runs",
    "lib/app/claim.ts",
    "lineExpiryOf(app, now)",
    "(now + app.retention) as typeof now",
  ),
  bug(
    "a host that was gone before the claim explains its end",
    "lib/core/evidence.ts",
    "  isAbout(evidence, claimedAt) &&\n",
    "",
  ),
  bug(
    "a word that was taken back explains",
    "lib/core/evidence.ts",
    "MEANING[kind].explains && withdrawn !== true",
    "MEANING[kind].explains",
  ),
  bug("a record mixes two times", "lib/app/inspect.ts", "again.rev === current.rev", "true"),
  bug(
    "a slow archiver is last in the list of ended runs",
    "lib/adapters/memory/records.ts",
    "found !== undefined && found.rev >= rev",
    "false",
  ),
  bug(
    "a late message leaves no time to start",
    "lib/core/settling.ts",
    "(run.due <= now || isDebtOld(debt.since, now))",
    "run.due <= now",
  ),
  bug(
    "a registration is completed without its time to start",
    "lib/app/register.ts",
    "due: startBy(registration, later(now, registration.registeredAt)),",
    "due: startBy(registration, registration.registeredAt),",
  ),
  bug(
    "an item of a former life is settled with the spec of this one",
    "lib/app/settle.ts",
    "registration !== undefined && registration.fence <= fence;",
    "true;",
  ),
  bug(
    "an item of a former life stands in the way of the next one",
    "lib/app/register.ts",
    'if (found.state !== "ended" || found.fence >= first.fence) return false;',
    "return false;",
  ),
  bug(
    "only interruptions tell how far a run has come",
    "lib/core/ending.ts",
    "  const furthest = further(run);\n",
    '  const furthest = end.cause === "interrupted" ? further(run) : undefined;\n',
  ),
  bug(
    "a refund forgets how far the attempt got",
    "lib/core/refunding.ts",
    "chargeOfInterruption(line.gotFurther === true)",
    "chargeOfInterruption(false)",
  ),
  bug(
    "a kill that is explained later stays a crash",
    "lib/core/refunding.ts",
    '["lost", "overran", "crashed"]',
    '["lost"]',
  ),
  bug(
    "what leaves is interrupted, whatever it was told",
    "lib/core/reaping.ts",
    'if (explained) return "interrupted";',
    'if (explained || run.state === "leaving") return "interrupted";',
  ),
  bug(
    "one attempt that fails keeps its host's others from being told",
    "lib/app/visit-all.ts",
    "        failures.push({ one, error });\n",
    "        throw error;\n",
  ),
  bug(
    "an attempt leaves its host while late evidence may be about it",
    "lib/app/settle.ts",
    "isInferred(line) ? stayOfEnd(line, lease)?.endedBy : undefined",
    "undefined",
  ),
  ofFreeze(
    "a second outage within a quarter of an hour of the first is not protected",
    "if (!isCanary && !isGap && silent.size === 0 && !isWaiting) return last;",
    "if ((!isCanary && !isGap && silent.size === 0 && !isWaiting) || (last !== undefined && after(last.since, VALVE) <= now && after(last.lastBad, VALVE) > now)) return last;",
  ),
  ofFreeze("leases do not count again after an outage", 'if (thaw !== undefined && thaw > now) return "thaw";', ""),
  ofFreeze(
    "the first sweep after a gap judges at once",
    "return oldest !== undefined && after(later(oldest, lastSweep), ordinary) < now;",
    "return oldest === undefined && ordinary < now;",
    "lib/core/fleet.ts",
  ),
  ofFreeze(
    "evidence switches the freeze off",
    "const awaited = isBySilence(cause, due, evidence) ?",
    "const awaited = isByClock(cause, due) ?",
    "lib/core/reaping.ts",
  ),
  ofFreeze("runs count, and not hosts", "if (host === undefined) {", "if (host !== null) {", "lib/core/fleet.ts"),
  ofFreeze("few hosts need no witness", "if (!few.has(powerOf(run.lease))) return true;", "return true;"),
  ofFreeze(
    "verdicts wait for a minute",
    "if (valveOpens(run) <= now) return undefined;",
    "if (after(run.due, seconds(60)) <= now) return undefined;",
  ),
  ofFreeze(
    "a zone that is gone counts as an outage beside a canary that sings",
    "if (!isCanaryContent) return heard * HEARD.alone < expected;",
    "return heard * 1.4 < expected;",
  ),
];

/** How many schedules a planted bug may hide in. */
const SEEDS = 8000;
/** Bounds a bug that makes a schedule run in circles. The schedules themselves take a minute or two, and four on a busy machine. */
const LIMIT_MS = 480_000;

const root = new URL("../..", import.meta.url).pathname;

/**
 * A copy of the source with the bug in it. If the text is not there exactly once, the source was edited and the list is
 * stale.
 */
function planted({ name, file, from, to }: Bug): string {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-bug-"));
  for (const part of ["lib", "lambdas", "test/sim", "package.json"])
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
    const { code, output } = await hunted(folder, one);
    const said =
      output.split("\n").find((line) => /^(seed|FAULT) /.test(line)) ?? output.trim().split("\n").at(0) ?? "";
    return { isCaught: code === 1 && /^(seed|FAULT) /.test(said), said };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function hunted(folder: string, { by }: Bug): Promise<{ code: number | null; output: string }> {
  const hunt = by === "schedules" ? ["--hunt", "--seeds", String(SEEDS)] : ["--outages"];
  const args = [join(folder, "test/sim/main.ts"), ...hunt];
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
