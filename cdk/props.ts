import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Issuer } from "./issuers.ts";

/** `http-api`: an API Gateway HTTP API. `rest-api`: a REST API, for WAF, and emulators without HTTP APIs. */
export type FrontDoorKind = "http-api" | "rest-api";

/** The Lambdas whose concurrency can be reserved; `dispatch` starts attempts, if there are clusters, webhooks or orchestrators. */
export type Reservable = "beat" | "runner" | "owner" | "sweep" | "notice" | "dispatch";

/** Where the Lambdas run, given by ids only. */
export type Network = {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds?: readonly string[];
};

/** A cluster of EKS. */
export type ClusterProps = {
  readonly name: string;
  /** Default: the region of the stack. */
  readonly region?: string;
  /** The ARN of a role of the cluster's account that may ask it. Default: the stack's own roles get access entries. */
  readonly role?: string;
  /** The image of the agent for its pods. Default: `lastbeat-agent`. */
  readonly agentImage?: string;
  /** The namespaces in which Jobs are started. Default: all that Kubernetes allows. */
  readonly namespaces?: readonly string[];
  /** Whether the stack makes access entries for its own roles. Default: it does, unless `role` or `region` is set. */
  readonly accessEntries?: boolean;
};

/** An address that starts attempts; docs/webhooks.md. */
export type WebhookProps = {
  /** The name in the specs of runs: lower-case letters, digits and `-`. */
  readonly name: string;
  /** It begins with https://, and has no user and no password. */
  readonly url: string;
  /** The ARN of the secret that signs its events. Default: the stack makes one. */
  readonly secretArn?: string;
  /** Its name may lead to a private address. Default: it may not. */
  readonly allowPrivate?: boolean;
};

/** An orchestrator whose API gives runs back to its workers; docs/prefect.md, docs/airflow.md. */
export type OrchestratorProps = {
  readonly kind: "prefect" | "airflow";
  /** The name in the specs of runs: lower-case letters, digits and `-`. */
  readonly name: string;
  /** The address of its API, such as https://prefect.example/api, or of Airflow itself, such as https://airflow.example. */
  readonly url: string;
  /** The ARN of the secret that it asks for. An address with a secret begins with https://. Default: it asks for none. */
  readonly secretArn?: string;
  /** For Prefect: the job variables of an attempt that may run on no spot machine. Default: those of any other. */
  readonly onDemand?: Readonly<Record<string, unknown>>;
};

