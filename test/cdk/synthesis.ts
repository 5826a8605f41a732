import { readFileSync } from "node:fs";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import type { LastbeatProps } from "../../cdk/settings.ts";
import { LastbeatStack } from "../../cdk/stack.ts";
import { freshBundles } from "./bundles.ts";

await freshBundles();

/** The flags of the library that a deployment has. */
const { context: FLAGS } = JSON.parse(readFileSync(new URL("../../cdk.json", import.meta.url), "utf8")) as {
  readonly context: Readonly<Record<string, unknown>>;
};

/** An app as cdk.json makes it, with more context. */
export const anApp = (context: Readonly<Record<string, unknown>> = {}): App =>
  new App({ context: { ...FLAGS, ...context } });

/** The stack as it is named when nobody says otherwise. */
export const stackOf = (props: LastbeatProps = {}, app: App = anApp()): LastbeatStack =>
  new LastbeatStack(app, "Lastbeat", props);

export const templateOf = (props: LastbeatProps = {}): Template => Template.fromStack(stackOf(props));

/** A reference of CloudFormation, or a text. */
export type Value = string | { readonly Ref: string } | { readonly "Fn::GetAtt": readonly [id: string, name: string] };

export type Resource<P> = {
  readonly Properties: P;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: readonly string[];
};

/** The resources of a type, by their logical ids. Throws when there are none: who asks for them wants to look at some. */
export function resourcesOf<P>(template: Template, type: string): ReadonlyMap<string, Resource<P>> {
  const found = Object.entries(template.findResources(type));
  if (found.length === 0) throw new Error(`the template has no ${type}`);
  return new Map(found as [string, Resource<P>][]);
}

/** The logical id of what a value refers to. */
export function idOf(value: Value | undefined): string {
  if (typeof value === "object" && "Ref" in value) return value.Ref;
  if (typeof value === "object" && "Fn::GetAtt" in value) return value["Fn::GetAtt"][0];
  throw new Error(`${JSON.stringify(value)} refers to nothing`);
}

/** What an output of the stack refers to. */
export function outputOf(template: Template, name: string): Value | undefined {
  const { Value: value } = template.findOutputs(name)[name] as { Value: Value };
  return value;
}

export type FunctionProperties = {
  readonly Runtime: string;
  readonly Architectures: readonly string[];
  readonly MemorySize: number;
  readonly Timeout: number;
  readonly LoggingConfig: Readonly<Record<string, Value>>;
  readonly Environment: { readonly Variables: Readonly<Record<string, Value>> };
};

export type Cloud = Resource<FunctionProperties> & { readonly id: string };

/** The Lambdas by the names of their bundles, which they tell AWS with each call. */
export function lambdasOf(template: Template): ReadonlyMap<string, Cloud> {
  const all = [...resourcesOf<FunctionProperties>(template, "AWS::Lambda::Function")];
  return new Map(
    all.map(([id, each]) => [
      String(each.Properties.Environment.Variables["AWS_SDK_UA_APP_ID"]).replace("lastbeat-", ""),
      { id, ...each },
    ]),
  );
}

/** The environment of a Lambda. */
export function environmentOf(template: Template, name: string): Readonly<Record<string, Value>> {
  const lambda = lambdasOf(template).get(name);
  if (lambda === undefined) throw new Error(`there is no Lambda ${name}`);
  return lambda.Properties.Environment.Variables;
}
