import { Annotations, Match, type Template } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { OUTPUTS } from "../../lib/names.ts";
import { ROUTES, type Route } from "../../lib/wire/routes.ts";
import { environmentOf, idOf, lambdasOf, outputOf, resourcesOf, stackOf, templateOf, type Value } from "./synthesis.ts";

const ALL: readonly Route[] = Object.values(ROUTES);
const BOTH = templateOf({ frontDoors: ["http-api", "rest-api"], beatUrl: true });
const HTTP = templateOf();

/** Which Lambda a URI or an ARN of an integration leads to. */
function lambdaIn(template: Template, uri: unknown): string | undefined {
  const text = JSON.stringify(uri);
  return [...lambdasOf(template)].find(([, { id }]) => text.includes(`"${id}"`))?.[0];
}

/** How each call is guarded and where it leads: `METHOD path -> authorization, Lambda`. */
const expected = ALL.map(({ method, path, caller, service }) => [
  `${method} ${path}`,
  caller === "owner" ? "AWS_IAM" : "NONE",
  service,
]).sort();

type HttpRoute = {
  readonly RouteKey: string;
  readonly AuthorizationType: string;
  readonly Target: { readonly "Fn::Join": readonly [string, readonly [string, Value]] };
};
type HttpStage = { readonly RouteSettings: Readonly<Record<string, { readonly ThrottlingRateLimit: number }>> };
type RestMethod = {
  readonly HttpMethod: string;
  readonly AuthorizationType: string;
  readonly ResourceId: Value;
  readonly Integration: { readonly Uri: unknown };
};
type RestResource = { readonly PathPart: string; readonly ParentId: Value };
type RestStage = {
  readonly MethodSettings: readonly {
    readonly HttpMethod: string;
    readonly ResourcePath: string;
    readonly ThrottlingRateLimit: number;
  }[];
};

describe("the HTTP API", () => {
  test("has every call, owners' by IAM, and each leads to its Lambda", () => {
    const integrations = resourcesOf<{ IntegrationUri: unknown }>(HTTP, "AWS::ApiGatewayV2::Integration");
    const routes = [...resourcesOf<HttpRoute>(HTTP, "AWS::ApiGatewayV2::Route").values()].map(({ Properties }) => {
      const integration = integrations.get(idOf(Properties.Target["Fn::Join"][1][1]));
      return [
        Properties.RouteKey,
        Properties.AuthorizationType,
        lambdaIn(HTTP, integration?.Properties.IntegrationUri),
      ];
    });
    expect(routes.sort()).toEqual(expected);
  });

  test("limits every call, and a call that has no limit of its own", () => {
    const [stage] = resourcesOf<HttpStage>(HTTP, "AWS::ApiGatewayV2::Stage").values();
    expect(Object.keys(stage?.Properties.RouteSettings ?? {}).sort()).toEqual(expected.map(([route]) => route));
    HTTP.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      DefaultRouteSettings: { ThrottlingRateLimit: Match.anyValue(), ThrottlingBurstLimit: Match.anyValue() },
    });
  });

  test("has all its routes before the stage that limits them: settings of a route that is not there are refused", () => {
    const [stage] = resourcesOf<HttpStage>(HTTP, "AWS::ApiGatewayV2::Stage").values();
    expect(stage?.DependsOn).toEqual(expect.arrayContaining([...resourcesOf(HTTP, "AWS::ApiGatewayV2::Route").keys()]));
  });

  test("speaks payload format 2.0", () => {
    HTTP.allResourcesProperties("AWS::ApiGatewayV2::Integration", { PayloadFormatVersion: "2.0" });
  });

  test("has a domain of one's own when its certificate is named, and announces it", () => {
    const certificateArn = "arn:aws:acm:eu-central-1:123456789012:certificate/1";
    const template = templateOf({ domain: { name: "beat.example.com", certificateArn } });
    template.hasResourceProperties("AWS::ApiGatewayV2::DomainName", {
      DomainName: "beat.example.com",
      DomainNameConfigurations: [{ CertificateArn: certificateArn, EndpointType: "REGIONAL" }],
    });
    template.resourceCountIs("AWS::ApiGatewayV2::ApiMapping", 1);
    expect(outputOf(template, OUTPUTS.url)).toBe("https://beat.example.com");
    expect(environmentOf(template, "canary")["LASTBEAT_FRONT_DOOR"]).toBe("https://beat.example.com");
  });
});

