import { type Evidence, explains } from "../evidence.ts";
import { type Clue, clue, hint, told } from "./clue.ts";
import type { NodeFacts } from "./facts.ts";
import { pointsOfEnd } from "./node.ts";

/** A notice that was kept. One about another host than that of the pod says nothing about the pod. */
export type KeptNotice = {
  readonly evidence: Evidence;
  /** Absent where the notice names no host. */
  readonly host?: string;
  /** It came without a time of its own. */
  readonly isUndated?: true;
};

/**
 * What a notice about the host says. A change of an instance's state says that the host goes, and not why: on a spot
 * instance it was most likely EC2, on one that was bought on demand it was not. A maintenance or a rebalance
 * recommendation is advice.
 */
export function clueOfNotice({ evidence, isUndated }: KeptNotice, node: NodeFacts | undefined): Clue {
  const { kind, source, note, withdrawn } = evidence;
  const at = isUndated === true ? undefined : evidence.at;
  const where = `notice of ${source}`;
  const text = told(kind, note);
  if (withdrawn === true || kind === "rebalance" || kind === "maintenance") return hint("alive", where, text, at);
  if (explains(evidence)) return clue("reclaimed", where, text, at);
  return hint(pointsOfEnd(node?.capacity), where, told(text, node?.capacity), at);
}
