import type { Condition } from "../../core/classify/facts.ts";
import { at, instantOf, type Json, known, listOf, textOf } from "./fields.ts";

/** The conditions of any object of Kubernetes. One without a type is left out. */
export const conditionsOf = (object: Json): readonly Condition[] =>
  listOf(at(object, "status", "conditions")).flatMap((each) => {
    const type = textOf(at(each, "type"));
    if (type === undefined) return [];
    const read = known({
      type,
      status: statusOf(at(each, "status")),
      reason: textOf(at(each, "reason")),
      message: textOf(at(each, "message")),
      at: instantOf(at(each, "lastTransitionTime")) ?? instantOf(at(each, "lastProbeTime")),
    });
    return [read as Condition];
  });

/** `True` and `False` are texts; some clients write them in small letters, or as booleans. */
function statusOf(value: Json): string | undefined {
  const text = typeof value === "boolean" ? String(value) : textOf(value);
  return text === undefined ? undefined : text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();
}
