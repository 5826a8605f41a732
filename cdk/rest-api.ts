import { Duration, Stack, Validations } from "aws-cdk-lib";
import {
  AccessLogFormat,
  AuthorizationType,
  CfnAuthorizer,
  type CfnMethod,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type MethodDeploymentOptions,
  RestApi,
  type RestApiProps,
} from "aws-cdk-lib/aws-apigateway";
import type { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { InterfaceVpcEndpoint } from "aws-cdk-lib/aws-ec2";
import { AccountRootPrincipal, AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { CfnWebACLAssociation } from "aws-cdk-lib/aws-wafv2";
import { Construct } from "constructs";
import { IDENTITY_HEADER, ROUTES, type Route, type Service } from "../lib/wire/routes.ts";
import { accessLogFormat, accessLogOf, NO_ACCESS_LOGS } from "./access-logs.ts";
import { ALL_ROUTES, type FrontDoor, ownerArns } from "./front-door.ts";
import { type Issuer, issuersOf } from "./issuers.ts";
import type { Lambda } from "./lambda.ts";
import type { Settings } from "./settings.ts";
import { throttleOf } from "./throttles.ts";

const STAGE = "prod";
const JWT = "JWT";

/**
 * The REST API: the same calls at three and a half times the price. It allows WAF, a private VPC, or several issuers.
 */
export class RestFrontDoor extends Construct implements FrontDoor {
  readonly url: string;
  readonly apiId: string;
  private readonly api: RestApi;

  constructor(scope: Construct, id: string, settings: Settings, services: Readonly<Record<Service, Lambda>>) {
    super(scope, id);
    const { region } = Stack.of(this);
    const { rate, burst } = throttleOf(ROUTES.health, settings, region);
    const log = accessLogOf(this, settings);
    const { vpcEndpointIds, webAclArn } = settings.restApi ?? {};
    this.api = new RestApi(this, "Api", {
      restApiName: `${settings.name}-lastbeat`,
      ...(vpcEndpointIds === undefined ? { endpointTypes: [EndpointType.REGIONAL] } : this.private(vpcEndpointIds)),
      cloudWatchRole: false, // this role is of the whole account, so it is not ours to set
      deployOptions: {
        stageName: STAGE,
        throttlingRateLimit: rate, // for methods without their own limit
        throttlingBurstLimit: burst,
        methodOptions: Object.fromEntries(
          ALL_ROUTES.map((route) => [`${route.path}/${route.method}`, limitsOf(route, settings, region)]),
        ),
        ...(log !== undefined && {
          accessLogDestination: new LogGroupLogDestination(log),
          accessLogFormat: AccessLogFormat.custom(accessLogFormat("$context.resourcePath")),
        }),
      },
    });
    const integrations = Object.fromEntries(
      Object.entries(services).map(([name, { function: handler }]) => [
        name,
        new LambdaIntegration(handler, { allowTestInvoke: false }),
      ]),
    ) as Record<Service, LambdaIntegration>;
    const authorizer = this.runnerAuthorizer(issuersOf(settings));
    for (const { method, path, caller, service } of ALL_ROUTES) {
      const isOpen = caller === "anyone" || (caller !== "owner" && authorizer === undefined);
      const made = this.api.root.resourceForPath(path).addMethod(method, integrations[service], {
        authorizationType: caller === "owner" ? AuthorizationType.IAM : AuthorizationType.NONE,
      });
      if (authorizer !== undefined && caller !== "owner" && caller !== "anyone") {
        const bare = made.node.defaultChild as CfnMethod;
        bare.authorizationType = JWT;
        bare.authorizerId = authorizer.ref;
      }
      if (isOpen)
        Validations.of(made).acknowledge({
          id: "AwsSolutions::AwsSolutions-APIG4",
          reason:
            caller === "anyone"
              ? "It says nothing about any run."
              : `The Lambda checks the ${caller}: pods need no AWS credentials.`,
        });
    }
    Validations.of(this.api).acknowledge(
      { id: "AwsSolutions::AwsSolutions-APIG2", reason: "The Lambdas validate, and say which field is wrong." },
      { id: "AwsSolutions::AwsSolutions-APIG6", reason: NO_ACCESS_LOGS },
      {
        id: "AwsSolutions::AwsSolutions-COG4",
        reason: "IAM knows owners, and tickets or tokens identify runners; neither is a person in a user pool.",
      },
      { id: "Serverless::Serverless-APIGWXrayEnabled", reason: "A trace costs more than a beat." },
    );
    if (log === undefined)
      Validations.of(this.api).acknowledge(
        { id: "AwsSolutions::AwsSolutions-APIG1", reason: NO_ACCESS_LOGS },
        { id: "Serverless::Serverless-APIGWAccessLogging", reason: NO_ACCESS_LOGS },
      );
    if (webAclArn !== undefined)
      new CfnWebACLAssociation(this, "WebAcl", { resourceArn: this.api.deploymentStage.stageArn, webAclArn });
    else
      Validations.of(this.api).acknowledge({
        id: "AwsSolutions::AwsSolutions-APIG3",
        reason: "A web ACL is the choice of the account's owner: restApi.webAclArn names it.",
      });
    this.apiId = this.api.restApiId;
    const [endpoint] = vpcEndpointIds ?? [];
    this.url =
      endpoint === undefined
        ? this.api.url.replace(/\/$/, "")
        : // In the VPC this name resolves whether the endpoint has private DNS names or not.
          `https://${this.apiId}-${endpoint}.execute-api.${region}.${Stack.of(this).urlSuffix}/${STAGE}`;
  }

  /** The API can be reached only through these endpoints of VPCs. */
  private private(ids: readonly string[]): Pick<RestApiProps, "endpointConfiguration" | "policy"> {
    const vpcEndpoints = ids.map((id) =>
      InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(this, id, { vpcEndpointId: id, port: 443 }),
    );
    const arnOf = ({ method, path }: Route): string =>
      `execute-api:/${STAGE}/${method}${path.replaceAll(/\{\w+\}/g, "*")}`;
    const [ofOwners, ofOthers] = [true, false].map((isOwner) =>
      ALL_ROUTES.filter(({ caller }) => (caller === "owner") === isOwner).map(arnOf),
    );
    const invoke = { actions: ["execute-api:Invoke"] };
    return {
      endpointConfiguration: { types: [EndpointType.PRIVATE], vpcEndpoints },
      policy: new PolicyDocument({
        statements: [
          new PolicyStatement({
            effect: Effect.DENY,
            principals: [new AnyPrincipal()],
            ...invoke,
            resources: ["execute-api:/*"],
            conditions: { StringNotEquals: { "aws:SourceVpce": ids } },
          }),
          new PolicyStatement({ principals: [new AnyPrincipal()], ...invoke, resources: [...(ofOthers ?? [])] }),
          // A grant to everybody would let in each caller of this account, because there IAM's policy or this one is
          // enough. A grant to
          // the account leaves the decision to IAM.
          new PolicyStatement({
            principals: [new AccountRootPrincipal()],
            ...invoke,
            resources: [...(ofOwners ?? [])],
          }),
        ],
      }),
    };
  }

  /**
   * If the settings say so, runners send a token of one of the clusters in another header, in addition to ticket or
   * token.
   */
  private runnerAuthorizer(issuers: readonly Issuer[]): CfnAuthorizer | undefined {
    if (issuers.length === 0) return undefined;
    const authorizer = new CfnAuthorizer(this, "Identity", {
      name: "runners",
      restApiId: this.api.restApiId,
      type: JWT,
      identitySource: `method.request.header.${IDENTITY_HEADER}`,
    });
    // The library does not have this property yet. Clusters of EKS sign with RS256.
    authorizer.addPropertyOverride("JwtConfiguration", {
      DefaultAlgorithms: ["RS256"],
      Issuers: issuers.map(({ issuer, audience }) => ({ Issuer: issuer, Audiences: audience })),
    });
    Validations.of(authorizer).acknowledge({
      id: "CloudFormation-Validate::F3002",
      reason: "The library's list of properties is older than JwtConfiguration (CloudFormation template reference).",
    });
    // The library sees no change in the methods and would not deploy it: the stage would keep its old authorizer.
    this.api.latestDeployment?.addToLogicalId({ issuers });
    return authorizer;
  }

  get ownerRoutes(): readonly string[] {
    return ownerArns((method, path) => this.api.arnForExecuteApi(method, path, STAGE));
  }

  requests(): Metric {
    return this.api.metricCount({ period: Duration.minutes(1), statistic: "Sum" });
  }

  serverErrors(): Metric {
    return this.api.metricServerError({ period: Duration.minutes(1), statistic: "Sum" });
  }

  latency(statistic: string): Metric {
    return this.api.metricLatency({ period: Duration.minutes(1), statistic });
  }
}

function limitsOf(route: Route, settings: Settings, region: string): MethodDeploymentOptions {
  const { rate, burst } = throttleOf(route, settings, region);
  return { throttlingRateLimit: rate, throttlingBurstLimit: burst };
}
