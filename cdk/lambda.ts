import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Duration, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  ApplicationLogLevel,
  Architecture,
  CfnPermission,
  Function as CloudFunction,
  Code,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { keyOf } from "./kms.ts";
import { networkOf } from "./network.ts";
import type { Reservable, Settings } from "./settings.ts";

/** The bundles of `npm run build`: in dist/ in a clone, beside this file in the package. */
const BUNDLES = new URL(import.meta.url.endsWith(".ts") ? "../dist/lambdas/" : "./lambdas/", import.meta.url);

function codeOf(name: string): Code {
  const folder = fileURLToPath(new URL(name, BUNDLES));
  if (!existsSync(folder)) throw new Error(`${folder} does not exist: run npm run build, which makes it`);
  return Code.fromAsset(folder);
}

export type LambdaProps = {
  /** What the Lambda does, for people who look at the console. */
  readonly description: string;
  readonly timeoutSeconds: number;
  /** In MB. The CPU share is proportional: 1,769 MB are one CPU. */
  readonly memorySize: number;
  readonly environment: Readonly<Record<string, string>>;
};

/** A Lambda with its own role and log group. It may do only what is allowed by name. */
export class Lambda extends Construct {
  readonly function: CloudFunction;
  private readonly role: Role;

  /** `id` is also the name of the bundle. */
  constructor(scope: Construct, id: string, settings: Settings, props: LambdaProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, "Logs", {
      retention: settings.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY, // the ledger has the decisions that matter
      ...keyOf(this, settings),
    });
    this.role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `Lastbeat ${id}`,
    });
    this.allow(["logs:CreateLogStream", "logs:PutLogEvents"], logGroup.logGroupArn);
    const network = networkOf(this, settings);
    if (network !== undefined) this.allowNetwork();
    const reserved = settings.reservedConcurrency[id as Reservable];
    this.function = new CloudFunction(this, "Function", {
      description: `Lastbeat: ${props.description}`,
      code: codeOf(id),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySize,
      timeout: Duration.seconds(props.timeoutSeconds),
      role: this.role.withoutPolicyUpdates(), // otherwise the library adds a managed policy for the network
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      // The lines START, END and REPORT of each beat would cost more than the beat's own write.
      systemLogLevelV2: SystemLogLevel.WARN,
      // The Lambdas leave out lines themselves: a log level of Lambda would also drop the lines with metrics.
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      environment: {
        ...props.environment,
        // CloudTrail and other records of the account then name the Lambda that has called.
        AWS_SDK_UA_APP_ID: `lastbeat-${id}`,
      },
      ...network,
      ...(reserved !== undefined && { reservedConcurrentExecutions: reserved }),
    });
    // If a function starts before it may write its log or read its keys, its first calls fail.
    this.function.node.addDependency(this.role);
    Validations.of(this).acknowledge(
      {
        id: "Serverless::Serverless-LambdaTracing",
        reason: "A trace costs more than a beat; each decision has its line in the log.",
      },
      {
        id: "Serverless::Serverless-LambdaDLQ",
        reason: "Work that must be repeated comes from a queue that has dead letters.",
      },
    );
  }

  /** The role that it acts with. */
  get roleArn(): string {
    return this.role.roleArn;
  }

  /** Adds a permission to the role. `partitions`: only for keys of the table that begin with one of these. */
  allow(actions: readonly string[], resource: string, ...partitions: readonly string[]): void {
    this.role.addToPolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: [...actions],
        resources: [resource],
        ...(partitions.length > 0 && {
          // Each of these actions names a key, so the condition never matches an empty list.
          conditions: { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": partitions } },
        }),
      }),
    );
  }

  /** Allows the Lambda to use the KMS key, but only through these services of AWS. */
  allowKey(keyArn: string, ...services: readonly string[]): void {
    const { region, urlSuffix } = Stack.of(this);
    this.role.addToPolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: [
          "kms:Decrypt",
          "kms:DescribeKey",
          "kms:Encrypt",
          "kms:GenerateDataKey",
          "kms:ReEncryptFrom",
          "kms:ReEncryptTo",
        ],
        resources: [keyArn],
        conditions: { StringEquals: { "kms:ViaService": services.map((name) => `${name}.${region}.${urlSuffix}`) } },
      }),
    );
  }

  /** Allows a service of AWS to invoke the Lambda, for one resource of this account. */
  mayBeInvokedBy(service: string, sourceArn: string): CfnPermission {
    return new CfnPermission(this, `By${service.split(".")[0]}`, {
      action: "lambda:InvokeFunction",
      functionName: this.function.functionArn,
      principal: service,
      sourceArn,
      sourceAccount: Stack.of(this).account,
    });
  }

  /** Allows it to ask EC2 how instances are. That cannot be limited to resources. */
  allowToSeeMachines(): void {
    this.allow(["ec2:DescribeInstances"], "*");
    Validations.of(this.role).acknowledge({
      id: "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
      reason: "EC2 does not limit what may be described, and runners may be on any instance.",
    });
  }

  /** Lambda creates and removes the network interfaces itself. These actions cannot be limited to resources. */
  private allowNetwork(): void {
    this.allow(
      [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ],
      "*",
    );
    Validations.of(this.role).acknowledge({
      id: "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
      reason: "Network interfaces of a VPC do not exist before Lambda makes them.",
    });
  }
}
