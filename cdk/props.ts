import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Issuer } from "./issuers.ts";

/** `http-api`: an API Gateway HTTP API. `rest-api`: a REST API, for WAF, and emulators without HTTP APIs. */
export type FrontDoorKind = "http-api" | "rest-api";

/** The Lambdas whose concurrency can be reserved. */
export type Reservable = "beat" | "runner" | "owner" | "sweep" | "notice";

/** Where the Lambdas run, by ids alone. */
export type Network = {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds?: readonly string[];
};

/** Everything has a default: `new Lastbeat(this, "Lastbeat")` is complete. */
export type LastbeatProps = {
  /** What it is called in metrics, alarms and rules; once per account and region. Default: the name of its stack. */
  readonly name?: string;
  /**
   * Runs that are live at once, with the default lease of this deployment; one with half of it beats twice as often, and counts
   * twice. Shards, throttles and the sweep's memory follow from it. Default 1000.
   */
  readonly expectedRuns?: number;
  /**
   * Writes a second that the table is warmed up for (4,001 to 40,000), once, for a fleet that comes at one blow. AWS bills it, and
   * never lets it fall: a lower number, or one below what the table has grown to, fails the update. Default: not at all.
   */
  readonly warmWrites?: number;
  /** The lease of a run whose owner asks for none, in seconds (5 to 3600). Default 120. */
  readonly leaseSeconds?: number;
  /** Time between two sweeps, in seconds; a divisor of 60. Default 10. */
  readonly sweepSeconds?: number;
  /** How long what happened to a run can be asked for, in days (1 to 365). Default 30. */
  readonly retentionDays?: number;
  /**
   * The ways in, the first of which is the one that is announced. Pods have their address baked in: to change it, add the
   * new one, move the runners, and take the old one away after that. Default: an HTTP API.
   */
  readonly frontDoors?: readonly FrontDoorKind[];
  /** Beats go straight to a function URL, which costs nothing a request, where the HTTP API costs $1 a million. Default false. */
  readonly beatUrl?: boolean;
  /**
   * An OIDC issuer, such as that of an EKS cluster, whose token runners send besides, in x-lastbeat-identity. An HTTP API knows
   * one issuer, and RSA only; a REST API takes a list of several.
   */
  readonly jwt?: Issuer | readonly Issuer[];
  /** What is special about the REST API. */
  readonly restApi?: {
    /** The interface endpoints of API Gateway through which alone it is reached: it is private then. */
    readonly vpcEndpointIds?: readonly string[];
    /** A web ACL of WAF, by its ARN, that looks at each request first. */
    readonly webAclArn?: string;
  };
  /** A line of the front doors for each request, refused ones too. Adds 7 % to a beat by the HTTP API. Default false. */
  readonly accessLogs?: boolean;
  /** Who may make owners' calls by a role of the stack: accounts by their ids, or ARNs of roles and users. Default: no such role. */
  readonly ownerPrincipals?: readonly string[];
  /**
   * Owners' calls are answered without a caller's name, too: emulators know none. IAM is asked at API Gateway all the same.
   * Default false.
   */
  readonly anonymousOwners?: boolean;
  /**
   * A runner's word of an interruption counts for its whole host, as AWS's does, and not for its own attempt alone. The holder of a
   * token can then drain any host by naming it. Default false.
   */
  readonly trustRunners?: boolean;
  /** A domain of your own for the HTTP API, with the ARN of its certificate in this region. */
  readonly domain?: { readonly name: string; readonly certificateArn: string };
  /** The address by which runners reach the first front door, when that is neither its own nor `domain`. */
  readonly publicUrl?: string;
  /** `alarms`: one per promise. `full`: and a dashboard. Default `alarms`. */
  readonly observability?: "none" | "alarms" | "full";
  /** Where alarms go. Default: nowhere but the console. */
  readonly alarmTopic?: ITopic;
  /** The same, by its ARN. */
  readonly alarmTopicArn?: string;
  /** INFO: a line for each decision, and none for a beat. WARN: only those that are measured, or tell of an error. Default INFO. */
  readonly logLevel?: "INFO" | "WARN";
  /** How long the logs are kept, in days, as CloudWatch Logs offers them. Default 30. */
  readonly logRetentionDays?: number;
  /**
   * Time between two rotations of the signing keys, in days (2 to 1000); 0 leaves it to somebody else who calls the Lambda.
   * Default 90.
   */
  readonly keyRotationDays?: number;
  /** `destroy` deletes table, queues and keys with the stack, and everything that they hold. Default `retain`. */
  readonly removalPolicy?: "retain" | "destroy";
  /** Accounts, this one too, whose forwarders may put events on a bus that the stack makes for them. Default: no such bus. */
  readonly forwarderAccounts?: readonly string[];
  /** The organization (o-...) of which every account may do that. */
  readonly forwarderOrganization?: string;
  /**
   * How many of a Lambda may run at once, which are kept for it: others of the account cannot take them. Default: all share
   * what the account has.
   */
  readonly reservedConcurrency?: { readonly [K in Reservable]?: number };
  /**
   * For how long a requeue message is hidden once it is received, in seconds (1 to 43,200). A consumer that is a Lambda needs six
   * times its timeout. Default 60.
   */
  readonly requeueVisibilitySeconds?: number;
  /** A key of KMS, by its ARN, that encrypts table, queues, secret and logs; docs/deploy.md has its policy. Default: keys of AWS. */
  readonly kmsKeyArn?: string;
  /** Where the Lambdas run. It needs ways to DynamoDB, SQS, Secrets Manager and, for the canary, to the front door. */
  readonly vpc?: IVpc;
  readonly vpcSubnets?: SubnetSelection;
  readonly securityGroups?: readonly ISecurityGroup[];
  /** The same, by ids. */
  readonly network?: Network;
};

type Optional =
  | "warmWrites"
  | "jwt"
  | "restApi"
  | "domain"
  | "publicUrl"
  | "alarmTopic"
  | "alarmTopicArn"
  | "forwarderOrganization"
  | "kmsKeyArn"
  | "vpc"
  | "vpcSubnets"
  | "securityGroups"
  | "network";

export type Settings = Required<Omit<LastbeatProps, Optional>> & Pick<LastbeatProps, Optional>;
