import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { type LastbeatProps, settingsOf } from "../../cdk/settings.ts";
import { LastbeatStack } from "../../cdk/stack.ts";
import { throttleOf } from "../../cdk/throttles.ts";
import { OUTPUTS } from "../../lib/names.ts";
import { IDENTITY_HEADER, ROUTES } from "../../lib/wire/routes.ts";
import { anApp, environmentOf, idOf, lambdasOf, outputOf, resourcesOf, templateOf, type Value } from "./synthesis.ts";

/** What the account around the stack asks of it: its limits, its rules, its other accounts. */
const KEY = "arn:aws:kms:eu-central-1:123456789012:key/1a2b3c4d-0000-4000-8000-000000000000";
const ISSUERS = [1, 2].map((id) => ({ issuer: `https://oidc.example.com/id/${id}`, audience: ["lastbeat"] }));

describe("concurrency", () => {
  const reservedOf = (template: Template): Readonly<Record<string, unknown>> =>
    Object.fromEntries(
      [...resourcesOf<Record<string, unknown>>(template, "AWS::Lambda::Function")].map(([id, { Properties }]) => [
        /Lambdas(\w+?)Function/.exec(id)?.[1] ?? id,
        Properties["ReservedConcurrentExecutions"],
      ]),
    );

  test("is reserved for those Lambdas that the settings name, and shared by the others", () => {
    const reserved = reservedOf(
      templateOf({
        reservedConcurrency: { beat: 100, notice: 20, dispatch: 5 },
        webhooks: [{ name: "ci", url: "https://ci.example/" }],
      }),
    );
    expect(Object.entries(reserved).filter(([, count]) => count !== undefined)).toEqual([
      ["beat", 100],
      ["notice", 20],
      ["dispatch", 5],
    ]);
    expect(Object.values(reservedOf(templateOf())).filter((count) => count !== undefined)).toEqual([]);
  });

  test("is not spent on minutes that have passed: what fires every minute never comes again", () => {
    const configs = [
      ...resourcesOf<Record<string, unknown>>(templateOf(), "AWS::Lambda::EventInvokeConfig").values(),
    ].map(({ Properties }) => Properties);
    expect(configs).toHaveLength(2);
    for (const config of configs)
      expect(config).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
  });
});

describe("a throttle", () => {
  const settings = settingsOf({ expectedRuns: 100_000 }, "Lastbeat");

  test("never lets in more than an account of its region takes", () => {
    expect(throttleOf(ROUTES.beat, settings, "eu-central-1")).toEqual({ rate: 10_000, burst: 5000 });
    expect(throttleOf(ROUTES.beat, settings, "eu-south-1")).toEqual({ rate: 2500, burst: 1250 });
    const env = { account: "123456789012", region: "mx-central-1" };
    const stack = new LastbeatStack(anApp(), "Lastbeat", { env, expectedRuns: 100_000 });
    const [stage] = resourcesOf<{ readonly RouteSettings: Readonly<Record<string, unknown>> }>(
      Template.fromStack(stack),
      "AWS::ApiGatewayV2::Stage",
    ).values();
    expect(stage?.Properties.RouteSettings["POST /v1/runs/{run}/beat"]).toEqual({
      ThrottlingRateLimit: 2500,
      ThrottlingBurstLimit: 1250,
    });
  });

  test("lets an orchestrator register a thousand runs within ten seconds", () => {
    expect(throttleOf(ROUTES.register, settingsOf({}, "Lastbeat"), "eu-central-1")).toEqual({ rate: 100, burst: 200 });
  });
});

