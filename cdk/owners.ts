import { Stack, Validations } from "aws-cdk-lib";
import { AccountPrincipal, ArnPrincipal, CompositePrincipal, Role } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Settings } from "./settings.ts";

/**
 * The role that owners in other accounts assume for their calls: an HTTP API has no policy that could name them.
 * Undefined if the settings name no owners. `calls`: the ARNs of owners' calls.
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
      reason: "An owner may call for any run and any host: * stands for their names.",
    })),
  );
  return role;
}

type Joined = { readonly "Fn::Join": readonly [string, readonly (string | { readonly Ref: string })[]] };

/** An ARN in the form of the rule packs: <Name> stands for a value that only the deployment knows. */
const plain = (arn: Joined): string =>
  arn["Fn::Join"][1].map((part) => (typeof part === "string" ? part : `<${part.Ref}>`)).join("");
