import { Stack, Validations } from "aws-cdk-lib";
import { AccountPrincipal, ArnPrincipal, CompositePrincipal, Role } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Settings } from "./settings.ts";

/**
 * The role by which owners of other accounts call: an HTTP API has no policy that could name them. Undefined where the settings name
 * nobody. `calls`: the ARNs of owners' calls.
 */
export function ownerRoleOf(
  scope: Construct,
  { ownerPrincipals }: Settings,
  calls: readonly string[],
): Role | undefined {
  const [first, ...others] = ownerPrincipals.map((who) =>
    /^\d{12}$/.test(who) ? new AccountPrincipal(who) : new ArnPrincipal(who),
  );
  if (first === undefined) return undefined;
  const role = new Role(scope, "OwnerRole", {
    description: "Lastbeat: the calls of owners",
    assumedBy: new CompositePrincipal(first, ...others),
  });
  const names = calls.map((arn) => plain(Stack.of(scope).resolve(arn))).filter((name) => name.includes("*"));
  Validations.of(role).acknowledge(
    ...names.map((name) => ({
      id: `AwsSolutions::AwsSolutions-IAM5[Resource::${name}]`,
      reason: "An owner calls about any run and any host: * stands for their names.",
    })),
  );
  return role;
}

type Joined = { readonly "Fn::Join": readonly [string, readonly (string | { readonly Ref: string })[]] };

/** An ARN as the rule packs write it, with <Name> for what only the deployment knows. */
const plain = (arn: Joined): string =>
  arn["Fn::Join"][1].map((part) => (typeof part === "string" ? part : `<${part.Ref}>`)).join("");