describe("a key of one's own", () => {
  const template = templateOf({ kmsKeyArn: KEY, accessLogs: true });

  test("encrypts the table, the queues, the secret and every log", () => {
    template.hasResourceProperties("AWS::DynamoDB::GlobalTable", {
      SSESpecification: { SSEEnabled: true, SSEType: "KMS" },
      Replicas: [Match.objectLike({ SSESpecification: { KMSMasterKeyId: KEY } })],
    });
    const isEncrypted = (type: string, field: string): void => {
      for (const { Properties } of resourcesOf<Record<string, unknown>>(template, type).values())
        expect([type, Properties[field]]).toEqual([type, KEY]);
    };
    isEncrypted("AWS::SQS::Queue", "KmsMasterKeyId");
    isEncrypted("AWS::SecretsManager::Secret", "KmsKeyId");
    isEncrypted("AWS::Logs::LogGroup", "KmsKeyId");
  });

  test("may be used by each Lambda through the services that it calls, and through no other", () => {
    type Statement = { readonly Resource: Value; readonly Condition?: object; readonly Action: readonly string[] };
    type Policy = {
      readonly PolicyDocument: { readonly Statement: readonly Statement[] };
      readonly PolicyName: string;
    };
    const used = Object.fromEntries(
      [...resourcesOf<Policy>(template, "AWS::IAM::Policy").values()].flatMap(({ Properties }) => {
        const name = /Lambdas(\w+?)Role/.exec(Properties.PolicyName)?.[1] ?? Properties.PolicyName;
        return Properties.PolicyDocument.Statement.filter(({ Resource }) => Resource === KEY).map(({ Condition }) => [
          name,
          [...JSON.stringify(Condition).matchAll(/(dynamodb|sqs|secretsmanager)\./g)].map(([, service]) => service),
        ]);
      }),
    );
    const all = ["dynamodb", "secretsmanager", "sqs"];
    expect(used).toEqual({
      beat: all,
      runner: all,
      owner: all,
      sweep: all,
      notice: all,
      canary: ["dynamodb", "secretsmanager"],
      ticker: ["sqs"],
      rotate: ["secretsmanager"],
    });
  });

  test("is nobody's by default", () => {
    expect(JSON.stringify(templateOf().toJSON())).not.toContain("kms:");
  });
});

describe("access logs", () => {
  test("name the caller and what came of it, and no header", () => {
    const both = templateOf({ accessLogs: true, frontDoors: ["http-api", "rest-api"] });
    const formats = [
      ...[...resourcesOf<Stage>(both, "AWS::ApiGatewayV2::Stage").values()].map(
        ({ Properties }) => Properties.AccessLogSettings?.Format,
      ),
      ...[...resourcesOf<Stage>(both, "AWS::ApiGateway::Stage").values()].map(
        ({ Properties }) => Properties.AccessLogSetting?.Format,
      ),
    ];
    expect(formats).toHaveLength(2);
    // What a sender writes could end the text that it stands in.
    for (const format of formats) expect(format).not.toMatch(/\.(path|message|userAgent|domainName)\b/);
    for (const format of formats) {
      expect(JSON.parse(format ?? "")).toMatchObject({ by: "$context.identity.userArn", status: "$context.status" });
      expect(format).not.toMatch(/header|authoriz/i);
    }
  });
  type Log = { readonly Format: string };
  type Stage = { readonly AccessLogSettings?: Log; readonly AccessLogSetting?: Log };

  test("are off unless they are asked for", () => {
    templateOf().hasResourceProperties("AWS::ApiGatewayV2::Stage", { AccessLogSettings: Match.absent() });
  });
});

describe("a private REST API", () => {
  const network = { vpcId: "vpc-0a", subnetIds: ["subnet-0a", "subnet-0b"], securityGroupIds: ["sg-0a"] };
  const restApi = {
    vpcEndpointIds: ["vpce-0a", "vpce-0b"],
    webAclArn: "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/a/1",
  };
  const template = templateOf({ frontDoors: ["rest-api"], restApi, network });

  test("is reached through the named endpoints alone, by a name that needs no private DNS", () => {
    template.hasResourceProperties("AWS::ApiGateway::RestApi", {
      EndpointConfiguration: { Types: ["PRIVATE"], VpcEndpointIds: restApi.vpcEndpointIds },
      Policy: {
        Statement: [
          Match.objectLike({
            Effect: "Deny",
            Principal: { AWS: "*" },
            Condition: { StringNotEquals: { "aws:SourceVpce": restApi.vpcEndpointIds } },
          }),
          Match.objectLike({ Effect: "Allow", Principal: { AWS: "*" } }),
          Match.objectLike({ Effect: "Allow" }),
        ],
      },
    });
    expect(JSON.stringify(outputOf(template, OUTPUTS.url))).toContain("-vpce-0a.execute-api.");
  });

  test("lets nobody make owners' calls whom IAM does not, and leaves the account to IAM", () => {
    type Statement = { readonly Effect: string; readonly Principal: unknown; readonly Resource: unknown };
    type Api = { readonly Policy: { readonly Statement: readonly Statement[] } };
    const [api] = resourcesOf<Api>(template, "AWS::ApiGateway::RestApi").values();
    const allowed = (api?.Properties.Policy.Statement ?? []).filter(({ Effect }) => Effect === "Allow");
    const ownersPaths = /\/(PUT|GET)\/v1\/runs|cancel|requeue|drain/;
    for (const { Principal, Resource } of allowed)
      if (JSON.stringify(Principal).includes('"*"')) expect(JSON.stringify(Resource)).not.toMatch(ownersPaths);
      else expect(JSON.stringify(Principal)).toContain(":root");
    expect(allowed).toHaveLength(2);
  });

  test("has the web ACL before its stage", () => {
    template.hasResourceProperties("AWS::WAFv2::WebACLAssociation", { WebACLArn: restApi.webAclArn });
  });

  test("has Lambdas in the same VPC, by its ids alone", () => {
    const functions = [...resourcesOf<{ readonly VpcConfig: unknown }>(template, "AWS::Lambda::Function").values()];
    for (const { Properties } of functions)
      expect(Properties.VpcConfig).toEqual({
        SubnetIds: network.subnetIds,
        SecurityGroupIds: network.securityGroupIds,
      });
    template.resourceCountIs("AWS::EC2::SecurityGroup", 0);
  });
});

