import { Duration, Validations } from "aws-cdk-lib";
import {
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  type MethodDeploymentOptions,
  RestApi,
} from "aws-cdk-lib/aws-apigateway";
import type { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Construct } from "constructs";
import { ROUTES, type Route, type Service } from "../lib/wire/routes.ts";
import { ALL_ROUTES, type FrontDoor, ownerArns } from "./front-door.ts";
import type { Lambda } from "./lambda.ts";
import type { Settings } from "./settings.ts";
import { throttleOf } from "./throttles.ts";

const STAGE = "prod";

/** The REST API: the same calls, for who needs WAF, at three and a half times the price. */
export class RestFrontDoor extends Construct implements FrontDoor {
  readonly url: string;
  readonly apiId: string;
  private readonly api: RestApi;

  constructor(scope: Construct, id: string, settings: Settings, services: Readonly<Record<Service, Lambda>>) {
    super(scope, id);
    const { rate, burst } = throttleOf(ROUTES.health, settings);
    this.api = new RestApi(this, "Api", {
      restApiName: `${settings.name}-lastbeat`,
      endpointTypes: [EndpointType.REGIONAL],
      cloudWatchRole: false, // it would be the account's, and not ours to set
      deployOptions: {
        stageName: STAGE,
        throttlingRateLimit: rate, // for what has no limit of its own
        throttlingBurstLimit: burst,
        methodOptions: Object.fromEntries(
          ALL_ROUTES.map((route) => [`${route.path}/${route.method}`, limitsOf(route, settings)]),
        ),
      },
    });
    const integrations = Object.fromEntries(
      Object.entries(services).map(([name, { function: handler }]) => [
        name,
        new LambdaIntegration(handler, { allowTestInvoke: false }),
      ]),
    ) as Record<Service, LambdaIntegration>;
    for (const { method, path, by, at } of ALL_ROUTES) {
      const made = this.api.root.resourceForPath(path).addMethod(method, integrations[at], {
        authorizationType: by === "owner" ? AuthorizationType.IAM : AuthorizationType.NONE,
      });
      if (by !== "owner")
        Validations.of(made).acknowledge({
          id: "AwsSolutions::AwsSolutions-APIG4",
          reason:
            by === "anyone"
              ? "It tells nothing of any run."
              : `The Lambda checks the ${by}: pods need no AWS credentials.`,
        });
    }
    Validations.of(this.api).acknowledge(
      {
        id: "AwsSolutions::AwsSolutions-APIG1",
        reason: "A line for each beat would cost as much as the beat; each decision has one.",
      },
      { id: "AwsSolutions::AwsSolutions-APIG2", reason: "The Lambdas validate, and say which field is wrong." },
      {
        id: "AwsSolutions::AwsSolutions-APIG3",
        reason: "A web ACL is the account's own choice: associate it with the stage.",
      },
      { id: "AwsSolutions::AwsSolutions-APIG6", reason: "A line for each beat would cost as much as the beat." },
      {
        id: "AwsSolutions::AwsSolutions-COG4",
        reason: "Owners are known by IAM, runners by ticket or token; neither is a person of a user pool.",
      },
      {
        id: "Serverless::Serverless-APIGWAccessLogging",
        reason: "A line for each beat would cost as much as the beat.",
      },
      { id: "Serverless::Serverless-APIGWXrayEnabled", reason: "A trace costs more than a beat." },
    );
    this.apiId = this.api.restApiId;
    this.url = this.api.url.replace(/\/$/, "");
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

function limitsOf(route: Route, settings: Settings): MethodDeploymentOptions {
  const { rate, burst } = throttleOf(route, settings);
  return { throttlingRateLimit: rate, throttlingBurstLimit: burst };
}