/** Everything has a default: `new Lastbeat(this, "Lastbeat")` is complete. */
export type LastbeatProps = {
  /** The name in metrics, alarms and rules; unique per account and region. Default: the name of its stack. */
  readonly name?: string;
  /**
   * How many runs are live at once with the default lease of this deployment. Count a run with half of that lease
   * twice, because it beats twice as often. The number of shards, the throttles and the sweep's memory follow from it.
   * Default 1000.
   */
  readonly expectedRuns?: number;
  /**
   * Writes per second for which the table is warmed up once (4,001 to 40,000), for a fleet that starts all at once. AWS
   * bills it and never lowers it: a lower number, or one below what the table has grown to, fails the update. Default:
   * no warming.
   */
  readonly warmWrites?: number;
  /** The lease of a run whose owner asks for none, in seconds (5 to 3600). Default 120. */
  readonly leaseSeconds?: number;
  /** Time between two sweeps, in seconds; a divisor of 60. Default 10. */
  readonly sweepSeconds?: number;
  /** How long the record of a run is kept, in days (1 to 365). Default 30. */
  readonly retentionDays?: number;
  /**
   * The front doors; the output Url names the first. Pods have the address baked in: to change it, add the new front
   * door, move the runners, and remove the old front door last. Default: an HTTP API.
   */
  readonly frontDoors?: readonly FrontDoorKind[];
  /**
   * Beats go directly to a function URL. It costs nothing per request; the HTTP API costs $1 a million. Default false.
   */
  readonly beatUrl?: boolean;
  /**
   * An OIDC issuer, such as that of an EKS cluster. Runners also send its token, in x-lastbeat-identity. An HTTP API
   * accepts one issuer, and RSA only; a REST API accepts a list of several.
   */
  readonly jwt?: Issuer | readonly Issuer[];
  /** Settings of the REST API. */
  readonly restApi?: {
    /** Interface endpoints of API Gateway. They make the API private: it can be reached only through them. */
    readonly vpcEndpointIds?: readonly string[];
    /** The ARN of a WAF web ACL that checks each request first. */
    readonly webAclArn?: string;
  };
  /**
   * The front doors log a line for each request, also for refused ones. A beat by the HTTP API costs 7 % more. Default
   * false.
   */
  readonly accessLogs?: boolean;
  /**
   * Who may assume a role of the stack for owners' calls: ids of accounts, or ARNs of roles and users. Default: no such
   * role.
   */
  readonly ownerPrincipals?: readonly string[];
  /**
   * Owners' calls are also answered without the caller's name: emulators do not send one. API Gateway still asks IAM.
   * Default false.
   */
  readonly anonymousOwners?: boolean;
  /**
   * What a runner says about an interruption counts for its whole host, as an event of AWS does, not only for its own
   * attempt. The holder of a token can then drain any host by naming it. Default false.
   */
  readonly trustRunners?: boolean;
  /** Your own domain for the HTTP API, with the ARN of its certificate in this region. */
  readonly domain?: { readonly name: string; readonly certificateArn: string };
  /** The address at which runners reach the first front door, if that is neither its own address nor `domain`. */
  readonly publicUrl?: string;
  /** `alarms`: an alarm for each promise. `full`: also a dashboard. Default `alarms`. */
  readonly observability?: "none" | "alarms" | "full";
  /** The topic that alarms go to. Default: alarms are only in the console. */
  readonly alarmTopic?: ITopic;
  /** The same, by its ARN. */
  readonly alarmTopicArn?: string;
  /**
   * INFO: a line for each decision, none for a beat. WARN: only lines with metrics, errors and owners' calls. Default
   * INFO.
   */
  readonly logLevel?: "INFO" | "WARN";
  /** How long the logs are kept, in days, as CloudWatch Logs offers them. Default 30. */
  readonly logRetentionDays?: number;
  /**
   * Days between two rotations of the signing keys (2 to 1000); 0: no schedule, and the operator invokes the Lambda.
   * Default 90.
   */
  readonly keyRotationDays?: number;
  /** `destroy` deletes table, queues and keys together with the stack, and all their contents. Default `retain`. */
  readonly removalPolicy?: "retain" | "destroy";
  /**
   * Accounts, this one too if it forwards, whose forwarders may put events on a bus of the stack. Default: no such bus.
   */
  readonly forwarderAccounts?: readonly string[];
  /** An organization (o-...); every account in it may do that. */
  readonly forwarderOrganization?: string;
  /**
   * Concurrency that is reserved for a Lambda, and is also its maximum: other functions of the account cannot take it.
   * Default: all share the account's concurrency.
   */
  readonly reservedConcurrency?: { readonly [K in Reservable]?: number };
  /**
   * How long a requeue message stays hidden after it is received, in seconds (1 to 43,200). A consumer that is a Lambda
   * needs six times its timeout. Default 60.
   */
  readonly requeueVisibilitySeconds?: number;
  /**
   * Clusters of EKS in which attempts are started as Jobs, and whose pods are watched; docs/kubernetes.md says what they
   * need. A private endpoint also needs `network`. Default: none.
   */
  readonly clusters?: readonly ClusterProps[];
  /** Addresses that are told about attempts, and start them; docs/webhooks.md. Default: none. */
  readonly webhooks?: readonly WebhookProps[];
  /** Orchestrators that get their runs back. A private address also needs `network`. Default: none. */
  readonly orchestrators?: readonly OrchestratorProps[];
  /**
   * The ARN of a KMS key that encrypts table, queues, secret and logs; docs/deploy.md has its policy. Default: keys of
   * AWS.
   */
  readonly kmsKeyArn?: string;
  /** Where the Lambdas run. They need routes to DynamoDB, SQS and Secrets Manager, and the canary to the front door. */
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