describe("the REST API", () => {
  const resources = resourcesOf<RestResource>(BOTH, "AWS::ApiGateway::Resource");
  const pathOf = (id: string): string => {
    const resource = resources.get(id);
    return resource === undefined
      ? ""
      : `${pathOf(idOf(resource.Properties.ParentId))}/${resource.Properties.PathPart}`;
  };

  test("has every call, owners' by IAM, and each leads to its Lambda", () => {
    const methods = [...resourcesOf<RestMethod>(BOTH, "AWS::ApiGateway::Method").values()].map(
      ({ Properties: { HttpMethod, AuthorizationType, ResourceId, Integration } }) => [
        `${HttpMethod} ${pathOf(idOf(ResourceId))}`,
        AuthorizationType,
        lambdaIn(BOTH, Integration.Uri),
      ],
    );
    expect(methods.sort()).toEqual(expected);
  });

  test("limits every call as the HTTP API does", () => {
    const [rest] = resourcesOf<RestStage>(BOTH, "AWS::ApiGateway::Stage").values();
    const [http] = resourcesOf<HttpStage>(BOTH, "AWS::ApiGatewayV2::Stage").values();
    const limits = Object.fromEntries(
      rest?.Properties.MethodSettings.filter(({ HttpMethod }) => HttpMethod !== "*").map((each) => [
        `${each.HttpMethod} ${each.ResourcePath.slice(1).replaceAll("~1", "/")}`,
        each.ThrottlingRateLimit,
      ]) ?? [],
    );
    expect(limits).toEqual(
      Object.fromEntries(
        Object.entries(http?.Properties.RouteSettings ?? {}).map(([route, of]) => [route, of.ThrottlingRateLimit]),
      ),
    );
    expect(Object.keys(limits)).toHaveLength(ALL.length);
  });

  test("is announced when it is the first, and the HTTP API when that is", () => {
    const url = (template: Template): string => JSON.stringify(outputOf(template, OUTPUTS.url));
    const [restApi = ""] = resourcesOf(BOTH, "AWS::ApiGateway::RestApi").keys();
    expect(url(templateOf({ frontDoors: ["rest-api", "http-api"] }))).toContain(restApi);
    expect(url(BOTH)).not.toContain(restApi);
  });

  test("may stand alone", () => {
    const alone = templateOf({ frontDoors: ["rest-api"] });
    alone.resourceCountIs("AWS::ApiGatewayV2::Api", 0);
    alone.resourceCountIs("AWS::ApiGateway::RestApi", 1);
    expect(alone.findOutputs(OUTPUTS.httpApi)).toEqual({});
  });

  test("that is added leaves everything as it was: the address of the HTTP API is in pods", () => {
    const resourcesIn = (template: Template): Readonly<Record<string, unknown>> =>
      (template.toJSON() as { Resources: Readonly<Record<string, unknown>> }).Resources;
    const added = resourcesIn(templateOf({ frontDoors: ["http-api", "rest-api"] }));
    const before = resourcesIn(HTTP);
    expect(Object.keys(before).length).toBeGreaterThan(50);
    expect(Object.fromEntries(Object.keys(before).map((id) => [id, added[id]]))).toEqual(before);
  });
});

describe("limits", () => {
  const rateOf = (expectedRuns: number, route: string): number | undefined => {
    const [stage] = resourcesOf<HttpStage>(templateOf({ expectedRuns }), "AWS::ApiGatewayV2::Stage").values();
    return stage?.Properties.RouteSettings[route]?.ThrottlingRateLimit;
  };

  test.each([
    [1, 500],
    [5000, 500],
    [30_000, 3000],
    [100_000, 10_000],
    [200_000, 10_000],
  ])(
    "of beats are three times what %i runs send, and %i a second: 500 at least, and no more than an account takes",
    (runs, rate) => {
      expect(rateOf(runs, "POST /v1/runs/{run}/beat")).toBe(rate);
    },
  );

  test("of claims let a tenth of the fleet be handed over at once; owners' stay low", () => {
    expect(rateOf(30_000, "POST /v1/runs/{run}/claim")).toBe(3000);
    expect(rateOf(30_000, "PUT /v1/runs/{run}")).toBe(300);
    expect(rateOf(30_000, "GET /healthz")).toBe(20);
  });

  test("beyond what an account takes are warned of", () => {
    const warnings = (expectedRuns: number): number =>
      Annotations.fromStack(stackOf({ expectedRuns })).findWarning("*", Match.stringLikeRegexp("beats a second"))
        .length;
    expect(warnings(100_000)).toBe(0);
    expect(warnings(100_001)).toBe(1);
  });
});

