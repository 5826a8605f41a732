import type { Template } from "./deployment.ts";
import { type Heard, NOBODY } from "./wiretap.ts";

type Statement = {
  readonly Action: string | readonly string[];
  readonly Resource: { readonly "Fn::GetAtt"?: readonly [id: string, attribute: string] };
};

const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** Log lines and the poller of a queue are Lambda's own calls, made with the function's role. */
const OF_LAMBDA_ITSELF = /^(logs:|sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)$)/;

/** What each role of ours may do, by the Lambda's name: each action with the logical id of what it may be done to. */
export function grantsOf({ Resources }: Template): Readonly<Record<string, readonly string[]>> {
  const names = new Map(
    Object.entries(Resources).flatMap(([id, { Type, Properties }]) => {
      const name = /^Lastbeat (\w+)$/.exec(String(Properties["Description"] ?? ""))?.[1];
      return Type === "AWS::IAM::Role" && name !== undefined ? [[id, name] as const] : [];
    }),
  );
  const grants: Record<string, Set<string>> = {};
  for (const { Type, Properties } of Object.values(Resources)) {
    if (Type !== "AWS::IAM::Policy") continue;
    const { Roles, PolicyDocument } = Properties as {
      readonly Roles: readonly { readonly Ref: string }[];
      readonly PolicyDocument: { readonly Statement: readonly Statement[] };
    };
    for (const { Ref } of Roles) {
      const name = names.get(Ref);
      if (name === undefined) continue;
      const actions = PolicyDocument.Statement.flatMap(({ Action, Resource }) =>
        listOf(Action)
          .filter((action) => !OF_LAMBDA_ITSELF.test(action))
          .map((action) => `${action} on ${Resource["Fn::GetAtt"]?.[0] ?? "anything"}`),
      );
      grants[name] = new Set([...(grants[name] ?? []), ...actions]);
    }
  }
  return sorted(grants);
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
    const [id = resource] = ids.find(([, physical]) => is(physical)) ?? [];
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
