import type { Template } from "./deployment.ts";
import { type Heard, NOBODY } from "./wiretap.ts";

type Target = { readonly "Fn::GetAtt"?: readonly [id: string, attribute: string] };

type Statement = {
  readonly Action: string | readonly string[];
  readonly Resource: Target;
  readonly Condition?: { readonly "ForAllValues:StringLike"?: { readonly "dynamodb:LeadingKeys"?: readonly string[] } };
};

const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** Log lines and the poller of a queue are Lambda's own calls, made with the function's role. */
const OF_LAMBDA_ITSELF = /^(logs:|sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)$)/;

type Granted = { readonly by: string; readonly role: string; readonly statement: Statement };

/** Every statement about a role of ours, with the Lambda's name. */
function statementsOf({ Resources }: Template): readonly Granted[] {
  const names = new Map(
    Object.entries(Resources).flatMap(([id, { Type, Properties }]) => {
      const name = /^Lastbeat (\w+)$/.exec(String(Properties["Description"] ?? ""))?.[1];
      return Type === "AWS::IAM::Role" && name !== undefined ? [[id, name] as const] : [];
    }),
  );
  return Object.values(Resources).flatMap(({ Type, Properties }) => {
    if (Type !== "AWS::IAM::Policy") return [];
    const { Roles, PolicyDocument } = Properties as {
      readonly Roles: readonly { readonly Ref: string }[];
      readonly PolicyDocument: { readonly Statement: readonly Statement[] };
    };
    return Roles.flatMap(({ Ref: role }) => {
      const by = names.get(role);
      return by === undefined ? [] : PolicyDocument.Statement.map((statement) => ({ by, role, statement }));
    });
  });
}

/** What each role of ours may do, by the Lambda's name: each action with the logical id of what it may be done to. */
export function grantsOf(template: Template): Readonly<Record<string, readonly string[]>> {
  const grants: Record<string, Set<string>> = {};
  for (const { by, statement } of statementsOf(template)) {
    const actions = listOf(statement.Action)
      .filter((action) => !OF_LAMBDA_ITSELF.test(action))
      .map((action) => `${action} on ${statement.Resource["Fn::GetAtt"]?.[0] ?? "anything"}`);
    grants[by] = new Set([...(grants[by] ?? []), ...actions]);
  }
  return sorted(grants);
}

const POLLING = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];

/** Pollers of Lambda that may not do, with the function's role, what they have to do with their queue. */
export function deafPollersOf(template: Template): readonly string[] {
  const { Resources } = template;
  const mappings = Object.entries(Resources).filter(([, { Type }]) => Type === "AWS::Lambda::EventSourceMapping");
  if (mappings.length === 0) throw new Error("no Lambda of the stack has a queue");
  return mappings.flatMap(([id, { Properties }]) => {
    const { FunctionName, EventSourceArn } = Properties as { FunctionName: { Ref: string }; EventSourceArn: Target };
    const { Role } = (Resources[FunctionName.Ref]?.Properties ?? {}) as { Role?: Target };
    const role = Role?.["Fn::GetAtt"]?.[0];
    const queue = EventSourceArn["Fn::GetAtt"]?.[0];
    const granted = statementsOf(template)
      .filter((each) => each.role === role && each.statement.Resource["Fn::GetAtt"]?.[0] === queue)
      .flatMap(({ statement }) => listOf(statement.Action));
    return POLLING.every((action) => granted.includes(action)) ? [] : [id];
  });
}

/** Calls about items that the caller's role, which names the keys of its items, does not let it touch. */
export function trespassesOf(heard: readonly Heard[], template: Template): readonly Heard[] {
  const bounded = statementsOf(template).flatMap(({ by, statement }) => {
    const keys = statement.Condition?.["ForAllValues:StringLike"]?.["dynamodb:LeadingKeys"];
    return keys === undefined ? [] : listOf(statement.Action).map((action) => ({ by, action, keys: listOf(keys) }));
  });
  if (bounded.length === 0) throw new Error("no role of the stack is bound to keys");
  const isLike = (key: string, pattern: string): boolean =>
    pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : key === pattern;
  return heard.filter(({ by, action, partition }) => {
    const rules = bounded.filter((rule) => `lastbeat-${rule.by}` === by && rule.action === action);
    return rules.length > 0 && !rules.some(({ keys }) => keys.some((pattern) => isLike(partition, pattern)));
  });
}

/** What each Lambda has called, in the same words. `physicalIds`: what the resources are called in the account. */
export function callsOf(
  heard: readonly Heard[],
  physicalIds: ReadonlyMap<string, string>,
): Readonly<Record<string, readonly string[]>> {
  const ids = [...physicalIds];
  const calls: Record<string, Set<string>> = {};
  for (const { by, action, resource } of heard) {
    if (by === NOBODY) continue;
    const name = by.replace(/^lastbeat-/, "");
    // MiniStack gives the name of a secret where AWS gives its ARN, which goes on with a dash.
    const is = (physical: string): boolean => physical === resource || resource.includes(`:secret:${physical}-`);
    const [id = resource === "" ? "anything" : resource] = ids.find(([, physical]) => is(physical)) ?? [];
    calls[name] = new Set([...(calls[name] ?? []), `${action} on ${id}`]);
  }
  return sorted(calls);
}

const sorted = (sets: Readonly<Record<string, ReadonlySet<string>>>): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.entries(sets)
      .map(([name, set]) => [name, [...set].sort()] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