describe("the URL of beats", () => {
  test("is open to anybody, by both permissions that AWS asks for", () => {
    const beat = lambdasOf(BOTH).get("beat")?.id;
    BOTH.hasResourceProperties("AWS::Lambda::Url", {
      AuthType: "NONE",
      TargetFunctionArn: { "Fn::GetAtt": [beat, "Arn"] },
    });
    const FunctionName = { "Fn::GetAtt": [beat, "Arn"] };
    BOTH.hasResourceProperties("AWS::Lambda::Permission", {
      Action: "lambda:InvokeFunctionUrl",
      FunctionUrlAuthType: "NONE",
      Principal: "*",
      FunctionName,
    });
    BOTH.hasResourceProperties("AWS::Lambda::Permission", {
      Action: "lambda:InvokeFunction",
      InvokedViaFunctionUrl: true,
      Principal: "*",
      FunctionName,
    });
  });

  test("opens no other Lambda", () => {
    type Permission = { readonly FunctionName: Value; readonly Principal: string };
    const open = [...resourcesOf<Permission>(BOTH, "AWS::Lambda::Permission").values()]
      .filter(({ Properties }) => Properties.Principal === "*")
      .map(({ Properties }) => idOf(Properties.FunctionName));
    expect([...new Set(open)]).toEqual([lambdasOf(BOTH).get("beat")?.id]);
  });

  test("is told to runners by the reply to their claim", () => {
    const [url] = resourcesOf(BOTH, "AWS::Lambda::Url").keys();
    expect(environmentOf(BOTH, "runner")["LASTBEAT_BEAT_URL"]).toEqual({ "Fn::GetAtt": [url, "FunctionUrl"] });
  });

  test("is not there unless it is asked for", () => {
    HTTP.resourceCountIs("AWS::Lambda::Url", 0);
    expect(environmentOf(HTTP, "runner")).not.toHaveProperty("LASTBEAT_BEAT_URL");
  });
});

describe("an issuer of tokens", () => {
  const template = templateOf({ jwt: { issuer: "https://oidc.example.com/id/1", audience: ["lastbeat"] } });

  test("is asked about runners, by a header of its own: authorization holds ticket or token", () => {
    template.hasResourceProperties("AWS::ApiGatewayV2::Authorizer", {
      AuthorizerType: "JWT",
      IdentitySource: ["$request.header.x-lastbeat-identity"],
      JwtConfiguration: { Issuer: "https://oidc.example.com/id/1", Audience: ["lastbeat"] },
    });
  });

  test("guards calls by ticket or token, and no others", () => {
    const routes = [...resourcesOf<HttpRoute>(template, "AWS::ApiGatewayV2::Route").values()].map(({ Properties }) => [
      Properties.RouteKey,
      Properties.AuthorizationType,
    ]);
    const wanted = { owner: "AWS_IAM", ticket: "JWT", token: "JWT", anyone: "NONE" };
    expect(routes.sort()).toEqual(ALL.map(({ method, path, caller }) => [`${method} ${path}`, wanted[caller]]).sort());
  });
});

test("an address of one's own is announced, and the canary comes by it", () => {
  const template = templateOf({ publicUrl: "https://proxy.example.com/lastbeat" });
  expect(outputOf(template, OUTPUTS.url)).toBe("https://proxy.example.com/lastbeat");
  expect(environmentOf(template, "canary")["LASTBEAT_FRONT_DOOR"]).toBe("https://proxy.example.com/lastbeat");
});
