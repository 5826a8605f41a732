/**
 * The mutants that survive, as "file: line [text => what it became]", by the reason why no test could notice them: each makes
 * a program that does the same. test/mutation/main.ts fails for one that is not here, and for one that is here and was noticed.
 */
const BECAUSE: Readonly<Record<string, readonly string[]>> = {
  "undefined and what is reckoned from it are neither below nor above anything: the type alone needs the clause": [
    'lib/core/claiming.ts: if (end !== undefined && end <= now) return refuse({ kind: "overran" }); [end !== undefined => true]',
    'lib/core/waking.ts: if (end !== undefined && end <= now) return endAttempt(run, registration, { cause: "overran", now, roll }); [end !== undefined => true]',
    'lib/core/finishing.ts: run.lastRenewable !== undefined && run.lastRenewable <= now ? "overran" : undefined; [run.lastRenewable !== undefined => true]',
    "lib/core/freeze.ts: failedAt !== undefined && after(failedAt, CANARY_COUNTS) > now && (throughAt === undefined || throughAt <= failedAt); [failedAt !== undefined => true]",
    "lib/core/freeze.ts: canary.throughAt !== undefined && after(canary.throughAt, CANARY_COUNTS) > now && !isCutOff(canary, now); [canary.throughAt !== undefined => true]",
    "lib/core/freeze.ts: const isFrozenYet = floor !== undefined && after(floor, longest) > seenAt; [floor !== undefined => true]",
    "lib/core/freeze.ts: canary.throughSince !== undefined && canary.throughSince <= since && getsThrough(canary, now); [canary.throughSince !== undefined => true]",
    "lib/core/freeze.ts: return own === undefined ? freeze?.floor : later(own, freeze?.floor); [own === undefined => false]",
    "lib/core/freeze.ts: const isThawing = thaw !== undefined && thaw > now; [thaw !== undefined => true]",
    "lib/core/freeze.ts: return floor === undefined ? undefined : after(floor, lease); [floor === undefined => false]",
    'lib/core/freeze.ts: if (thaw !== undefined && thaw > now) return "thaw"; [thaw !== undefined => true]',
    "lib/core/freeze.ts: if (floor !== undefined && floor >= last) return true; [floor !== undefined => true]",
    "lib/core/reaping.ts: if (goneAt === undefined || goneAt > now) return false; [goneAt === undefined => false]",
    "lib/core/reaping.ts: return end !== undefined && end <= now; [end !== undefined => true]",
    'lib/core/reaping.ts: return run.lastRenewable !== undefined && run.lastRenewable <= due.now ? "overran" : "lost"; [run.lastRenewable !== undefined => true]',
  ],
  "only that state has the field that is asked for beside it": [
    'lib/core/owner-requests.ts: if (run.state === "leaving" && run.isFree) return refuse({ kind: "accepted", state: "leaving" }); [run.state === "leaving" => true]',
    'lib/core/beating.ts: ...(run.state === "leaving" && run.deadline !== undefined && { deadline: run.deadline }), [run.state === "leaving" => true]',
    'lib/core/finishing.ts: (run.state === "ended" && [run.state === "ended" => true]',
    'lib/core/finishing.ts: if (run.state === "leaving" && run.isFree) return "requeued"; [run.state === "leaving" => true]',
    'lib/core/reaping.ts: if (run.state === "leaving" && run.isFree) return "requeued"; [run.state === "leaving" => true]',
    'lib/core/reaping.ts: if (run.state === "queued" && isUndelivered(run, now) && !isOver(due)) return refuse({ kind: "owing" }); [run.state === "queued" => true]',
    'lib/core/refunding.ts: const cause = run.state === "ended" && run.endedByAttempt === line.attempt ? { cause: "interrupted" as const } : {}; [run.state === "ended" => true]',
  ],
  "both sides are the same where they are equal": [
    "lib/core/fleet.ts: if (shortest === undefined || lease < shortest) leases.set(power, lease); [lease < shortest => lease <= shortest]",
    "lib/core/fleet.ts: if (fleet.oldest === undefined || due - lease < fleet.oldest) fleet.oldest = heardAt(seen); [due - lease < fleet.oldest => due - lease <= fleet.oldest]",
    "lib/core/fleet.ts: if (opens > now && (fleet.valveOpens === undefined || opens < fleet.valveOpens)) fleet.valveOpens = opens; [opens < fleet.valveOpens => opens <= fleet.valveOpens]",
    "lib/core/fleet.ts: if (lease > voice.longest) voice.longest = lease; [lease > voice.longest => lease >= voice.longest]",
    "lib/core/fleet.ts: if (interval < voice.interval) voice.interval = interval; [interval < voice.interval => interval <= voice.interval]",
    "lib/core/time.ts: other === undefined || one <= other ? one : other; [one <= other => one < other]",
    "lib/core/time.ts: other === undefined || one >= other ? one : other; [one >= other => one > other]",
  ],
  "a queued run has no host and no claim, so that no evidence and no proof is about it": [
    'lib/core/reaping.ts: const evidence = run.state === "queued" ? [] : explaining(due.evidence, stayOf(run, later(now, run.due))); ["queued" => ""]',
    'lib/core/reaping.ts: const evidence = run.state === "queued" ? [] : explaining(due.evidence, stayOf(run, later(now, run.due))); [run.state === "queued" => false]',
    'lib/core/reaping.ts: const isDead = proof === undefined ? run.due <= now : run.state !== "queued" && isProved(run, proof, now); ["queued" => ""]',
    'lib/core/reaping.ts: const isDead = proof === undefined ? run.due <= now : run.state !== "queued" && isProved(run, proof, now); [run.state !== "queued" => true]',
    'lib/core/reaping.ts: proof?.goneAt === undefined || run.state === "queued" ? { is: run.due } : { atMost: lastDue(run, proof.goneAt) }; ["queued" => ""]',
    'lib/core/reaping.ts: proof?.goneAt === undefined || run.state === "queued" ? { is: run.due } : { atMost: lastDue(run, proof.goneAt) }; [run.state === "queued" => false]',
  ],
  "a freeze is there, as it has a floor of that class": [
    "lib/core/freeze.ts: return own === undefined ? freeze?.floor : later(own, freeze?.floor); [freeze?.floor => freeze.floor]",
  ],
  "only whether it is zero is asked, and every weight is above it": [
    "lib/core/freeze.ts: if (ago < Math.min(span, interval + NEXT_TRY)) onTime += weight; [onTime += weight => onTime -= weight]",
  ],
  "an attempt that has ended and has a successor owes its ledger line: the type alone allows none": [
    "lib/core/restoring.ts: const { debt: { owes: _, ...debt } = { since: at }, ...rest } = next; [{ since: at } => {}]",
  ],
  "whatever is no letter of a budget ends in the same undefined": [
    'lib/core/budgets.ts: case "+": ["+" => ""]',
    'lib/core/budgets.ts: case "-": ["-" => ""]',
    'lib/core/budgets.ts: case "-": [case "-": return undefined; => case "-":]',
  ],
  "DynamoDB answers every query with items, if with none: the type alone allows an answer without": [
    'lib/adapters/aws/ended-runs.ts: const { Items = [] } = await client.send( [[] => ["Stryker was here"]]',
    'lib/adapters/aws/hosts.ts: const { Items = [], LastEvaluatedKey } = await client.send( [[] => ["Stryker was here"]]',
    'lib/adapters/aws/records.ts: const { Items = [], LastEvaluatedKey } = await client.send( [[] => ["Stryker was here"]]',
    'lib/adapters/aws/runs.ts: const { Items = [], LastEvaluatedKey } = await client.send( [[] => ["Stryker was here"]]',
  ],
  "a field that is undefined is not sent, and not read": [
    "lib/adapters/aws/ended-runs.ts: return { runs: page.map(([, run]) => run), ...(last !== undefined && { cursor: last }) }; [last !== undefined => true]",
    "lib/adapters/aws/hosts.ts: ...(start !== undefined && { ExclusiveStartKey: start }), [start !== undefined => true]",
    "lib/adapters/aws/records.ts: ...(start !== undefined && { ExclusiveStartKey: start }), [start !== undefined => true]",
  ],
  "no two keys are equal, and none is as short as the instant that it begins with": [
    "lib/adapters/aws/ended-runs.ts: const within = found.filter(([key]) => key >= from); [key >= from => key > from]",
    "lib/adapters/aws/ended-runs.ts: found.push(...buckets.flat().sort(([one], [other]) => (one < other ? 1 : -1))); [one < other => one <= other]",
  ],
  "a page is asked for with a limit of 1 at the least (lib/wire/schemas.ts), so a full one has a last line": [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the line of a program
    "lib/adapters/aws/ended-runs.ts: const last = within.length > limit ? page.at(-1)?.[0] : isPast() ? undefined : `${iso(instant(hour + HOUR))}#`; [page.at(-1)?.[0] => page.at(-1)[0]]",
  ],
};

/** Each survivor, and why it survives. */
export const EXPLAINED: ReadonlyMap<string, string> = new Map(
  Object.entries(BECAUSE).flatMap(([why, survivors]) => survivors.map((survivor) => [survivor, why] as const)),
);
