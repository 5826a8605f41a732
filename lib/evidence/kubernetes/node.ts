import type { NodeFacts } from "../../core/classify/facts.ts";
import { conditionsOf } from "./conditions.ts";
import { at, booleanOf, field, has, type Json, known, listOf, textOf, textsOf } from "./fields.ts";

/** Labels that tell how a node was bought: of EKS node groups, of Karpenter, of eksctl. */
const CAPACITY_LABELS = [
  "eks.amazonaws.com/capacityType",
  "karpenter.sh/capacity-type",
  "alpha.eksctl.io/instance-lifecycle",
];

/** EC2 leaves `InstanceLifecycle` out, or null, for an instance that was bought on demand. */
function capacityOf(node: Json): NodeFacts["capacity"] {
  const labels = { ...textsOf(field(node, "labels")), ...textsOf(at(node, "metadata", "labels")) };
  const instance = instanceOf(node);
  const told =
    textOf(field(instance, "InstanceLifecycle")) ?? CAPACITY_LABELS.map((label) => labels[label]).find(Boolean);
  if (told !== undefined) return /spot/i.test(told) ? "spot" : "on-demand";
  return has(instance, "InstanceLifecycle") ? "on-demand" : undefined;
}

/** `aws:///us-east-1a/i-0abc`. A provider that is not EC2 names no instance. */
const instanceIdIn = (providerId: Json): string | undefined => /\/(i-[0-9a-f]+)$/.exec(textOf(providerId) ?? "")?.[1];

/** The instance in what `ec2:DescribeInstances` answers, or in what was kept of it. */
const instanceOf = (node: Json): Json => field(node, "Instance") ?? node;

/** What is known about a node: its object in Kubernetes, its instance in EC2, or both in one. */
export function readNode(node: Json): NodeFacts {
  const instance = instanceOf(node);
  const status = field(node, "status");
  return known({
    name: textOf(at(node, "metadata", "name")) ?? textOf(field(node, "name")),
    instance:
      textOf(field(instance, "InstanceId")) ??
      instanceIdIn(at(node, "spec", "providerID") ?? field(node, "providerID")),
    exists: booleanOf(field(node, "exists")),
    conditions: conditionsOf(node),
    taints: listOf(at(node, "spec", "taints") ?? field(node, "taints")).flatMap((each) => {
      const key = textOf(field(each, "key"));
      return key === undefined
        ? []
        : [known({ key, value: textOf(field(each, "value")), effect: textOf(field(each, "effect")) })];
    }),
    capacity: capacityOf(node),
    instanceState: textOf(at(instance, "State", "Name")) ?? textOf(field(instance, "state")),
    stateReason:
      textOf(at(instance, "StateReason", "Code")) ??
      textOf(field(instance, "stateReason")) ??
      textOf(field(instance, "StateTransitionReason")),
    stateMessage: textOf(at(instance, "StateReason", "Message")),
    note: textOf(field(node, "fact")) ?? textOf(field(status, "fact")),
  }) as NodeFacts;
}
