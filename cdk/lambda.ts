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

/** What `npm run build` has bundled: in a clone in dist/, in the package beside this file. */
const BUNDLES = new URL(import.meta.url.endsWith(".ts") ? "../dist/lambdas/" : "./lambdas/", import.meta.url);

function codeOf(name: string): Code {
  const folder = fileURLToPath(new URL(name, BUNDLES));
  if (!existsSync(folder)) throw new Error(`${folder} is not there: npm run build makes it`);
  return Code.fromAsset(folder);
}

export type LambdaProps = {
  /** What it does, for people who look at the console. */
  readonly description: string;
  readonly timeoutSeconds: number;
  /** In MB. The processor comes in proportion: 1,769 MB are one. */
  readonly memorySize: number;
  readonly environment: Readonly<Record<string, string>>;
};

/** A Lambda with a role and a log group of its own. It may do what it was allowed by name, and nothing else. */
export class Lambda extends Construct {
  readonly function: CloudFunction;
  private readonly role: Role;

  /** `id` is the name of its bundle, too. */
  constructor(scope: Construct, id: string, settings: Settings, props: LambdaProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, "Logs", {
      retention: settings.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY, // decisions that matter stand in the ledger
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
      role: this.role.withoutPolicyUpdates(), // the library would add a managed policy for the network
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      // START, END and REPORT of each beat would cost more than the beat's own write.
      systemLogLevelV2: SystemLogLevel.WARN,
      // The Lambdas leave lines out themselves: Lambda would leave out those with the metrics, too.
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      environment: {
        ...props.environment,
        // CloudTrail and the account's other records say which of us has called.
        AWS_SDK_UA_APP_ID: `lastbeat-${id}`,
      },
      ...network,
      ...(reserved !== undefined && { reservedConcurrentExecutions: reserved }),
    });
    // A function that starts before it may write its log or read its keys fails its first calls.
    this.function.node.addDependency(this.role);
    Validations.of(this).acknowledge(
      {
        id: "Serverless::Serverless-LambdaTracing",
        reason: "A trace costs more than a beat; each decision has its line in the log.",
      },
      {
        id: "Serverless::Serverless-LambdaDLQ",
        reason: "What is worth repeating comes from a queue with dead letters of its own.",
      },
    );
  }

  /** Adds a permission to its role. `partitions`: of the table, only keys that begin so. */
  allow(actions: readonly string[], resource: string, ...partitions: readonly string[]): void {
    this.role.addToPolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: [...actions],
        resources: [resource],
        ...(partitions.length > 0 && {
          // Each action that is granted so names a key, so the condition is never empty.
          conditions: { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": partitions } },
        }),
      }),
    );
  }

  /** Lets it use the key by which services of AWS keep what it reads and writes there, and by no other way. */
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

  /** Lets a service of AWS invoke it, for one resource of this account. */
  mayBeInvokedBy(service: string, sourceArn: string): CfnPermission {
    return new CfnPermission(this, `By${service.split(".")[0]}`, {
      action: "lambda:InvokeFunction",
      functionName: this.function.functionArn,
      principal: service,
      sourceArn,
      sourceAccount: Stack.of(this).account,
    });
  }

  /** Lambda makes and removes the network interfaces itself, and these actions know no resources. */
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
