import { before, instant, seconds } from "../../lib/core/time.ts";
import type { EndedRun, LedgerLine } from "../../lib/ports/records.ts";
import type { Cloud } from "./cloud.ts";
import { brief } from "./laws.ts";
import type { Life } from "./lives.ts";
import { spentOf } from "./messages.ts";
import type { Word } from "./news.ts";

/** An end whose charge can be moved by evidence. */
const isInferred = ({ end }: LedgerLine): boolean => {
  if (end === undefined || end.claimedAt === undefined) return false;
  const { cause, report } = end;
  if (!["lost", "overran", "crashed"].includes(cause)) return false;
  return !(report?.outcome === "failed" && report.exitCode !== undefined && report.signal === undefined);
};

/**
 * Whether evidence is about this end, in the words of docs/protocol.md: 60 s around its time, 15 minutes after its
 * deadline.
 */
function concerns({ evidence: { at, deadline = at, goneAt } }: Word, { end }: LedgerLine, lease: number): boolean {
  if (end?.claimedAt === undefined || end.lastBeatAt === undefined) return false;
  const endedBy = end.report === undefined ? Math.max(end.endedAt, end.lastBeatAt + lease) : end.endedAt;
  const isThen = at >= end.claimedAt - 60_000 && at <= endedBy + 60_000;
  const isSurvived = Math.max(at, deadline) + 15 * 60_000 < end.lastBeatAt;
  return isThen && !isSurvived && (goneAt === undefined || goneAt > end.claimedAt);
}

/** What is wrong with the account of a life, once nothing can happen any more; undefined if nothing is wrong. */
export async function faultOf(cloud: Cloud, life: Life, words: readonly Word[]): Promise<string | undefined> {
  const { lives, sent } = cloud.laws;
  const { registration, result } = life;
  const { run, fence: first, spec } = registration;
  const end = lives.endOf(life);
  const item = cloud.runs.items().find((each) => each.run === run && each.fence >= first && each.fence < end);
  if (item !== undefined) return `the run does not end, or its item is not deleted: ${brief(item)}`;
  if (result === undefined) return life.isGone ? "no result" : undefined;
  const kept = await cloud.results.read(run, instant(0));
  if (life === lives.newest(run) && kept?.rev !== result.rev) return "the record is that of a slower archiver";
  const overspent = overspentOf(life, result.charges);
  if (overspent !== undefined) return overspent;
  // A change while the record expires is not archived any more, because nobody can ask for it.
  if (life.isCutShort || life.toldAt > result.endedAt + cloud.retention - 150_000) return undefined;
  const wrong = await listedWrongly(cloud, life, end);
  if (wrong !== undefined) return wrong;
  if (life.isWon && result.outcome !== "succeeded") return `an accepted success was lost: ${result.outcome}`;
  if (life.isCanceled && result.outcome !== "canceled") return `a canceled run ended ${result.outcome}`;
  const lines = (await cloud.ledger.list(run, first)).filter(({ fence }) => fence < end);
  const letters = lines.flatMap((line) => (line.end === undefined ? [] : [line.end.charge])).join("");
  if (letters !== result.charges) return `the ledger says ${letters}, the result ${result.charges}`;
  for (const line of lines) {
    const fault = faultOfLine(line, run, words, spec.lease, cloud.retention);
    if (fault !== undefined) return fault;
    if (line.claim !== undefined && (line.end?.attempt ?? 0) > 1 && !sent.has(`${run}.${line.fence}`))
      return "an attempt without a message";
  }
  return undefined;
}

function faultOfLine(
  line: LedgerLine,
  run: string,
  words: readonly Word[],
  lease: number,
  retention: number,
): string | undefined {
  const { end, fence } = line;
  if (end === undefined) return "a ledger line has no end";
  const isMine = (word: Word): boolean =>
    word.attempt === undefined
      ? end.host !== undefined && word.host === end.host
      : word.attempt.run === run && word.attempt.fence === fence;
  for (const { id } of end.evidence) {
    const mine = words.filter((word) => word.evidence.id === id && isMine(word));
    if (mine.length === 0) return `attempt ${end.attempt} has the evidence of another host or attempt: ${id}`;
    const isOdd = mine.every((word) => word.evidence.goneAt === undefined && !concerns(word, line, lease));
    const isBefore = mine.every(({ evidence: { goneAt } }) => goneAt !== undefined && goneAt <= (end.claimedAt ?? 0));
    if (isOdd || isBefore) return `attempt ${end.attempt} has evidence that is not about its end: ${id}`;
  }
  if (end.evidence.some(({ withdrawn }) => withdrawn === true))
    return `attempt ${end.attempt} is explained by what was taken back`;
  const isReported = end.report?.outcome === "interrupted";
  if ("if".includes(end.charge) && end.evidence.length === 0 && !isReported)
    return `attempt ${end.attempt} is charged to interruptions without a reason`;
  // A record that is about to expire is left as it is. Evidence that was heard after its host entry had gone finds no
  // attempt. No evidence is kept for longer than records are: for minutes here, and for a day at least where this is
  // deployed.
  const isHeardInTime = ({ heardAt, evidence: { at, deadline = at } }: Word): boolean =>
    heardAt < end.endedAt + retention - 150_000 && Math.max(at, deadline) + retention > end.endedAt;
  const missed = words.find(
    (word) => word.isExplaining && isHeardInTime(word) && isMine(word) && concerns(word, line, lease),
  );
  if (isInferred(line) && missed !== undefined)
    return `attempt ${end.attempt} ended as ${end.cause} (${end.charge}) although ${missed.evidence.kind} explains it`;
  return undefined;
}

/** One charge more than a budget allows ends the run, so there is never a second one. */
function overspentOf({ registration: { spec }, refunds }: Life, charges: string): string | undefined {
  const { budgets } = spec;
  if (charges.slice(0, -1).includes("uu")) return `an attempt after two whose command could not be started: ${charges}`;
  if ("attempts" in budgets) {
    const all = [...charges].filter((letter) => "cumifls".includes(letter)).length;
    return all > budgets.attempts ? `more charges than attempts: ${charges}` : undefined;
  }
  const spent = spentOf(charges);
  for (const kind of ["crashes", "memory", "losses", "starts"] as const)
    if (spent[kind] > (budgets[kind] ?? budgets.crashes) + 1) return `more ${kind} than allowed: ${charges}`;
  // A refund can move a charge to the interruptions of a run that went on long ago.
  return spent.interruptions > budgets.interruptions + 1 + refunds
    ? `more interruptions than allowed: ${charges}`
    : undefined;
}

/** Each life is listed once among the ended runs, and as its result says. */
async function listedWrongly(cloud: Cloud, { registration, result }: Life, end: number): Promise<string | undefined> {
  const all: EndedRun[] = [];
  let cursor: string | undefined;
  do {
    const page = await cloud.endedRuns.list(
      instant(4_102_444_800_000),
      before(registration.registeredAt, seconds(60)),
      500,
      cursor,
    );
    all.push(...page.runs);
    cursor = page.cursor;
  } while (cursor !== undefined);
  const mine = all.filter(({ run, fence }) => run === registration.run && fence >= registration.fence && fence < end);
  if (mine.length !== 1) return `${mine.length} times in the list of ended runs`;
  return mine[0]?.outcome === result?.outcome
    ? undefined
    : `the list of ended runs says ${mine[0]?.outcome}, the record ${result?.outcome}`;
}
