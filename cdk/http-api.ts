import { Duration, Stack, Validations } from "aws-cdk-lib";
import {
  ApiMapping,
  type CfnStage,
  DomainName,
  EndpointType,
  HttpApi,
  type HttpMethod,
  HttpNoneAuthorizer,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  type IHttpRouteAuthorizer,
  PayloadFormatVersion,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer, HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import type { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Construct } from "constructs";
import { IDENTITY_HEADER, ROUTES, type Service } from "../lib/wire/routes.ts";
import { accessLogFormat, accessLogOf, NO_ACCESS_LOGS } from "./access-logs.ts";
import { ALL_ROUTES, type FrontDoor, NAMED_ROUTES, ownerArns } from "./front-door.ts";
import { issuersOf } from "./issuers.ts";
import type { Lambda } from "./lambda.ts";
import type { Settings } from "./settings.ts";
import { throttleOf } from "./throttles.ts";

/** The HTTP API. IAM authorizes owners; the Lambdas check the credentials of runners themselves. */
export class HttpFrontDoor extends Construct implements FrontDoor {
  readonly url: string;
  readonly apiId: string;
  /** The target for the DNS record of `domain`. */
  domainTarget: string | undefined;
  private readonly api: HttpApi;
  private readonly stage: HttpStage;

  constructor(scope: Construct, id: string, settings: Settings, services: Readonly<Record<Service, Lambda>>) {
    super(scope, id);
    const { region } = Stack.of(this);
    this.api = new HttpApi(this, "Api", { description: `Lastbeat ${settings.name}`, createDefaultStage: false });
    const integrations = Object.fromEntries(
      Object.entries(services).map(([name, { function: handler }]) => [
        name,
        new HttpLambdaIntegration(name, handler, { payloadFormatVersion: PayloadFormatVersion.VERSION_2_0 }),
      ]),
    ) as Record<Service, HttpLambdaIntegration>;
    const authorizers = { owner: new HttpIamAuthorizer(), runner: this.runnerAuthorizer(settings) };
    const routes = NAMED_ROUTES.map(([name, { method, path, caller, service }]) => {
      const authorizer =
        caller === "owner" ? authorizers.owner : caller === "anyone" ? new HttpNoneAuthorizer() : authorizers.runner;
      const route = new HttpRoute(this, name, {
        httpApi: this.api,
        routeKey: HttpRouteKey.with(path, method as HttpMethod),
        integration: integrations[service],
        authorizer,
      });
      if (caller === "anyone" || (caller !== "owner" && settings.jwt === undefined))
        Validations.of(route).acknowledge({
          id: "AwsSolutions::AwsSolutions-APIG4",
          reason:
            caller === "anyone"
              ? "It says nothing about any run."
              : `The Lambda checks the ${caller}: pods need no AWS credentials.`,
        });
      return route;
    });
    const { rate, burst } = throttleOf(ROUTES.health, settings, region); // for routes without their own limit
    this.stage = new HttpStage(this, "Stage", {
      httpApi: this.api,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: rate, burstLimit: burst },
    });
    const stage = this.stage.node.defaultChild as CfnStage;
    stage.routeSettings = Object.fromEntries(
      ALL_ROUTES.map((route) => {
        const { rate, burst } = throttleOf(route, settings, region);
        return [`${route.method} ${route.path}`, { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst }];
      }),
    );
    for (const route of routes) this.stage.node.addDependency(route); // or its settings are refused
    const log = accessLogOf(this, settings);
    if (log !== undefined)
      stage.accessLogSettings = { destinationArn: log.logGroupArn, format: accessLogFormat("$context.routeKey") };
    else
      Validations.of(this.stage).acknowledge(
        { id: "AwsSolutions::AwsSolutions-APIG1", reason: NO_ACCESS_LOGS },
        { id: "Serverless::Serverless-APIGWAccessLogging", reason: NO_ACCESS_LOGS },
      );
    this.apiId = this.api.apiId;
    const own = settings.domain === undefined ? undefined : this.domainOf(settings.domain);
    this.url = own ?? `https://${this.apiId}.execute-api.${Stack.of(this).region}.${Stack.of(this).urlSuffix}`;
  }

  /** The ARNs of owners' calls, for the policies of their callers. */
  get ownerRoutes(): readonly string[] {
    return ownerArns((method, path) => this.api.arnForExecuteApi(method, path, "$default"));
  }

  requests(): Metric {
    return this.stage.metricCount({ period: Duration.minutes(1), statistic: "Sum" });
  }

  serverErrors(): Metric {
    return this.stage.metricServerError({ period: Duration.minutes(1), statistic: "Sum" });
  }

  latency(statistic: string): Metric {
    return this.stage.metricLatency({ period: Duration.minutes(1), statistic });
  }

  /** If the settings say so, runners send a token of the cluster in another header, in addition to ticket or token. */
  private runnerAuthorizer(settings: Settings): IHttpRouteAuthorizer {
    const [jwt] = issuersOf(settings);
    if (jwt === undefined) return new HttpNoneAuthorizer();
    return new HttpJwtAuthorizer("Identity", jwt.issuer, {
      jwtAudience: [...jwt.audience],
      identitySource: [`$request.header.${IDENTITY_HEADER}`],
    });
  }

  private domainOf({ name, certificateArn }: NonNullable<Settings["domain"]>): string {
    const domain = new DomainName(this, "Domain", {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, "Certificate", certificateArn),
      endpointType: EndpointType.REGIONAL,
    });
    this.domainTarget = domain.regionalDomainName;
    new ApiMapping(this, "Mapping", { api: this.api, domainName: domain, stage: this.stage });
    return `https://${name}`;
  }
}
