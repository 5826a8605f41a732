import { EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand, type Rule } from "@aws-sdk/client-eventbridge";
import { NOTICE_RULES } from "../../names.ts";
import { clientSettings } from "../settings.ts";
import { outputOf } from "../stack.ts";
import type { Check } from "./checks.ts";
import { type Finding, ok, problem } from "./finding.ts";

/** A page of EventBridge has a hundred rules. A bus has at most three hundred, unless its owner asked for more. */
const MOST_PAGES = 20;

async function rulesNamed(client: EventBridgeClient, NamePrefix: string): Promise<readonly Rule[]> {
  const found: Rule[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await client.send(
      new ListRulesCommand({ NamePrefix, ...(NextToken !== undefined && { NextToken }) }),
    );
    found.push(...(answer.Rules ?? []));
    NextToken = answer.NextToken;
    if (NextToken === undefined) break;
  }
  return found;
}

async function ruleFindings(client: EventBridgeClient, { Name = "", State }: Rule): Promise<readonly Finding[]> {
  const missing = "its notices do not arrive";
  const { Targets = [] } = await client.send(new ListTargetsByRuleCommand({ Rule: Name, Limit: 1 }));
  return [
    // ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is more than enabled.
    ...(State?.startsWith("ENABLED")
      ? []
      : [
          problem(
            "rules",
            `${Name} is ${State ?? "without a state"}: ${missing}`,
            `run aws events enable-rule --name ${Name}`,
          ),
        ]),
    ...(Targets.length > 0
      ? []
      : [problem("rules", `${Name} has no target: ${missing}`, "deploy the stack again, which adds the target")]),
  ];
}

function missing(prefix: string, found: readonly Rule[]): readonly Finding[] {
  const there = new Set(found.map(({ Name }) => Name));
  const absent = NOTICE_RULES.map((kind) => `${prefix}${kind}`).filter((name) => !there.has(name));
  if (absent.length === 0) return [];
  return [problem("rules", `${absent.join(", ")}: missing, so their notices do not arrive`, "deploy the stack again")];
}

const rules: Check = {
  name: "rules",
  needs: "events:ListRules",
  look: async ({ stack, settings }) => {
    const client = new EventBridgeClient(clientSettings(settings));
    const prefix = outputOf(stack, "rulePrefix");
    const found = await rulesNamed(client, prefix);
    if (found.length === 0)
      return [problem("rules", `no rule is named ${prefix}...: no notices of AWS arrive`, "deploy the stack again")];
    const wrong: Finding[] = [...missing(prefix, found)];
    for (const rule of found) wrong.push(...(await ruleFindings(client, rule)));
    return wrong.length > 0 ? wrong : [ok("rules", `${found.length} named ${prefix}..., enabled, each with a target`)];
  },
};

export const RULE_CHECKS: readonly Check[] = [rules];
