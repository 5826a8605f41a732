import { after, type Span, seconds } from "../time.ts";
import type { Clue, Points } from "./clue.ts";

/** What all clues together say. */
export type Weighed = {
  readonly points: Points | "undecided";
  /** The clues that decided; all of them where nothing is decided. */
  readonly evidence: readonly Clue[];
  /** The clues that point elsewhere. */
  readonly contradicts: readonly Clue[];
};

/** What is known of a pod or its node beside the clues. */
export type Known = {
  /** The phase of the pod is Failed: it is over. */
  readonly hasFailed: boolean;
  /** Somebody has deleted the pod. */
  readonly isDeleting: boolean;
  /** The node is gone, so nothing runs there any more, whatever the pod shows. */
  readonly isNodeGone: boolean;
};

/** Kubernetes writes whole seconds, so an order within two of them says nothing. */
const BLUR = seconds(2);
/** The grace that a kubelet gives all pods of a node that it shuts down is at most about this, and then it writes. */
const LATE = seconds(60);
/** Whatever still ran this long after its node was announced to go has survived that: decision 18. */
const SURVIVED = seconds(15 * 60);

/** Whether one fact came clearly before another. */
const isBefore = ({ at }: Clue, other: Clue, blur: Span = other.isLate === true ? LATE : BLUR): boolean =>
  at !== undefined && other.at !== undefined && after(at, blur) <= other.at;

/** Whether the process outlived what was said about its node. */
const hasSurvived = (exit: Clue | undefined, { at, isOfNode }: Clue): boolean =>
  isOfNode === true && at !== undefined && exit?.at !== undefined && after(at, SURVIVED) < exit.at;

const isStated = ({ isHint }: Clue): boolean => isHint !== true;
const isTold = (clue: Clue): boolean => isStated(clue) && clue.isExit !== true;

/** Points that say neither that it lives or is done, nor leave open who ended it. */
const isCause = ({ points }: Clue): boolean => points !== "alive" && points !== "succeeded" && points !== "killed";

/** Words of others that are always the user's own doing, whatever else happened to the pod. */
const OWN_BOUNDS: readonly Points[] = ["deadline", "limit"];

/** The cause that a process gave for its own end, when nobody else had ended it before. */
const exitsFirst = (exit: Clue, taken: Clue): boolean =>
  // A kill for want of memory is a cause of its own, however soon the node went after it.
  exit.points === "memory" ? isBefore(exit, taken, BLUR) : isBefore(exit, taken);

/**
 * The clue that names the cause of an end. Words about the pod outrank the exit code of its process, because a process
 * that is told to go ends with any code. Only an end that came clearly before counts for itself.
 */
function causeAmong(clues: readonly Clue[], { isDeleting }: Known): Clue | undefined {
  const causes = clues.filter(isCause);
  const first = (wanted: (clue: Clue) => boolean): Clue | undefined => causes.find(wanted);
  const bound = first((each) => isTold(each) && OWN_BOUNDS.includes(each.points));
  if (bound !== undefined) return bound;
  const exit = first((each) => each.isExit === true);
  const taken = first((each) => isTold(each) && each.points === "reclaimed" && !hasSurvived(exit, each));
  if (taken !== undefined) return exit !== undefined && exitsFirst(exit, taken) ? exit : taken;
  // A node that is being emptied explains the end of a pod that was deleted, whatever code its process chose.
  const leaving = first((each) => each.isHint === true && each.points === "reclaimed" && !hasSurvived(exit, each));
  if (leaving !== undefined && isDeleting && exit?.points !== "memory") return leaving;
  return exit ?? first(isTold) ?? leaving ?? first(({ points }) => points === "platform") ?? first(() => true);
}

/** Whether the work was done although its pod did not end well. */
function isDoneAfterAll(done: Clue, clues: readonly Clue[], { hasFailed }: Known): boolean | undefined {
  // A node that starts again may report what it lost as done. The exit of the process would say more.
  const isOnlyTold = !clues.some(({ points, isExit }) => points === "succeeded" && isExit === true);
  const isNodeInDoubt = clues.some(({ points, isOfNode }) => points === "platform" && isOfNode === true);
  if (done.isExit !== true) return isOnlyTold && isNodeInDoubt ? undefined : true;
  const against = clues.filter((each) => isTold(each) && isCause(each) && each.isOfNode !== true);
  if (against.every((each) => isBefore(done, each))) return true;
  // A kubelet that starts again rewrites pods that were done as pods that it cannot admit. It says nothing of the work.
  const isRewritten = against.every(({ points, where }) => points === "platform" && where === "pod.status");
  if (isRewritten) return true;
  return hasFailed ? false : undefined;
}

/**
 * Weighs the clues. An end has to be stated before a cause is looked for; a success that was seen once stays; and what
 * the facts leave open stays undecided.
 */
export function weigh(clues: readonly Clue[], known: Known): Weighed {
  const verdict = (points: Points): Weighed => ({
    points,
    evidence: clues.filter((each) => each.points === points),
    contradicts: clues.filter((each) => each.points !== points && each.points !== "killed"),
  });
  const undecided: Weighed = { points: "undecided", evidence: clues, contradicts: [] };
  const done = clues.find((each) => isStated(each) && each.points === "succeeded");
  if (done !== undefined) {
    const isDone = isDoneAfterAll(done, clues, known);
    if (isDone !== false) return isDone === true ? verdict("succeeded") : undecided;
  }
  // What only suggests that it lives says nothing about a pod that is over, or whose process has ended.
  const isOver = known.hasFailed || clues.some(({ isExit }) => isExit === true);
  const alive = clues.find((each) => each.points === "alive" && (isStated(each) || !isOver));
  if (alive !== undefined && !known.isNodeGone) {
    const told = clues.filter((each) => isTold(each) && isCause(each));
    const isContested = alive.isHint === true && told.length > 0;
    if (alive.isSilent === true && told.every(({ points }) => points === "platform")) return undecided;
    if (!isContested) return verdict("alive");
  }
  const hadEnded = done === undefined && clues.some((each) => each.isHint === true && each.points === "succeeded");
  const cause = causeAmong(clues, known);
  return cause === undefined || hadEnded ? undecided : verdict(cause.points);
}
