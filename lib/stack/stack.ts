import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { OUTPUTS } from "../names.ts";
import { AccountError, asking, isNamed } from "./refusal.ts";
import { clientSettings, type Settings } from "./settings.ts";

/** The outputs of a stack, by our names for them. */
export type Outputs = Readonly<Partial<Record<keyof typeof OUTPUTS, string>>>;

export type Stack = {
  readonly name: string;
  /** Its ARN, which finds a deleted stack, too. */
  readonly id: string;
  readonly region: string;
  readonly status: string;
  /** What CloudFormation says about the status, usually after a failure. */
  readonly reason?: string;
  readonly outputs: Outputs;
};

/** The permission to read a stack. */
export const DESCRIBE = "cloudformation:DescribeStacks";

/** What exists under a name in a region: a stack, of Lastbeat or not, or nothing. */
export type Described =
  | { readonly kind: "stack"; readonly stack: Stack }
  | { readonly kind: "absent"; readonly region: string };

/** The stack as CloudFormation describes it, by its name or its ARN. Throws what the SDK throws. */
export async function describeStack(name: string, settings: Settings): Promise<Described> {
  const client = new CloudFormationClient(clientSettings(settings));
  const region = await client.config.region();
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    const [stack] = Stacks;
    if (stack === undefined) return { kind: "absent", region };
    const {
      StackName = name,
      StackId: id = name,
      StackStatus: status = "",
      StackStatusReason: reason,
      Outputs,
    } = stack;
    const told = new Map((Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
    const outputs = Object.entries(OUTPUTS).flatMap(([ours, key]) => {
      const value = told.get(key);
      return value === undefined ? [] : [[ours, value] as const];
    });
    const more = { ...(reason !== undefined && reason !== "" && { reason }), outputs: Object.fromEntries(outputs) };
    return { kind: "stack", stack: { name: StackName, id, region, status, ...more } };
  } catch (error) {
    // For a missing stack CloudFormation reports a validation error.
    if (isNamed(error, /^ValidationError$/) && /does not exist/.test(String(error))) return { kind: "absent", region };
    throw error;
  }
}

/** The sentence about a stack that does not exist. */
export const noSuchStack = (name: string, region: string): string =>
  `there is no stack "${name}" in ${region}: name another stack with --stack, or another region with AWS_REGION`;

/** The sentence about a stack that is not of Lastbeat, or whose deployment never ended. */
export const notOurs = ({ name, status }: Stack): string =>
  `the stack "${name}" (${status}) does not have the outputs of a Lastbeat stack: name another stack with --stack`;

/** A Lastbeat stack, and the address of its front door. */
export type OurStack = Stack & { readonly url: string };

/** The Lastbeat stack of that name. Throws an AccountError that says why it was not found. */
export async function findStack(name: string, settings: Settings): Promise<OurStack> {
  const found = await asking(DESCRIBE, () => describeStack(name, settings));
  if (found.kind === "absent") throw new AccountError(noSuchStack(name, found.region));
  const { url } = found.stack.outputs;
  if (url === undefined) throw new AccountError(notOurs(found.stack));
  return { ...found.stack, url };
}

/** The value of an output of the stack. Throws an AccountError if there is none. */
export function outputOf(stack: Stack, output: keyof typeof OUTPUTS): string {
  const value = stack.outputs[output];
  if (value === undefined)
    throw new AccountError(`the stack "${stack.name}" has no output ${OUTPUTS[output]}: deploy it again`);
  return value;
}
