import type { Points } from "./clue.ts";

/**
 * What the words of a reason or a message mean. Components, clouds and versions spell one thing in many ways:
 * `PreemptionByScheduler`, `PreemptionByKubeScheduler`, `Preempting`, "Preempted in order to admit critical pod". So
 * words are matched, and no closed list of reasons. The first line that matches counts: the more special meanings come
 * first.
 */
export const MEANINGS: readonly (readonly [Points, RegExp])[] = [
  // A deadline of a call between components is none of the user's.
  ["platform", /\bcontext deadline exceeded/],
  ["deadline", /\bdeadline exceeded|\b(longer than|exceeded)\b.*\b(deadline|time limit)\b/],
  ["failed", /\bcuda\b.*\bout of memory/],
  ["reclaimed", /\blow on (resource|memory|disk)/],
  // The kubelet turns a pod away in these words: it never ran.
  ["platform", /\bhad condition\b/],
  ["memory", /\boom( ?kill|\b)|\bout of memory\b|\bmemory cgroup\b|\bexceed\w*\b.*\bmemory limit/],
  ["limit", /\bexceed(s|ed|ing)?\b[^.;]*\blimit\b/],
  ["reclaimed", /\bspot\b.*\b(itn|interrupt|terminat|shutdown)|\bbid ?evicted|\breclaim|\bpreempt|\bevict/],
  ["reclaimed", /\binterrupt(ed|ion)\b|\bdrain(ed|ing)?\b|\bdisrupt|\bdrift|\bunderutilized|\bconsolidat/],
  ["reclaimed", /\bscal(e|ed|ing) ?(down|in)\b|\bshrinking the capacity|\brebalanc|\bscheduled (maintenance|stop)\b/],
  ["reclaimed", /\bto be deleted\b|\btaint manager|\bno ?execute taint|\bdeletion by (?!user)/],
  ["reclaimed", /\bnode\b.*\bshut(ting)? ?down|\bnode ?shutdown|\bshutdown signal\b/],
  ["platform", /\bnode ?lost|\blost communication|\bunresponsive|\bunreachable|\bnot ?ready/],
  [
    "platform",
    /\bno longer exists|\bdoes not exist in the cloud|\breboot|\bunhealthy\b|\bhealth check fail|\bsystem failure/,
  ],
  ["platform", /\badmission|\badmitt|\brejected|\bout ?of ?(cpu|memory|pods|ephemeral)|\b(topology|node) affinity\b/],
  ["platform", /\b(hardware|devices?|gpu|nvml|xid)\b|\bdidn.t have enough resource|\binternal ?error/],
  ["platform", /\bsandbox\b|\bi\/o timeout|\bconnection (refused|reset)|\btls handshake|\bno space left on device\b/],
  ["platform", /\b429\b|\btoo ?many ?requests|\b50[0234]\b|\bunavailable\b|\binsufficient ?instance ?capacity/],
  ["unstartable", /\bimage|\bmanifest|\bpull\b|\bunauthorized|\bdenied|\bconfig/],
  ["unstartable", /\bexecutable file|\bexec format|\bno such file|\bcan(no|.)t run|\bstart error|\bnot found/],
];

/** `DeletionByPodGC` as words: "deletion by pod gc". */
const wordsOf = (text: string): string =>
  text
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .replace(/[-_/]+/g, " ")
    .toLowerCase();

/** What did not happen: "no interruption notice was received", "not a spot reclaim". */
const NEGATED = /\b(no|not|without|never) (an? |any )?(spot|interrupt|reclaim|preempt|evict|disrupt|drain)\w*[^,.;]*/g;
/** What carries another text: the meaning is in what comes after it. */
const CARRIER = /\brpc error: code = \w+ desc = /g;

/** A text of a stranger may be long. What it means stands at its beginning. */
const LONGEST = 2000;

/** The number of the line that a text means; undefined if it means none. */
export function lineOf(text: string): number | undefined {
  const said = text.slice(0, LONGEST).replaceAll(CARRIER, "");
  const forms = [wordsOf(said), said.toLowerCase()].map((each) => each.replaceAll(NEGATED, ""));
  const line = MEANINGS.findIndex(([, pattern]) => forms.some((each) => pattern.test(each)));
  return line < 0 ? undefined : line;
}

/** What a text says; undefined if it says none of it. */
export const meaningOf = (text: string | undefined): Points | undefined =>
  text === undefined || text === "" ? undefined : MEANINGS[lineOf(text) ?? -1]?.[0];
