import type { Cause } from "../causes.ts";
import type { Instant } from "../time.ts";
import { type Clue, hint, ofNode, type Points, told } from "./clue.ts";
import { clueOfEvent } from "./event.ts";
import { clueOfExit } from "./exit.ts";
import type { EventFacts, ExitFacts, NodeFacts, OwnerFacts, PodFacts } from "./facts.ts";
import { frameworkOf } from "./frameworks.ts";
import { cluesOfNode, isNodeGone, isNodeOn } from "./node.ts";
import { clueOfNotice, type KeptNotice } from "./notice.ts";
import { cluesOfOwner } from "./owner.ts";
import { cluesOfPod, hasBegun, isOver } from "./pod.ts";
import { type Weighed, weigh } from "./weigh.ts";

/** Everything that is known about the end of an attempt. */
export type Facts = {
  /** Its pods: one, or the members of a gang. */
  readonly pods: readonly PodFacts[];
  /** The Job, or whatever owns the pods. */
  readonly owner?: OwnerFacts;
  /** The nodes that the pods stood on, or that the notices are about. */
  readonly nodes: readonly NodeFacts[];
  readonly events: readonly EventFacts[];
  readonly exits: readonly ExitFacts[];
  readonly notices: readonly KeptNotice[];
};

/**
 * How the attempt stands. `alive`: nothing has ended. `undecided`: it may have ended, and the facts do not say why or
 * whether. A cause is one of those that an attempt can end with.
 */
export type Classified = Omit<Weighed, "points"> & { readonly verdict: Ending | "alive" | "undecided" };

export type Ending = Extract<
  Cause,
  "succeeded" | "interrupted" | "crashed" | "overran" | "out-of-memory" | "unstartable" | "lost" | "never-started"
>;

const ENDINGS: Readonly<Record<Exclude<Points, "alive" | "killed" | "platform">, Ending>> = {
  succeeded: "succeeded",
  reclaimed: "interrupted",
  deadline: "overran",
  limit: "crashed",
  memory: "out-of-memory",
  unstartable: "unstartable",
  failed: "crashed",
};

function endingOf(points: Weighed["points"], pods: readonly PodFacts[]): Classified["verdict"] {
  if (points === "undecided" || points === "killed") return "undecided";
  if (points === "alive") return "alive";
  if (points === "platform") return pods.length === 0 || pods.some(hasBegun) ? "lost" : "never-started";
  return ENDINGS[points];
}

/** Why an undecided attempt ended, when the grace for late evidence is over. Late evidence may still move the charge. */
export const SETTLES_AS = "lost" satisfies Ending;

/** What the facts say about the end of an attempt. `now` tells a grace period that is over from one that goes on. */
export function classify(facts: Facts, now: Instant): Classified {
  const { pods } = facts;
  const { points, ...weighed } =
    pods.length === 0
      ? weighAlone(facts)
      : ofGang(
          pods,
          pods.map((pod) => weighPod(pod, facts, now)),
        );
  return { verdict: endingOf(points, pods), ...weighed };
}

/** The node of a pod, if it is known: by its name, or because there is no other. */
function nodeOf({ node: name }: PodFacts, { pods, nodes }: Facts): NodeFacts | undefined {
  const [only] = nodes;
  const isOnlyOne = pods.length === 1 && nodes.length === 1 && (name === undefined || only?.name === undefined);
  return isOnlyOne ? only : nodes.find((each) => each.name !== undefined && each.name === name);
}

/** What is known beside a pod itself. */
function cluesAround({ owner, events, exits, notices }: Facts, node: NodeFacts | undefined): readonly Clue[] {
  const ours = notices.filter(
    ({ host }) => host === undefined || node?.instance === undefined || node.instance === host,
  );
  return [
    ...(owner === undefined ? [] : cluesOfOwner(owner)),
    ...exits.map(clueOfExit),
    ...events.map(clueOfEvent),
    ...ofNode(ours.map((each) => clueOfNotice(each, node))),
    ...(node === undefined ? [] : cluesOfNode(node)),
  ].filter((each) => each !== undefined);
}

function weighPod(pod: PodFacts, facts: Facts, now: Instant): Weighed {
  const node = nodeOf(pod, facts);
  return weigh([...cluesOfPod(pod, now), ...cluesAround(facts, node)], {
    hasFailed: isOver(pod),
    isDeleting: pod.isDeleting,
    isNodeGone: node !== undefined && isNodeGone(node),
  });
}

/** Facts without a pod: an event, an exit, an instance. */
function weighAlone(facts: Facts): Weighed {
  const [node] = facts.nodes;
  const clues = cluesAround(facts, node);
  const isOn = clues.length === 0 && node !== undefined && isNodeOn(node);
  return weigh(isOn ? [hint("alive", "instance.state", told(node.instanceState))] : clues, {
    hasFailed: false,
    isDeleting: false,
    isNodeGone: node !== undefined && isNodeGone(node),
  });
}

const isLeader = (pod: PodFacts): boolean => {
  const { leader } = frameworkOf(pod.labels) ?? {};
  return leader?.is.includes(String(pod.labels[leader.label]).toLowerCase()) === true;
};

/** When the clues that decided were seen first; undefined if they have no time. */
const since = ({ evidence }: Weighed): Instant | undefined =>
  evidence.reduce<Instant | undefined>(
    (least, { at }) => (at !== undefined && (least === undefined || at < least) ? at : least),
    undefined,
  );

/** Among causes of one instant, or of none, the first of these counts: the others are what it does to the rest of a gang. */
const BY_WEIGHT: readonly Points[] = ["reclaimed", "memory", "platform", "deadline", "limit", "unstartable", "failed"];

/**
 * The members of a gang live and die together: the earliest cause of any member is the cause of all, because the
 * others end seconds later with errors of their own. The success of the leader is the success of all. While a member
 * runs, nothing is said about all.
 */
function ofGang(pods: readonly PodFacts[], members: readonly Weighed[]): Weighed {
  const leader = members.find(({ points }, index) => points === "succeeded" && isLeader(pods[index] as PodFacts));
  if (leader !== undefined) return leader;
  const running = members.find(({ points }) => points === "alive");
  if (running !== undefined)
    return { ...running, contradicts: members.flatMap(({ points, evidence }) => (points === "alive" ? [] : evidence)) };
  const dead = members.filter(({ points }) => points !== "succeeded" && points !== "undecided");
  const first = dead.toSorted(byTime)[0];
  if (first !== undefined)
    return {
      ...first,
      contradicts: dead.filter(({ points }) => points !== first.points).flatMap(({ evidence }) => evidence),
    };
  return members.find(({ points }) => points === "undecided") ?? (members[0] as Weighed);
}

function byTime(one: Weighed, other: Weighed): number {
  const [left, right] = [since(one) ?? Infinity, since(other) ?? Infinity];
  if (left !== right) return left - right;
  return BY_WEIGHT.indexOf(one.points as Points) - BY_WEIGHT.indexOf(other.points as Points);
}