describe("several issuers of tokens", () => {
  test("stand in the one authorizer of a REST API, before all calls of runners and no others", () => {
    const template = templateOf({ frontDoors: ["rest-api"], jwt: ISSUERS });
    template.hasResourceProperties("AWS::ApiGateway::Authorizer", {
      Type: "JWT",
      IdentitySource: `method.request.header.${IDENTITY_HEADER}`,
      JwtConfiguration: {
        DefaultAlgorithms: ["RS256"],
        Issuers: ISSUERS.map(({ issuer, audience }) => ({ Issuer: issuer, Audiences: audience })),
      },
    });
    // Without another deployment the stage would go on with the authorizer that it has.
    const deployed = (jwt: LastbeatProps["jwt"]): readonly string[] => [
      ...resourcesOf(
        templateOf({ frontDoors: ["rest-api"], ...(jwt !== undefined && { jwt }) }),
        "AWS::ApiGateway::Deployment",
      ).keys(),
    ];
    const ids = [undefined, ISSUERS[0], ISSUERS].map((jwt) => deployed(jwt)[0]);
    expect(new Set(ids).size).toBe(3);
    const types = [
      ...resourcesOf<{ readonly AuthorizationType: string }>(template, "AWS::ApiGateway::Method").values(),
    ].map(({ Properties }) => Properties.AuthorizationType);
    const count = (type: string): number => types.filter((each) => each === type).length;
    expect([count("JWT"), count("AWS_IAM"), count("NONE")]).toEqual([4, 7, 2]);
  });
});

describe("owners of other accounts", () => {
  test("assume a role that may make the calls of owners, and is told", () => {
    const ownerPrincipals = ["111122223333", "arn:aws:iam::444455556666:role/airflow"];
    const template = templateOf({ ownerPrincipals });
    const role = idOf(outputOf(template, OUTPUTS.ownerRole));
    const roles = resourcesOf<{ readonly AssumeRolePolicyDocument: unknown }>(template, "AWS::IAM::Role");
    const trusted = JSON.stringify(roles.get(role)?.Properties.AssumeRolePolicyDocument);
    expect(trusted).toContain(":iam::111122223333:root");
    expect(trusted).toContain("arn:aws:iam::444455556666:role/airflow");
    template.hasResourceProperties("AWS::IAM::Policy", {
      Roles: [{ Ref: role }],
      PolicyDocument: { Statement: [Match.objectLike({ Action: "execute-api:Invoke" })] },
    });
  });
});

test("alarms go to the topic of an ARN", () => {
  const alarmTopicArn = "arn:aws:sns:eu-central-1:123456789012:alarms";
  const alarms = resourcesOf<Record<string, unknown>>(templateOf({ alarmTopicArn }), "AWS::CloudWatch::Alarm");
  for (const { Properties } of alarms.values())
    expect([Properties["AlarmActions"], Properties["OKActions"]]).toEqual([[alarmTopicArn], [alarmTopicArn]]);
});

test("requeue messages are hidden for as long as their consumer takes", () => {
  const template = templateOf({ requeueVisibilitySeconds: 1800 });
  const queues = resourcesOf<{ readonly VisibilityTimeout?: number }>(template, "AWS::SQS::Queue");
  expect(queues.get(idOf(outputOf(template, OUTPUTS.requeueQueue)))?.Properties.VisibilityTimeout).toBe(1800);
});

test("only a deployment that says so answers owners without a name", () => {
  expect(environmentOf(templateOf({ anonymousOwners: true }), "owner")).toHaveProperty("LASTBEAT_ANONYMOUS_OWNERS");
  for (const name of lambdasOf(templateOf()).keys())
    expect(environmentOf(templateOf(), name)).not.toHaveProperty("LASTBEAT_ANONYMOUS_OWNERS");
});
