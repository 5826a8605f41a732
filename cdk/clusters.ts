import { Stack } from "aws-cdk-lib";
import { CfnAccessEntry } from "aws-cdk-lib/aws-eks";
import type { Construct } from "constructs";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Lambda } from "./lambda.ts";
import type { ClusterProps, Settings } from "./settings.ts";

/** The group of Kubernetes to which a ClusterRole gives what we need (docs/kubernetes.md). */
const GROUP = "lastbeat";

/** The environment variable that names the clusters. A cluster without a region is in the region of the stack. */
export const clustersIn = ({ clusters }: Settings): Readonly<Record<string, string>> => ({
  [ENVIRONMENT.clusters]: JSON.stringify(clusters.map(({ accessEntries: _, ...cluster }) => cluster)),
});

/** What a Lambda may do to reach the clusters. What it may do in them is for Kubernetes to say. */
export function allowClusters(lambda: Lambda, { clusters }: Settings): void {
  const { partition, account, region } = Stack.of(lambda);
  for (const { name, region: at = region, role } of clusters)
    if (role !== undefined) lambda.allow(["sts:AssumeRole"], role);
    else lambda.allow(["eks:DescribeCluster"], `arn:${partition}:eks:${at}:${account}:cluster/${name}`);
}

const hasEntries = ({ role, region, accessEntries }: ClusterProps): boolean =>
  accessEntries ?? (role === undefined && region === undefined);

/** Lets the roles of these Lambdas into the clusters, as members of our group. */
export function enterClusters(
  scope: Construct,
  { clusters }: Settings,
  lambdas: Readonly<Record<string, Lambda>>,
): void {
  for (const { name } of clusters.filter(hasEntries))
    for (const [id, lambda] of Object.entries(lambdas))
      new CfnAccessEntry(scope, `${name}-${id}`, {
        clusterName: name,
        principalArn: lambda.roleArn,
        kubernetesGroups: [GROUP],
        type: "STANDARD",
      });
}
