import { type ISecurityGroup, type IVpc, SecurityGroup, type SubnetSelection, Vpc } from "aws-cdk-lib/aws-ec2";
import type { Construct } from "constructs";
import type { Settings } from "./settings.ts";

export type LambdaNetwork = {
  readonly vpc: IVpc;
  readonly vpcSubnets?: SubnetSelection;
  readonly securityGroups?: ISecurityGroup[];
};

/** The network of a Lambda, as its construct needs it; undefined if it runs in no VPC. */
export function networkOf(scope: Construct, settings: Settings): LambdaNetwork | undefined {
  const { vpc, vpcSubnets, securityGroups, network } = settings;
  if (vpc !== undefined)
    return {
      vpc,
      ...(vpcSubnets !== undefined && { vpcSubnets }),
      ...(securityGroups !== undefined && { securityGroups: [...securityGroups] }),
    };
  if (network === undefined) return undefined;
  const { vpcId, subnetIds, securityGroupIds } = network;
  return {
    vpc: Vpc.fromVpcAttributes(scope, "Vpc", {
      vpcId,
      privateSubnetIds: [...subnetIds],
      availabilityZones: subnetIds.map(() => "unknown"), // the zone of a named subnet is never used
    }),
    ...(securityGroupIds !== undefined && {
      securityGroups: securityGroupIds.map((id) => SecurityGroup.fromSecurityGroupId(scope, id, id)),
    }),
  };
}
