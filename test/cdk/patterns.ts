import type { Template } from "aws-cdk-lib/assertions";
import { type Resource, resourcesOf, type Value } from "./synthesis.ts";

/** What a rule wants: of each field one of some texts, or fields of fields. The part of EventBridge's language that we use. */
export type Pattern = { readonly [name: string]: readonly string[] | Pattern };

export type RuleProperties = {
  readonly Name: string;
  readonly EventBusName?: Value;
  readonly EventPattern?: Pattern;
  readonly Targets: readonly {
    readonly Arn: Value;
    readonly RoleArn?: Value;
    readonly DeadLetterConfig?: { readonly Arn: Value };
  }[];
};

export type NoticeRule = Resource<RuleProperties & { readonly EventPattern: Pattern }>;

/** Whether EventBridge would hand the event to a rule with that pattern. Throws on what is not modelled here. */
export function matches(pattern: Pattern, event: unknown): boolean {
  return Object.entries(pattern).every(([name, wanted]) => {
    const value = typeof event === "object" && event !== null ? (event as Record<string, unknown>)[name] : undefined;
    if (!Array.isArray(wanted)) return matches(wanted as Pattern, value);
    if (wanted.some((each) => typeof each !== "string")) throw new Error(`cannot judge ${JSON.stringify(wanted)}`);
    return (Array.isArray(value) ? value : [value]).some((each) => wanted.includes(each));
  });
}

/** The rules that wait for events, by their logical ids; not the schedules. */
export const noticeRules = (template: Template): ReadonlyMap<string, NoticeRule> =>
  new Map(
    [...resourcesOf<RuleProperties>(template, "AWS::Events::Rule")].flatMap(([id, rule]) =>
      rule.Properties.EventPattern === undefined ? [] : [[id, rule as NoticeRule] as const],
    ),
  );
